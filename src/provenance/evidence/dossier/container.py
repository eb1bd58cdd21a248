"""Writing the container: bytes go out in their order and never back.

A header names size and checksum of what follows it, and descriptors behind it are not allowed. So
each member is gone through twice, first to be measured and then to be written: a dossier of any
size goes straight to whoever asked for it, and no copy of a document lies on a disk meanwhile.
"""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from provenance.verify.dossier import errors
from provenance.verify.dossier.container import (
    MAX_BYTES,
    MAX_MEMBERS,
    Member,
    check_name,
    check_order,
    end_record,
)


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a member: size in bytes and SHA-256."""

    size: int
    sha256: bytes


class Output(Protocol):
    """Where a dossier goes: an open file, or a pipe."""

    def write(self, data: bytes, /) -> object:
        """Take all of ``data``."""
        ...


class ContainerWriter:
    """Writes members, in order of name, to ``output``, which has taken nothing yet."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._members: list[Member] = []
        self._end = 0

    def add(self, name: str, chunks: Iterable[bytes]) -> Written:
        """Write one member; ``chunks`` can be gone through twice and are the same both times.

        Raises:
            ContainerError: its name, its place or its size is not what a dossier allows.
            ChecksumError: they were not the same; what was written is no dossier.

        """
        check_name(name)
        check_order([*(member.name for member in self._members[-1:]), name])
        if len(self._members) == MAX_MEMBERS:
            raise errors.TooManyMembersError(f"a dossier has at most {MAX_MEMBERS} members")
        size, crc = 0, 0
        for chunk in chunks:
            size, crc = size + len(chunk), zlib.crc32(chunk, crc)
            self._check_size(self._end + size)
        member = Member(name=name, size=size, crc=crc, offset=self._end)
        self._output.write(member.local_header())
        digest, again, crc_again = hashlib.sha256(), 0, 0
        for chunk in chunks:
            digest.update(chunk)
            again, crc_again = again + len(chunk), zlib.crc32(chunk, crc_again)
            self._output.write(chunk)
        if (again, crc_again) != (size, crc):
            raise errors.ChecksumError(
                "was another one when it was read again", where=name, offset=member.start
            )
        self._members.append(member)
        self._end = member.end
        return Written(size=size, sha256=digest.digest())

    def close(self) -> int:
        """Write the central directory and the end record; returns the file's size."""
        directory = b"".join(member.central_header() for member in self._members)
        end = end_record(len(self._members), size=len(directory), offset=self._end)
        self._check_size(self._end + len(directory) + len(end))
        self._output.write(directory + end)
        return self._end + len(directory) + len(end)

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            raise errors.ContainerTooLargeError(
                f"a dossier has at most {MAX_BYTES} bytes: write the case as several"
            )
