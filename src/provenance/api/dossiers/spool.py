"""Finished dossiers between the process that wrote them and whoever reads them.

A dossier waits here for its reader, so that a slow one holds no place of those who write. Its bytes
lie in a file without a name, in a folder of the service's own, sealed under a key that is in this
process's memory alone: nothing of it survives the process, and no erasure has to look for it.

Rules, so that nobody fills the disk or keeps others from theirs: an organisation has at most
:data:`OF_ONE` dossiers here, and :data:`LARGE_OF_ONE` bytes of large ones, half of what all have.
Small ones are bounded by their number alone.
"""

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import UUID

from provenance.log.errors import OverloadedError
from provenance.sealing.stream import HEADER_SIZE, KEY_SIZE, DataKey, Opener, Sealer, Span

OF_ONE: Final = 4
"""Dossiers that one organisation has made or reads at once."""
OF_ALL: Final = 64
"""Dossiers of all organisations; so many small ones take a gigabyte."""
SMALL: Final = 16 << 20
"""Bytes up to which a dossier counts as small."""
LARGE_OF_ONE: Final = 4 << 30
"""Bytes of the large ones of an organisation: the largest dossier."""
LARGE_OF_ALL: Final = 2 * LARGE_OF_ONE
_RETRY_S: Final = 30
_PIECE: Final = 1 << 20


class Spooled:
    """A dossier of ``size`` bytes: written once from beginning to end, then read once."""

    def __init__(self, file: BinaryIO, *, size: int, random_bytes: Callable[[int], bytes]) -> None:
        self.size = size
        self._file = file
        self._key = DataKey(random_bytes(KEY_SIZE))
        self._sealer = Sealer(self._key, random_bytes=random_bytes)
        self._held = bytearray()
        self._is_begun = False

    async def write(self, data: bytes) -> None:
        """Take the next bytes.

        Raises:
            OverloadedError: the disk has no room for them.

        """
        self._held += data
        if len(self._held) >= _PIECE:
            await asyncio.to_thread(self._put, last=False)

    async def finish(self) -> None:
        """All bytes were given; raises OverloadedError."""
        await asyncio.to_thread(self._put, last=True)

    async def pieces(self) -> AsyncIterator[bytes]:
        """All bytes, in order, 64 KiB at a time."""
        await asyncio.to_thread(self._file.seek, HEADER_SIZE)
        opener = Opener(self._key, self._sealer.header, Span.of(self.size))
        while data := await asyncio.to_thread(self._file.read, _PIECE):
            for piece in await asyncio.to_thread(lambda sealed: list(opener.update(sealed)), data):
                yield piece
        yield opener.finish()

    def close(self) -> None:
        """Give the disk back."""
        # What it could not take before, it need not take now.
        with suppress(OSError):
            self._file.close()

    def _put(self, *, last: bool) -> None:
        data = bytes(self._held)
        self._held.clear()
        sealed = self._sealer.update(data)
        if not self._is_begun:
            self._is_begun = True
            sealed = self._sealer.header + sealed
        if last:
            sealed += self._sealer.finish()
        try:
            self._file.write(sealed)
            if last:
                self._file.flush()
        except OSError as error:
            raise OverloadedError(
                f"there is no room for the dossier on the service's disk ({error.strerror})",
                retry_after=_RETRY_S,
            ) from error


class Spools:
    """The dossiers of all organisations that wait for their readers, below ``folder``."""

    def __init__(self, folder: Path, *, random_bytes: Callable[[int], bytes] = os.urandom) -> None:
        self._folder = folder
        self._random_bytes = random_bytes
        self._count: Counter[UUID] = Counter()
        self._large: Counter[UUID] = Counter()

    @contextmanager
    def place(self, organisation: UUID) -> Iterator[None]:
        """Hold a place for one dossier of ``organisation``, from its order until it was read.

        Raises:
            OverloadedError: there is none.

        """
        if self._count[organisation] >= OF_ONE:
            raise OverloadedError(
                f"{OF_ONE} dossiers of your organisation are being made or read; let one of them "
                "finish first",
                retry_after=_RETRY_S,
            )
        if self._count.total() >= OF_ALL:
            raise OverloadedError("too many dossiers are being read", retry_after=_RETRY_S)
        with _counted(self._count, organisation, 1):
            yield

    @contextmanager
    def spool(self, organisation: UUID, size: int) -> Iterator[Spooled]:
        """Room for a dossier of ``size`` bytes until it was read.

        Raises:
            OverloadedError: there is none.

        """
        large = size if size > SMALL else 0
        if large and (
            self._large[organisation] + large > LARGE_OF_ONE
            or self._large.total() + large > LARGE_OF_ALL
        ):
            raise OverloadedError(
                "large dossiers that are being read leave no room for another",
                retry_after=_RETRY_S,
            )
        with _counted(self._large, organisation, large):
            try:
                self._folder.mkdir(mode=0o700, exist_ok=True)
                file = tempfile.TemporaryFile(dir=self._folder)  # noqa: SIM115 - closed by Spooled
            except OSError as error:
                raise OverloadedError(
                    f"there is no room for the dossier on the service's disk ({error.strerror})",
                    retry_after=_RETRY_S,
                ) from error
            spooled = Spooled(file, size=size, random_bytes=self._random_bytes)
            try:
                yield spooled
            finally:
                spooled.close()


@contextmanager
def _counted(counter: "Counter[UUID]", organisation: UUID, number: int) -> Iterator[None]:
    counter[organisation] += number
    try:
        yield
    finally:
        counter[organisation] -= number
        if not counter[organisation]:
            del counter[organisation]
