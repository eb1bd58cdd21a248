r"""The key shelf: data keys in files, wrapped by a master key, each of them destroyable.

A *segment* holds the keys of one commit, so that one fsync keeps as many keys as came together:
``<day>/<32 hex digits>`` below the shelf's folder, format v1::

    "keyshelf/v1\n"
    1 byte length, name of the master key
    2 bytes length, the segment's own key, wrapped by the master key with the segment as context
    4 bytes number of slots
    for each slot 48 bytes: the data key under AES-256-GCM with the segment's key, nonce the slot's
    number in 12 bytes, the segment as associated data; 48 zero bytes where it was erased

Numbers are big-endian. The master key is asked once for a segment, whatever holds it,
and made only while the shelf has no segment: those that are there need the one they were wrapped
with.

Erasing replaces the segment by one without the key and overwrites the old bytes where they lay. A
copying file system or a flash disk may keep them all the same; then the master key's own place
decides who can use them.
"""

import asyncio
import fcntl
import os
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provenance.core.errors import ProvenanceError
from provenance.sealing.errors import AlteredError, KeyGoneError, ShelfError
from provenance.sealing.stream import KEY_SIZE, TAG, DataKey

MASTER: Final = "sealing-1"
"""Name of the master key that new segments are wrapped with."""
MAX_SLOTS: Final = 1 << 16
"""Keys of one segment: more than any commit has records."""

_MAGIC: Final = b"keyshelf/v1\n"
_SLOT: Final = KEY_SIZE + TAG
_ERASED: Final = bytes(_SLOT)
_SEGMENT: Final = re.compile(r"[0-9]{8}/[0-9a-f]{32}")
_DOOMED: Final = ".erasing"
_PART: Final = ".part"


class KeyWrapper(Protocol):
    """Whoever holds the master keys."""

    def wrap(self, name: str, key: bytes, *, context: bytes, may_make: bool = True) -> bytes:
        """``key`` (32 bytes) under the master key ``name``, bound to ``context``."""
        ...

    def unwrap(self, name: str, wrapped: bytes, *, context: bytes) -> bytes:
        """The key that :meth:`wrap` wrapped with the same context."""
        ...


