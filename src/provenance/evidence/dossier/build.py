"""Writing a dossier: parts in order of name, then the manifest over them, then its signature.

Equal content, time and key give equal bytes.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from provenance.core.jcs import canonicalize
from provenance.core.notes import Signer
from provenance.evidence.dossier.container import ContainerWriter, Output, Written
from provenance.evidence.dossier.content import DossierContent, DossierDocument, DossierEvent
from provenance.evidence.dossier.readme import README
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
}
_SUFFIXES: Final = {
    "application/pdf": ".pdf",
    "application/json": ".json",
    "application/xml": ".xml",
    "text/xml": ".xml",
    "text/plain": ".txt",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}


def build_dossier(
    output: Output,
    content: DossierContent,
    *,
    signer: Signer,
    created_at: int,
    progress: Progress | None = None,
) -> Manifest:
    """Write ``content`` to ``output``, which has taken nothing yet; returns the manifest.

    ``signer`` holds a key of the newest log; ``created_at`` is in milliseconds since the epoch.

    Raises:
        ContainerError: it is too large, or has too many parts.
        ChecksumError: a document was another one when it was read again.
        FormatError: a title or a code is not what the manifest allows.

    """
    parts = sorted(_parts(content), key=lambda part: part[0].name)
    writer = ContainerWriter(output)
    files: list[ManifestFile] = []
    for done, (part, chunks) in enumerate(parts):
        if progress is not None:
            progress(part.name, done, len(parts))
        files.append(part if chunks is None else _with(part, writer.add(part.name, chunks)))
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
    writer.add(MANIFEST, [data])
    writer.add(SIGNATURE, [compact(kid, signer.private_key.sign(sign_input(kid, data)))])
    writer.close()
    if progress is not None:
        progress(SIGNATURE, len(parts), len(parts))
    return manifest


def document_name(number: int, document: DossierDocument) -> str:
    """Name of a document's member: its number, and of its title what a name may hold."""
    if document.state is not None:
        return f"{FOLDER}{number:04d}"
    title = PurePosixPath((document.title or "document").replace("\\", "/")).name
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
    yield _fixed("readme", [README.encode()])
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


def _fixed(role: str, chunks: Iterable[bytes]) -> Part:
    return ManifestFile(FIXED_NAMES[role], role, _MEDIA_TYPES[role]), chunks


def _with(part: ManifestFile, written: Written) -> ManifestFile:
    return ManifestFile(
        name=part.name,
        role=part.role,
        media_type=part.media_type,
        size=written.size,
        sha256=written.sha256,
        code=part.code,
        title=part.title,
        record=part.record,
    )


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
