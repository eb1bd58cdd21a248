"""Reading a dossier: its parts, held against container and manifest, before anything is judged.

What breaks the format ends here, with an error that names the place. Documents are hashed as they
stream and never held; events, receipts and proofs are kept, and parsed only once signature and
hashes were seen to hold. Each line is bounded in bytes and in values before it is parsed.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, Final, TypeVar

from provenance.core.errors import BadValueError, FormatError, ProofError
from provenance.core.jcs import Limits, parse_canonical
from provenance.core.members import Members
from provenance.core.notes import decode_base64
from provenance.core.payload import MAX_PAYLOAD
from provenance.core.receipt import MAX_RECEIPT_BYTES, Receipt
from provenance.core.trustfile import TrustFile
from provenance.verify.dossier import errors
from provenance.verify.dossier.anchors import MAX_LINE, ChainProofs
from provenance.verify.dossier.closing import MAX_CLOSING, Closing
from provenance.verify.dossier.container import Container, Member
from provenance.verify.dossier.errors import ContainerError, MemberError
from provenance.verify.dossier.front import Front, check_front
from provenance.verify.dossier.manifest import (
    DOCUMENT,
    FIXED_NAMES,
    MANIFEST,
    MAX_MANIFEST,
    MAX_SIGNATURE,
    SIGNATURE,
    Manifest,
    ManifestFile,
    ManifestSignature,
)
from provenance.verify.dossier.timestamps import MAX_STAMP_LINE, MAX_TIMESTAMPS, Timestamp

MAX_ENTRIES: Final = 1 << 17
"""Receipts of one dossier: ten times the largest case that is planned for."""
MALFORMED: Final = "is not what its format allows"
"""Reason of a refusal for a defect inside a part; its code says which."""

_MAX_PAYLOAD_LINE: Final = 12 * MAX_PAYLOAD + 1_024
"""Every byte of a payload may be spelled as an escape of six."""
_PAYLOAD_LIMITS: Final = Limits(max_bytes=_MAX_PAYLOAD_LINE, max_depth=1, max_values=16)
_MAGICS: Final = (
    b"PK\x03\x04", b"PK\x05\x06", b"Rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh",
    b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd",
)  # fmt: skip
_ARCHIVES: Final = frozenset(
    {
        "application/epub+zip",
        "application/gzip",
        "application/vnd.etsi.asic-e+zip",
        "application/vnd.etsi.asic-s+zip",
        "application/vnd.rar",
        "application/x-7z-compressed",
        "application/x-bzip2",
        "application/x-tar",
        "application/x-xz",
        "application/zip",
        "application/zstd",
    }
)
_ARCHIVE_FAMILIES: Final = (
    "application/vnd.openxmlformats-officedocument.",
    "application/vnd.oasis.opendocument.",
)
_TAR: Final = slice(257, 262)

Progress = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""
T = TypeVar("T")


def silent(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Dossier(Front):
    """A dossier that keeps to the format; nothing in it was judged.

    ``payloads`` are the bytes of events by the index of their record's first entry. ``ext`` of the
    receipts is left out: nothing reads it, and it takes many times its bytes.
    """

    proofs: ChainProofs
    closing: Closing
    receipts: tuple[Receipt, ...]
    payloads: dict[int, bytes]
    timestamps: tuple[Timestamp, ...]


def read_dossier(
    file: IO[bytes], *, trust: TrustFile | None = None, progress: Progress = silent
) -> Dossier:
    """Read a dossier from a seekable file; ``trust`` is whom the verifier trusts.

    Raises:
        ContainerError: the file breaks the container's profile, or a part has a defect.
        ChecksumError: a member's bytes are not those of its CRC-32.
        FrontError: the signature does not hold, or the evidence is not what the manifest lists.
        ProofError: a chain proof does not prove what it holds.

    """
    container = Container(file)
    front = _read_front(container, file.seek(0, 2), progress)
    check_front(front, trust)
    manifest = front.manifest
    proofs = ChainProofs()
    for _ in _read_lines(container, manifest, "anchors", MAX_LINE, proofs.add):
        pass
    lines = _read_lines(container, manifest, "receipts", MAX_RECEIPT_BYTES, _receipt)
    receipts = tuple(_receipts(lines, container))
    closing_member = container.member(FIXED_NAMES["closing"])
    data = container.read(closing_member, limit=MAX_CLOSING)
    with _inside(closing_member.name, closing_member):
        closing = Closing.decode(data, entries=len(receipts))
    stamps = _read_lines(container, manifest, "timestamps", MAX_STAMP_LINE, Timestamp.decode)
    payload_lines = _read_lines(container, manifest, "payloads", _MAX_PAYLOAD_LINE, _payload)
    return Dossier(
        size=front.size,
        members=front.members,
        manifest=manifest,
        manifest_bytes=front.manifest_bytes,
        signature=front.signature,
        hashes=front.hashes,
        proofs=proofs,
        closing=closing,
        receipts=receipts,
        payloads=_payloads(payload_lines, container, most=len(receipts)),
        timestamps=tuple(_timestamps(stamps, container)),
    )


def _read_front(container: Container, size: int, progress: Progress) -> Front:
    manifest_bytes = container.read(container.member(MANIFEST), limit=MAX_MANIFEST)
    with _inside(MANIFEST, container.member(MANIFEST)):
        manifest = Manifest.decode(manifest_bytes)
    signature_bytes = container.read(container.member(SIGNATURE), limit=MAX_SIGNATURE)
    with _inside(SIGNATURE, container.member(SIGNATURE)):
        signature = ManifestSignature.decode(signature_bytes)
    _check_members(container, manifest)
    return Front(
        size=size,
        members=len(container.members),
        manifest=manifest,
        manifest_bytes=manifest_bytes,
        signature=signature,
        hashes=dict(_hash(container, manifest, progress)),
    )


class InsideError(ContainerError):
    """A part of the dossier has a defect of its own format, whose code this error carries."""

    def __init__(self, cause: FormatError | ProofError, *, where: str, offset: int) -> None:
        is_format = isinstance(cause, FormatError)
        super().__init__(MALFORMED if is_format else str(cause), where=where, offset=offset)
        self.inner = cause.code
        self.tampered = not is_format


@contextmanager
def _inside(where: str, member: Member) -> Iterator[None]:
    try:
        yield
    except (ContainerError, errors.ChecksumError):
        raise
    except (FormatError, ProofError) as error:
        raise InsideError(error, where=where, offset=member.start) from error


def _check_members(container: Container, manifest: Manifest) -> None:
    present = {file.name for file in manifest.files if file.state is None}
    found = {member.name for member in container.members} - {MANIFEST, SIGNATURE}
    for name in sorted(present - found):
        raise MemberError("is in the manifest and not in the file", where=name)
    for name in sorted(found - present):
        raise MemberError(
            "is not in the manifest", where=name, offset=container.member(name).offset
        )


def _hash(
    container: Container, manifest: Manifest, progress: Progress
) -> Iterator[tuple[str, tuple[bytes, int]]]:
    total, done = sum(member.size for member in container.members), 0
    for file in manifest.files:
        if file.state is not None:
            continue
        member, digest, first = container.member(file.name), hashlib.sha256(), b""
        for chunk in container.chunks(member):
            first = first or chunk[:512]
            digest.update(chunk)
            done += len(chunk)
            progress("hashing", done, total)
        if file.role == DOCUMENT:
            _check_archive(file, first, member)
        yield file.name, (digest.digest(), member.size)


def _check_archive(file: ManifestFile, first: bytes, member: Member) -> None:
    if not first.startswith(_MAGICS) and first[_TAR] != b"ustar":
        return
    if file.media_type in _ARCHIVES or file.media_type.startswith(_ARCHIVE_FAMILIES):
        return
    raise errors.UndeclaredArchiveError(
        "is an archive, and the manifest says that it is something else",
        where=file.name,
        offset=member.start,
    )


def _read_lines(
    container: Container, manifest: Manifest, role: str, limit: int, read: Callable[[bytes], T]
) -> Iterator[T]:
    if manifest.file(role) is None:
        return
    member = container.member(FIXED_NAMES[role])
    for number, line in enumerate(container.lines(member, limit=limit), start=1):
        with _inside(f"{member.name} line {number}", member):
            value = read(line)
        yield value


def _receipt(line: bytes) -> Receipt:
    receipt = Receipt.decode(line)
    return receipt if receipt.ext is None else replace(receipt, ext=None)


def _receipts(lines: Iterator[Receipt], container: Container) -> Iterator[Receipt]:
    member, last = container.member(FIXED_NAMES["receipts"]), -1
    for number, receipt in enumerate(lines, start=1):
        where = f"{member.name} line {number}"
        if receipt.index <= last or number > MAX_ENTRIES:
            with _inside(where, member):
                raise BadValueError("entries do not come in order of index")
        last = receipt.index
        yield receipt
    if last < 0:
        with _inside(member.name, member):
            raise BadValueError("there is no receipt")


def _timestamps(lines: Iterator[Timestamp], container: Container) -> Iterator[Timestamp]:
    last = -1
    for number, stamp in enumerate(lines, start=1):
        if stamp.parsed.size <= last or number > MAX_TIMESTAMPS:
            member = container.member(FIXED_NAMES["timestamps"])
            with _inside(f"{member.name} line {number}", member):
                raise BadValueError("checkpoints do not come in order of size")
        last = stamp.parsed.size
        yield stamp


def _payload(line: bytes) -> tuple[int, bytes]:
    members = Members(parse_canonical(line, limits=_PAYLOAD_LIMITS), where="")
    kind = "text" if "text" in members else "base64"
    members.only(("record", kind))
    body = members.text(kind)
    if kind == "text":
        return members.integer("record"), body.encode()
    return members.integer("record"), decode_base64(body, where="/base64")


def _payloads(
    lines: Iterator[tuple[int, bytes]], container: Container, *, most: int
) -> dict[int, bytes]:
    """The payloads, at most as many as there are receipts."""
    found: dict[int, bytes] = {}
    last = -1
    for number, (record, data) in enumerate(lines, start=1):
        if record <= last or number > most:
            member = container.member(FIXED_NAMES["payloads"])
            with _inside(f"{member.name} line {number}", member):
                raise BadValueError("records do not come in order of index")
        last = record
        found[record] = data
    return found
