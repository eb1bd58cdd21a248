"""The container: a ZIP file of which every byte follows from names, sizes and checksums.

Rules: members are stored, sorted by name, one after the other from byte 0, then the central
directory, then the end record, and nothing else. Version, flags, times and attributes have one
value each; there are no extra fields, comments, data descriptors, directories or ZIP64 records.
The reader takes the listing out of the central directory, rebuilds every header from it and
compares, so that a changed bit is found wherever it is. It never inflates and never writes.
"""

import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import IO, Final

from provenance.verify.dossier import errors
from provenance.verify.dossier.errors import ContainerError

MAX_BYTES: Final = 0xFFFF_FFFE
"""Of the whole file: where ZIP64 would begin. A larger case is written as several dossiers."""
MAX_MEMBERS: Final = 4_096
"""A thousand documents fit four times; events and receipts are lines of one member each."""
MAX_NAME: Final = 128
"""Bytes of a member's name: it unpacks on every file system."""
CHUNK: Final = 1 << 20
"""Bytes that are read at a time."""

LOCAL: Final = struct.Struct("<4s5H3I2H")
CENTRAL: Final = struct.Struct("<4s6H3I5H2I")
END: Final = struct.Struct("<4s4H2IH")

_LOCAL_MAGIC: Final = b"PK\x03\x04"
_CENTRAL_MAGIC: Final = b"PK\x01\x02"
_END_MAGIC: Final = b"PK\x05\x06"
_VERSION: Final = 20
_TIME: Final = 0
_DATE: Final = 0x0021
"""1980-01-01, the first day that the format can hold."""
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LONGEST_COMMENT: Final = 0xFFFF
_ORDINARY: Final = frozenset({0o00, 0o04, 0o10})
"""Unix file types, the top four bits of the attributes, that are no special file."""


@dataclass(frozen=True, slots=True)
class Member:
    """One member: name, size in bytes, CRC-32, and where its local header begins."""

    name: str
    size: int
    crc: int
    offset: int

    @property
    def start(self) -> int:
        """Where its bytes begin."""
        return self.offset + LOCAL.size + len(self.name)

    @property
    def end(self) -> int:
        """Where the next header begins."""
        return self.start + self.size

    def local_header(self) -> bytes:
        """Return the bytes that stand before its own."""
        name = self.name.encode("ascii")
        fixed = (_LOCAL_MAGIC, _VERSION, 0, 0, _TIME, _DATE)
        return LOCAL.pack(*fixed, self.crc, self.size, self.size, len(name), 0) + name

    def central_header(self) -> bytes:
        """Return its line of the central directory."""
        name = self.name.encode("ascii")
        fixed = (_CENTRAL_MAGIC, _VERSION, _VERSION, 0, 0, _TIME, _DATE)
        sizes = (self.crc, self.size, self.size, len(name))
        return CENTRAL.pack(*fixed, *sizes, 0, 0, 0, 0, 0, self.offset) + name


def end_record(members: int, *, size: int, offset: int) -> bytes:
    """Return the end record of a central directory of ``size`` bytes at ``offset``."""
    return END.pack(_END_MAGIC, 0, 0, members, members, size, offset, 0)


def check_name(name: str, *, offset: int | None = None) -> str:
    """Return ``name`` if a member may have it.

    Raises:
        ContainerError: one of its subclasses for each reason.

    """

    def refuse(kind: type[ContainerError], why: str) -> ContainerError:
        shown = "".join(
            letter if " " <= letter <= "~" else f"\\x{ord(letter):02x}" for letter in name
        )
        return kind(why, where=shown[:MAX_NAME], offset=offset)

    if not name.isascii():
        raise refuse(errors.NameNotAsciiError, "a name is ASCII")
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise refuse(errors.AbsoluteNameError, "a name is relative")
    segments = re.split(r"[/\\]", name)
    if ".." in segments or "." in segments:
        raise refuse(errors.TraversalError, "a name does not lead out of its folder")
    if not 0 < len(name) <= MAX_NAME:
        raise refuse(errors.MemberNameError, f"a name has 1 to {MAX_NAME} characters")
    if not all(_SEGMENT.fullmatch(segment) for segment in name.split("/")):
        raise refuse(errors.MemberNameError, "a name is letters, digits, dot, dash and underscore")
    return name


