"""Writing a dossier: parts in order of name, then the manifest over them, then its signature.

First everything is gone through and signed, which finds what cannot be read before a byte is
written; then it is written. Equal content, time and key give equal bytes.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Final

from provenance.core.jcs import canonicalize
from provenance.core.notes import Signer
from provenance.evidence.dossier.container import (
    ContainerWriter,
    Measured,
    Output,
    measure,
    size_of,
)
from provenance.evidence.dossier.content import DossierContent, DossierDocument, DossierEvent
from provenance.evidence.dossier.readme import README, REPORT_MISSING, UNLISTED
from provenance.intake.documents.description import MEDIA_TYPE as DESCRIPTION
from provenance.verify.dossier.manifest import (
    DOCUMENT,
    FIXED_NAMES,
    FOLDER,
    MANIFEST,
    SIGNATURE,
    Manifest,
    ManifestFile,
    compact,
    key_name,
    sign_input,
)

Progress = Callable[[str, int, int], None]
"""Told what is written, how many parts are, and how many there are."""

_LONGEST_STEM: Final = 60
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_MEDIA_TYPES: Final = {
    "readme": "text/plain",
    "case": "application/json",
    "report": "application/pdf",
    "verifier": "text/html",
    "anchors": "application/jsonl",
    "closing": "application/json",
    "payloads": "application/jsonl",
    "receipts": "application/jsonl",
    "timestamps": "application/jsonl",
}
_SUFFIXES: Final = {
    "application/pdf": ".pdf",
    "application/json": ".json",
    DESCRIPTION: ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/tiff": ".tif",
    "image/heic": ".heic",
    "image/webp": ".webp",
    "text/csv": ".csv",
    "message/rfc822": ".eml",
    "application/ld+json": ".jsonld",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """A dossier that was measured and signed, and can be written; ``size`` is that of the file."""

    manifest: Manifest
    size: int
    members: tuple[tuple[str, Iterable[bytes], Measured], ...]


def plan_dossier(
    content: DossierContent, *, signer: Signer, created_at: int, progress: Progress | None = None
) -> Plan:
    """Go through ``content`` once, and sign what it is.

    ``signer`` holds a key of the newest log; ``created_at`` is in milliseconds since the epoch.

    Raises:
        ContainerError: it is too large, or has too many parts.
        FormatError: a title or a code is not what the manifest allows.

    """
    parts = sorted(_parts(content), key=lambda part: part[0].name)
    files: list[ManifestFile] = []
    members: list[tuple[str, Iterable[bytes], Measured]] = []
    for done, (part, chunks) in enumerate(parts):
        if progress is not None:
            progress(part.name, done, len(parts))
        if chunks is None:
            files.append(part)
            continue
        measured = measure(chunks)
        files.append(replace(part, size=measured.size, sha256=measured.sha256))
        members.append((part.name, chunks, measured))
    manifest = Manifest(
        created_at=created_at,
        origins=content.origins,
        subjects=content.subjects,
        files=tuple(files),
        case=(
            {"id": content.case.id, "type": content.case.type, "state": content.case.state}
            if content.case is not None
            else None
        ),
    )
    data = manifest.encode()
    Manifest.decode(data)
    kid = key_name(signer.verifier())
    signature = compact(kid, signer.private_key.sign(sign_input(kid, data)))
    members += [(name, [part], measure([part])) for name, part in _signed(data, signature)]
    return Plan(
        manifest=manifest,
        size=size_of((name, measured) for name, _, measured in members),
        members=tuple(members),
    )


def write_dossier(plan: Plan, output: Output, *, progress: Progress | None = None) -> None:
    """Write what was planned to ``output``, which has taken nothing yet.

    Raises:
        ChecksumError: a document is not what was measured; what was written is no dossier.

    """
    writer = ContainerWriter(output)
    for done, (name, chunks, measured) in enumerate(plan.members):
        if progress is not None:
            progress(name, done, len(plan.members))
        writer.add(name, chunks, measured)
    writer.close()
    if progress is not None:
        progress(SIGNATURE, len(plan.members), len(plan.members))


def build_dossier(
    output: Output,
    content: DossierContent,
    *,
    signer: Signer,
    created_at: int,
    progress: Progress | None = None,
) -> Manifest:
    """Plan and write a dossier in one; returns the manifest. Raises what the two raise."""
    plan = plan_dossier(content, signer=signer, created_at=created_at)
    write_dossier(plan, output, progress=progress)
    return plan.manifest


def document_name(number: int, document: DossierDocument) -> str:
    """Name of a document's member: its number, and of its title what a name may hold."""
    if document.state is not None:
        return f"{FOLDER}{number:04d}"
    untitled = "description" if document.media_type == DESCRIPTION else "document"
    title = PurePosixPath((document.title or untitled).replace("\\", "/")).name
    stem, dot, suffix = title.rpartition(".")
    if not dot or not re.fullmatch(r"[A-Za-z0-9]{1,8}", suffix):
        stem, suffix = title, _SUFFIXES.get(document.media_type, ".bin")[1:]
    safe = _UNSAFE.sub("-", stem).strip("-.")[:_LONGEST_STEM] or "document"
    return f"{FOLDER}{number:04d}-{safe}.{suffix}"


@dataclass(frozen=True, slots=True)
class _Read:
    """A document that is opened anew each time that it is gone through."""

    open: Callable[[], Iterable[bytes]]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.open())


Part = tuple[ManifestFile, Iterable[bytes] | None]


def _parts(content: DossierContent) -> Iterator[Part]:
    for number, document in enumerate(content.documents, start=1):
        part = ManifestFile(
            name=document_name(number, document),
            role=DOCUMENT,
            media_type=document.media_type,
            code=document.code,
            title=document.title if document.state is None else None,
            record=document.record,
            state=document.state,
        )
        yield part, None if document.read is None else _Read(document.read)
    receipts = sorted(content.receipts, key=lambda receipt: receipt.index)
    readme = README + (REPORT_MISSING if content.is_report_missing else "")
    if content.unlisted:
        readme += UNLISTED.format(count=content.unlisted)
    yield _fixed("readme", [readme.encode()])
    yield _fixed("anchors", [line + b"\n" for line in content.anchors])
    yield _fixed("closing", [content.closing.encode()])
    yield _fixed("receipts", [receipt.encode() + b"\n" for receipt in receipts])
    if content.events:
        events = sorted(content.events, key=lambda event: event.record)
        yield _fixed("payloads", [_payload_line(event) for event in events])
    if content.case_file is not None:
        yield _fixed("case", [canonicalize(content.case_file)])
    if content.report is not None:
        yield _fixed("report", [content.report])
    if content.verifier is not None:
        yield _fixed("verifier", [content.verifier])
    if content.timestamps:
        yield _fixed("timestamps", [stamp.encode() + b"\n" for stamp in content.timestamps])


def _fixed(role: str, chunks: Iterable[bytes]) -> Part:
    return ManifestFile(FIXED_NAMES[role], role, _MEDIA_TYPES[role]), chunks


def _signed(manifest: bytes, signature: bytes) -> Iterator[tuple[str, bytes]]:
    yield MANIFEST, manifest
    yield SIGNATURE, signature


def _payload_line(event: DossierEvent) -> bytes:
    try:
        text = event.payload.decode()
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        line = {"record": event.record, "base64": b64encode(event.payload).decode()}
    else:
        line = {"record": event.record, "text": text}
    return canonicalize(line) + b"\n"