@dataclass(frozen=True, slots=True)
class _Segment:
    """A segment file, decoded."""

    master: str
    wrapped: bytes
    slots: tuple[bytes, ...]

    def encode(self) -> bytes:
        name = self.master.encode("ascii")
        return b"".join(
            (
                _MAGIC,
                len(name).to_bytes(1, "big"),
                name,
                len(self.wrapped).to_bytes(2, "big"),
                self.wrapped,
                len(self.slots).to_bytes(4, "big"),
                *self.slots,
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> Self:
        if not data.startswith(_MAGIC):
            raise AlteredError("a key segment does not begin as keyshelf/v1 does")
        rest = memoryview(data)[len(_MAGIC) :]
        name, rest = _sized(rest, 1)
        wrapped, rest = _sized(rest, 2)
        count = int.from_bytes(rest[:4], "big")
        rest = rest[4:]
        if count > MAX_SLOTS or len(rest) != count * _SLOT:
            raise AlteredError("a key segment has another length than its number of keys")
        slots = tuple(bytes(rest[at : at + _SLOT]) for at in range(0, len(rest), _SLOT))
        return cls(master=name.decode("ascii", "replace"), wrapped=wrapped, slots=slots)


class KeyShelf:
    """Keys below ``folder``; several processes may share it."""

    def __init__(
        self,
        folder: Path,
        wrapper: KeyWrapper,
        *,
        random_bytes: Callable[[int], bytes],
        now_ms: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._wrapper = wrapper
        self._random_bytes = random_bytes
        self._now_ms = now_ms
        self._is_used = False
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def is_used(self) -> bool:
        """Whether any segment was put here and is still there."""
        return any(
            _SEGMENT.fullmatch(f"{path.parent.name}/{path.name}")
            for path in self._folder.glob("*/*")
        )

    async def put(self, keys: Sequence[DataKey]) -> str:
        """Keep ``keys`` as slots 0, 1, … of a new segment, durably; returns the segment.

        Raises:
            ShelfError: they cannot be kept.

        """
        assert 0 < len(keys) <= MAX_SLOTS
        return await asyncio.to_thread(self._put, keys)

    async def get(self, segment: str, slot: int) -> DataKey:
        """Return a key.

        Raises:
            KeyGoneError: it was erased.
            AlteredError: the segment is not what was written, or is under another master key.
            ShelfError: shelf or master key cannot be used.

        """
        return await asyncio.to_thread(self._get, segment, slot)

    async def get_all(self, segment: str, slots: Collection[int]) -> dict[int, DataKey]:
        """Return those of the keys that were not erased; the segment is read once.

        Raises:
            AlteredError: the segment is not what was written, or is under another master key.
            ShelfError: shelf or master key cannot be used.

        """
        return await asyncio.to_thread(self._get_all, segment, frozenset(slots))

    async def erase(self, segment: str, slots: Collection[int]) -> None:
        """Destroy keys for good; those that are gone already are no error.

        Raises:
            ShelfError: they cannot be erased.

        """
        await asyncio.to_thread(self._erase, segment, frozenset(slots))

    async def present(self, segment: str) -> frozenset[int]:
        """Slots of a segment that still hold a key."""
        return await asyncio.to_thread(self._present, segment)

    async def older(self, *, before_ms: int, since_ms: int = 0) -> AsyncIterator[str]:
        """Segments that were made and last written from ``since_ms`` on, and before ``before_ms``.

        When it was made, only a segment's day tells.
        """
        for day in await asyncio.to_thread(self._days, day_of(since_ms)):
            for segment in await asyncio.to_thread(self._older, day, before_ms, since_ms):
                yield segment

    async def finish_erasures(self) -> None:
        """Overwrite what an erasure that was cut off has left, and remove unfinished segments."""
        await asyncio.to_thread(self._finish_erasures)

    def _put(self, keys: Sequence[DataKey]) -> str:
        segment = f"{day_of(self._now_ms())}/{self._random_bytes(16).hex()}"
        own = self._random_bytes(KEY_SIZE)
        context = _MAGIC + segment.encode()
        with _errors(segment):
            # Once there is a segment, there always was one: no need to look again.
            self._is_used = self._is_used or self.is_used()
            wrapped = self._wrapper.wrap(MASTER, own, context=context, may_make=not self._is_used)
            cipher = AESGCM(own)
            slots = tuple(
                cipher.encrypt(slot.to_bytes(12, "big"), key, context)
                for slot, key in enumerate(keys)
            )
            path = self._folder / segment
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, exist_ok=True)
                _sync_folder(self._folder)
            _replace(path, _Segment(MASTER, wrapped, slots).encode())
        return segment

    def _get(self, segment: str, slot: int) -> DataKey:
        key = self._get_all(segment, frozenset((slot,))).get(slot)
        if key is None:
            raise KeyGoneError("the key of this payload was erased")
        return key

    def _get_all(self, segment: str, slots: frozenset[int]) -> dict[int, DataKey]:
        read = self._read(segment)
        if read is None:
            return {}
        there = [slot for slot in slots if slot < len(read.slots) and read.slots[slot] != _ERASED]
        if not there:
            return {}
        context = _MAGIC + segment.encode()
        keys: dict[int, DataKey] = {}
        with _errors(segment):
            own = AESGCM(self._wrapper.unwrap(read.master, read.wrapped, context=context))
            for slot in there:
                try:
                    key = own.decrypt(slot.to_bytes(12, "big"), read.slots[slot], context)
                except (InvalidTag, ValueError):
                    raise AlteredError(f"key {slot} of segment {segment} was altered") from None
                keys[slot] = DataKey(key)
        return keys

    def _present(self, segment: str) -> frozenset[int]:
        read = self._read(segment)
        slots = () if read is None else read.slots
        return frozenset(slot for slot, data in enumerate(slots) if data != _ERASED)

    def _read(self, segment: str) -> _Segment | None:
        path = self._path(segment)
        with _errors(segment):
            try:
                return _Segment.decode(path.read_bytes())
            except FileNotFoundError:
                return None

    def _erase(self, segment: str, slots: frozenset[int]) -> None:
        with self._lock(), _errors(segment):
            path = self._path(segment)
            doomed = path.with_name(path.name + _DOOMED)
            _settle(doomed, path)
            read = self._read(segment)
            if read is None:
                return
            left = tuple(_ERASED if slot in slots else data for slot, data in enumerate(read.slots))
            if left == read.slots:
                return
            # The old bytes keep a name until they are overwritten, whatever happens in between.
            doomed.hardlink_to(path)
            if any(data != _ERASED for data in left):
                _replace(path, _Segment(read.master, read.wrapped, left).encode())
            else:
                path.unlink()
                _sync_folder(path.parent)
            _overwrite(doomed)

    def _finish_erasures(self) -> None:
        with self._lock(), _errors("the shelf"):
            for doomed in self._folder.glob(f"*/*{_DOOMED}"):
                _settle(doomed, doomed.with_name(doomed.name.removesuffix(_DOOMED)))
            for part in self._folder.glob(f"*/.*{_PART}"):
                if part.stat().st_mtime * 1000 < self._now_ms() - 3_600_000:
                    _overwrite(part)

    def _days(self, since: str) -> list[str]:
        with _errors("the shelf"):
            return sorted(
                path.name
                for path in self._folder.iterdir()
                if path.name.isdecimal() and path.name >= since
            )

    def _older(self, day: str, before_ms: int, since_ms: int) -> list[str]:
        with _errors("the shelf"):
            return [
                segment
                for path in (self._folder / day).iterdir()
                if _SEGMENT.fullmatch(segment := f"{day}/{path.name}")
                and since_ms <= path.stat().st_mtime * 1000 < before_ms
            ]

    def _path(self, segment: str) -> Path:
        if not _SEGMENT.fullmatch(segment):
            raise ShelfError(f"{segment[:80]!a} is no segment of the key shelf")
        return self._folder / segment

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """One process at a time rewrites segments."""
        descriptor = os.open(self._folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def day_of(ms: int) -> str:
    """Day of a time in milliseconds since the epoch, UTC, as folders are named."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y%m%d")


def _sized(rest: memoryview, width: int) -> tuple[bytes, memoryview]:
    length = int.from_bytes(rest[:width], "big")
    return bytes(rest[width : width + length]), rest[width + length :]


def _replace(path: Path, data: bytes) -> None:
    """Give ``path`` new content so that a crash leaves the old or the new."""
    part = path.with_name(f".{path.name}.{os.getpid()}{_PART}")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    _sync_folder(path.parent)


def _settle(doomed: Path, path: Path) -> None:
    """End the erasure that has left ``doomed``, the second name of what ``path`` was."""
    if not doomed.exists():
        return
    if path.exists() and path.samefile(doomed):
        # Cut off before anything was replaced: the erasure will be asked for again.
        doomed.unlink()
    else:
        _overwrite(doomed)


def _overwrite(path: Path) -> None:
    """Write zeros over a file where it lies, then remove it."""
    with path.open("r+b") as file:
        file.write(bytes(path.stat().st_size))
        file.flush()
        os.fsync(file.fileno())
    path.unlink()
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(what: str) -> Iterator[None]:
    try:
        yield
    except ProvenanceError:
        raise
    except OSError as error:
        raise ShelfError(f"keys of {what}: {error}") from error