def check_order(names: list[str]) -> None:
    """Refuse names that occur twice, or are not sorted.

    Raises:
        ContainerError: one of its subclasses for each reason.

    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.get(name.lower())
        if other == name:
            raise errors.DuplicateNameError("two members have this name", where=name)
        if other is not None:
            raise errors.NamesAlikeError(f"differs from {other} in large letters only", where=name)
        seen[name.lower()] = name
    for before, after in pairwise(names):
        if after < before:
            raise errors.OrderError(f"stands after {before}", where=after)


class Container:
    """A dossier's members, their headers compared; the bytes are checked as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        """Read the listing of a seekable ``file``; raises a :class:`ContainerError`."""
        self._file = file
        self.members = _read_listing(file)
        self._by_name = {member.name: member for member in self.members}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def member(self, name: str) -> Member:
        """Return the member of that name; raises a MemberError if there is none."""
        try:
            return self._by_name[name]
        except KeyError:
            raise errors.MemberError("is missing", where=name) from None

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Bytes of a member, in pieces.

        Raises:
            ChecksumError: after the last piece, if they are not those of the CRC-32.

        """
        self._file.seek(member.start)
        left, crc = member.size, 0
        while left:
            chunk = self._file.read(min(left, CHUNK))
            if not chunk:
                raise errors.NotZipError("the file was cut while it was read", where=member.name)
            left -= len(chunk)
            crc = zlib.crc32(chunk, crc)
            yield chunk
        if crc != member.crc:
            raise errors.ChecksumError(
                "its bytes are not those of its CRC-32", where=member.name, offset=member.start
            )

    def read(self, member: Member, *, limit: int) -> bytes:
        """All bytes of a member of at most ``limit`` bytes.

        Raises:
            ContainerError: it has more.
            ChecksumError: its bytes are not those of the CRC-32.

        """
        if member.size > limit:
            raise errors.ContainerTooLargeError(
                f"has {member.size} bytes; at most {limit} are read",
                where=member.name,
                offset=member.start,
            )
        return b"".join(self.chunks(member))

    def lines(self, member: Member, *, limit: int) -> Iterator[bytes]:
        """Lines of a member without their line breaks; each ends in one.

        Raises:
            ContainerError: a line has more than ``limit`` bytes, or the last has no end.
            ChecksumError: after the last line, as in :meth:`chunks`.

        """
        rest = b""
        for chunk in self.chunks(member):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if len(line) > limit:
                    break
                yield line
            else:
                if len(rest) <= limit:
                    continue
            raise errors.ContainerTooLargeError(
                f"a line has more than {limit} bytes", where=member.name, offset=member.start
            )
        if rest:
            raise errors.MemberError(
                "its last line has no end", where=member.name, offset=member.end
            )


def _read_listing(file: IO[bytes]) -> tuple[Member, ...]:
    total = file.seek(0, 2)
    if total == 0:
        raise errors.EmptyFileError("the file has no bytes", offset=0)
    if total > MAX_BYTES:
        raise errors.ContainerTooLargeError(f"has {total} bytes; at most {MAX_BYTES} are read")
    count, size, offset = _read_end(file, total)
    _check_start(file, offset)
    file.seek(offset)
    members = _read_directory(file.read(size), count=count, offset=offset)
    check_order([member.name for member in members])
    for member in members:
        file.seek(member.offset)
        _compare(
            file.read(member.start - member.offset),
            member.local_header(),
            where=f"local header of {member.name}",
            offset=member.offset,
        )
    return tuple(members)


def _read_end(file: IO[bytes], total: int) -> tuple[int, int, int]:
    """Count of members, size and offset of the central directory."""
    start = total - END.size
    file.seek(max(start - _LONGEST_COMMENT, 0))
    tail = file.read()
    record = tail[-END.size :]
    if len(record) < END.size or not record.startswith(_END_MAGIC):
        at = tail.rfind(_END_MAGIC, 0, max(len(tail) - END.size + 3, 0))
        if at >= 0:
            raise errors.TrailingDataError(
                "bytes follow the end record", offset=total - len(tail) + at + END.size
            )
        raise errors.NotZipError(
            "there is no end record: no ZIP file, or one that was cut", offset=max(start, 0)
        )
    _, _, _, _, count, size, offset, comment = END.unpack(record)
    if count == 0xFFFF or 0xFFFF_FFFF in (size, offset):
        raise errors.Zip64Error("a ZIP64 end record", offset=start)
    if comment:
        raise errors.TrailingDataError("a comment in the end record", offset=start + 20)
    if count > MAX_MEMBERS:
        raise errors.TooManyMembersError(
            f"{count} members; at most {MAX_MEMBERS} are read", offset=start + 10
        )
    if offset + size < start:
        raise errors.LeadingDataError(
            f"{start - offset - size} bytes more than the headers account for", offset=0
        )
    if offset + size > start:
        raise errors.FalseSizeError("the central directory does not fit the file", offset=start)
    if not count:
        raise errors.EmptyFileError("the archive has no members", offset=start)
    _compare(record, end_record(count, size=size, offset=offset), where="end record", offset=start)
    return count, size, offset


def _check_start(file: IO[bytes], offset: int) -> None:
    file.seek(0)
    first = file.read(4)
    if first == _LOCAL_MAGIC or not offset:
        return
    raise errors.LeadingDataError("the file does not begin with a member", offset=0)


def _read_directory(directory: bytes, *, count: int, offset: int) -> list[Member]:
    members: list[Member] = []
    at = expected = 0
    for _ in range(count):
        place = offset + at
        fields = directory[at : at + CENTRAL.size]
        if len(fields) < CENTRAL.size or not fields.startswith(_CENTRAL_MAGIC):
            raise errors.HeaderError("not a line of the central directory", offset=place)
        values = CENTRAL.unpack(fields)
        name_bytes = directory[at + CENTRAL.size : at + CENTRAL.size + values[10]]
        name = check_name(name_bytes.decode("latin-1"), offset=place)
        member = Member(name=name, size=values[9], crc=values[7], offset=values[16])
        _check_fields(values, name=name, place=place)
        _check_place(member, expected=expected, end=offset, place=place)
        header = member.central_header()
        where = f"central header of {name}"
        _compare(directory[at : at + len(header)], header, where=where, offset=place)
        members.append(member)
        expected, at = member.end, at + len(header)
    if at != len(directory):
        raise errors.GapError(
            "bytes after the last line of the central directory", offset=offset + at
        )
    if expected != offset:
        raise errors.GapError("bytes after the last member", offset=expected)
    return members


def _check_fields(values: tuple[int, ...], *, name: str, place: int) -> None:
    """Say by name what the comparison of bytes would call a difference."""
    _, _, _, flags, method, _, _, _, stored, size, _, extra, comment, _, _, attributes, _ = values
    found: tuple[tuple[bool, type[ContainerError], str], ...] = (
        (bool(flags & 1), errors.EncryptedError, "is encrypted"),
        (method != 0, errors.CompressedError, "is compressed"),
        (bool(flags & 8), errors.DataDescriptorError, "has a data descriptor"),
        (attributes >> 28 not in _ORDINARY, errors.LinkError, "is a link or special file"),
        (0xFFFF_FFFF in (stored, size), errors.Zip64Error, "has ZIP64 sizes"),
        (extra != 0, errors.ExtraFieldError, "has an extra field"),
        (comment != 0, errors.CommentError, "has a comment"),
    )
    for is_so, kind, why in found:
        if is_so:
            raise kind(why, where=name, offset=place)


def _check_place(member: Member, *, expected: int, end: int, place: int) -> None:
    if member.offset < expected:
        raise errors.OverlapError("shares bytes with another", where=member.name, offset=place)
    if member.offset > expected:
        raise errors.GapError(
            "bytes before it belong to no member", where=member.name, offset=expected
        )
    if member.end > end:
        raise errors.FalseSizeError(
            f"claims {member.size} bytes that the file does not have",
            where=member.name,
            offset=place,
        )


def _compare(found: bytes, expected: bytes, *, where: str, offset: int) -> None:
    if found == expected:
        return
    at = next(
        (at for at, (one, other) in enumerate(zip(found, expected, strict=False)) if one != other),
        min(len(found), len(expected)),
    )
    raise errors.HeaderError("is not what the listing leads to", where=where, offset=offset + at)
