"""Writing the container: members stream into it, and their headers are put in afterwards."""

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO

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


class ContainerWriter:
    """Writes members, in order of name, into a seekable ``file`` that is empty."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._members: list[Member] = []
        self._end = 0

    def add(self, name: str, chunks: Iterable[bytes]) -> Written:
        """Write one member.

        Raises:
            ContainerError: its name, its place or its size is not what a dossier allows.

        """
        check_name(name)
        check_order([*(member.name for member in self._members[-1:]), name])
        if len(self._members) == MAX_MEMBERS:
            raise errors.TooManyMembersError(f"a dossier has at most {MAX_MEMBERS} members")
        empty = Member(name=name, size=0, crc=0, offset=self._end)
        # The header is written again when size and checksum are known.
        self._file.write(empty.local_header())
        digest, crc, size = hashlib.sha256(), 0, 0
        for chunk in chunks:
            digest.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            self._check_size(empty.end + size)
            self._file.write(chunk)
        member = Member(name=name, size=size, crc=crc, offset=self._end)
        self._file.seek(self._end)
        self._file.write(member.local_header())
        self._file.seek(member.end)
        self._members.append(member)
        self._end = member.end
        return Written(size=size, sha256=digest.digest())

    def close(self) -> int:
        """Write the central directory and the end record; returns the file's size."""
        directory = b"".join(member.central_header() for member in self._members)
        end = end_record(len(self._members), size=len(directory), offset=self._end)
        self._check_size(self._end + len(directory) + len(end))
        self._file.write(directory + end)
        self._file.flush()
        return self._end + len(directory) + len(end)

    def _check_size(self, size: int) -> None:
        if size > MAX_BYTES:
            raise errors.ContainerTooLargeError(
                f"a dossier has at most {MAX_BYTES} bytes: write the case as several"
            )
