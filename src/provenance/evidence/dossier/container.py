"""Writing the container: bytes go out in their order and never back.

A header names size and checksum of what follows it, and descriptors behind it are not allowed. So
each member is gone through twice, first to be measured and then to be written: a dossier of any
size goes straight to whoever asked for it, and no copy of a document lies on a disk meanwhile.
"""

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from provenance.verify.dossier import errors
from provenance.verify.dossier.container import (
    MAX_BYTES,
    MAX_MEMBERS,
    Member,
    check_name,
    check_order,
    end_record,
)


class Output(Protocol):
    """Where a dossier goes: an open file, or a pipe."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""
        ...


@dataclass(frozen=True, slots=True)
class Measured:
    """What a member is: size in bytes, CRC-32 and SHA-256."""

    size: int
    crc: int
    sha256: bytes


class _Meter:
    """Measures what goes through it."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self._crc = 0
        self.size = 0

    def through(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """The chunks, as they are."""
        for chunk in chunks:
            self._digest.update(chunk)
            self._crc = zlib.crc32(chunk, self._crc)
            self.size += len(chunk)
            yield chunk

    @property
    def found(self) -> Measured:
        """What went through so far."""
        return Measured(size=self.size, crc=self._crc, sha256=self._digest.digest())


def measure(chunks: Iterable[bytes]) -> Measured:
    """Go through a member once.

    Raises:
        ContainerTooLargeError: it alone is larger than a dossier may be.

    """
    meter = _Meter()
    for _ in meter.through(chunks):
        _check_size(meter.size)
    return meter.found


class ContainerWriter:
    """Writes members, in order of name, to ``output``, which has taken nothing yet."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._members: list[Member] = []
        self._end = 0

    def add(self, name: str, chunks: Iterable[bytes], measured: Measured) -> None:
        """Write one member, which was measured before.

        Raises:
            ContainerError: its name, its place or its size is not what a dossier allows.
            ChecksumError: it is not what was measured; what was written is no dossier.

        """
        check_name(name)
        check_order([*(member.name for member in self._members[-1:]), name])
        if len(self._members) == MAX_MEMBERS:
            raise errors.TooManyMembersError(f"a dossier has at most {MAX_MEMBERS} members")
        member = Member(name=name, size=measured.size, crc=measured.crc, offset=self._end)
        _check_size(member.end)
        self._output.write(member.local_header())
        meter = _Meter()
        for chunk in meter.through(chunks):
            if meter.size > measured.size:
                break
            self._output.write(chunk)
        if meter.found != measured:
            raise errors.ChecksumError(
                "was another one when it was read again", where=name, offset=member.start
            )
        self._members.append(member)
        self._end = member.end

    def close(self) -> int:
        """Write the central directory and the end record; returns the size of the whole."""
        directory = b"".join(member.central_header() for member in self._members)
        end = end_record(len(self._members), size=len(directory), offset=self._end)
        _check_size(self._end + len(directory) + len(end))
        self._output.write(directory + end)
        return self._end + len(directory) + len(end)


def size_of(members: Iterable[tuple[str, Measured]]) -> int:
    """Size in bytes of the container of ``members``.

    Raises:
        ContainerError: there are too many, or they are too large.

    """
    end, directory, count = 0, 0, 0
    for name, measured in members:
        member = Member(name=name, size=measured.size, crc=measured.crc, offset=end)
        end, count = member.end, count + 1
        directory += len(member.central_header())
        _check_size(end)
    if count > MAX_MEMBERS:
        raise errors.TooManyMembersError(
            f"a dossier has at most {MAX_MEMBERS} members: write the case as several"
        )
    total = end + directory + _END
    _check_size(total)
    return total


_END: Final = len(end_record(1, size=0, offset=0))


def _check_size(size: int) -> None:
    if size > MAX_BYTES:
        raise errors.ContainerTooLargeError(
            f"a dossier has at most {MAX_BYTES} bytes: write the case as several"
        )
