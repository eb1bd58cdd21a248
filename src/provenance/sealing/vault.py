"""Sealed payloads as a whole: bytes in an object store, keys on the shelf, references for a record.

The order in which things are kept: bytes, then key, then (by others) the record. A crash in between
leaves bytes or a key that no record refers to, which :mod:`provenance.sealing.sweep` removes.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from provenance.sealing.errors import AlteredError
from provenance.sealing.shelf import KeyShelf, day_of
from provenance.sealing.stream import (
    HEADER_SIZE,
    KEY_SIZE,
    DataKey,
    Opener,
    Sealer,
    Span,
    open_stream,
    seal,
    unseal,
)

PREFIX: Final = "sealed"
"""Folder of the object store that sealed objects lie in, one folder for each day below it."""


class ObjectStore(Protocol):
    """What is asked of an object store; an object appears whole or not at all."""

    async def put(self, path: str, source: AsyncIterator[bytes]) -> None:
        """Store an object durably."""
        ...

    def stream(self, path: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``[start, end)`` of an object."""
        ...

    async def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""
        ...


@dataclass(frozen=True, slots=True)
class SealedRef:
    """What a record's row keeps of a sealed payload.

    ``path`` names the object; None where the sealed bytes are in the row itself. ``segment`` and
    ``slot`` name the key; ``opening`` is an :class:`Opening` under that key.
    """

    path: str | None
    segment: str
    slot: int
    opening: bytes


@dataclass(frozen=True, slots=True)
class OpenPayload:
    """A payload that shall be sealed for its record's row, with its salts."""

    data: bytes = field(repr=False)
    payload_salt: bytes = field(repr=False)
    fields_salt: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SealedRow:
    """A payload as it lies sealed in a row, its sealed opening, and where the key of both is."""

    segment: str
    slot: int
    data: bytes
    opening: bytes


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens a record's payload commitment, its fields, and the name that its file had."""

    payload_salt: bytes
    sha256: bytes
    filename: str | None = None
    fields_salt: bytes | None = None

    def encode(self) -> bytes:
        """JSON bytes."""
        value = {"payload_salt": self.payload_salt.hex(), "sha256": self.sha256.hex()}
        if self.filename is not None:
            value["filename"] = self.filename
        if self.fields_salt is not None:
            value["fields_salt"] = self.fields_salt.hex()
        return json.dumps(value).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Opening":
        """Read :meth:`encode`, whose bytes were authenticated."""
        value = json.loads(data)
        fields_salt = value.get("fields_salt")
        return cls(
            payload_salt=bytes.fromhex(value["payload_salt"]),
            sha256=bytes.fromhex(value["sha256"]),
            filename=value.get("filename"),
            fields_salt=None if fields_salt is None else bytes.fromhex(fields_salt),
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """An object that was sealed and stored, and whose key is nowhere yet but here.

    ``sha256`` and ``size`` are those of the plaintext.
    """

    path: str
    key: DataKey = field(repr=False)
    sha256: bytes
    size: int


class Vault:
    """Seals and opens payloads."""

    def __init__(
        self,
        objects: ObjectStore,
        shelf: KeyShelf,
        *,
        random_bytes: Callable[[int], bytes],
        now_ms: Callable[[], int],
    ) -> None:
        self._objects = objects
        self._shelf = shelf
        self._random_bytes = random_bytes
        self._now_ms = now_ms

    async def store(self, source: AsyncIterator[bytes]) -> Stored:
        """Seal ``source`` into a new object, in constant memory.

        Where ``source`` raises, its error is raised here and no object is left.
        """
        path = f"{PREFIX}/{day_of(self._now_ms())}/{self._random_bytes(16).hex()}"
        key = DataKey(self._random_bytes(KEY_SIZE))
        reading = _Reading(source, Sealer(key, random_bytes=self._random_bytes))
        try:
            await self._objects.put(path, reading.sealed())
        except BaseException:
            # The store wraps what its source raised; callers want to know what that was.
            if reading.error is not None:
                raise reading.error from None
            raise
        return Stored(path=path, key=key, sha256=reading.digest.digest(), size=reading.size)

    async def shelve(
        self, stored: Stored, *, payload_salt: bytes, filename: str | None = None
    ) -> SealedRef:
        """Put the key of ``stored`` on the shelf, durably; what it returns may be recorded.

        Raises:
            ShelfError: the key cannot be kept.

        """
        opening = Opening(payload_salt=payload_salt, sha256=stored.sha256, filename=filename)
        sealed = seal(opening.encode(), stored.key, random_bytes=self._random_bytes)
        segment = await self._shelf.put([stored.key])
        return SealedRef(path=stored.path, segment=segment, slot=0, opening=sealed)

    async def opening(self, ref: SealedRef) -> Opening:
        """Return what opens the payload's commitment.

        Raises:
            KeyGoneError: the payload was erased.
            AlteredError: the reference is not what was recorded.
            ShelfError: the shelf cannot be used.

        """
        key = await self._shelf.get(ref.segment, ref.slot)
        return Opening.decode(unseal(ref.opening, key))

    async def seal_rows(self, payloads: Sequence[OpenPayload]) -> list[tuple[SealedRef, bytes]]:
        """Seal small payloads for the rows of their records, each under a key of its own.

        The keys are on the shelf, durably and in one segment, when this returns; what it returns
        may be recorded.

        Raises:
            ShelfError: the keys cannot be kept.

        """
        drawn = self._random_bytes(KEY_SIZE * len(payloads))
        keys = [DataKey(drawn[at : at + KEY_SIZE]) for at in range(0, len(drawn), KEY_SIZE)]
        segment = await self._shelf.put(keys)
        # Thousands of events come in one capture: others that wait would notice.
        return await asyncio.to_thread(self._seal_rows, segment, payloads, keys)

    def _seal_rows(
        self, segment: str, payloads: Sequence[OpenPayload], keys: Sequence[DataKey]
    ) -> list[tuple[SealedRef, bytes]]:
        sealed: list[tuple[SealedRef, bytes]] = []
        for slot, (payload, key) in enumerate(zip(payloads, keys, strict=True)):
            opening = Opening(
                payload_salt=payload.payload_salt,
                sha256=hashlib.sha256(payload.data).digest(),
                fields_salt=payload.fields_salt,
            )
            ref = SealedRef(
                path=None,
                segment=segment,
                slot=slot,
                opening=seal(opening.encode(), key, random_bytes=self._random_bytes),
            )
            sealed.append((ref, seal(payload.data, key, random_bytes=self._random_bytes)))
        return sealed

    async def open_rows(self, rows: Sequence[SealedRow]) -> list[bytes | None]:
        """Open payloads that lie sealed in rows; None where the key is gone.

        Raises:
            AlteredError: one is not what was sealed, or not what its opening is of.
            ShelfError: the shelf cannot be used.

        """
        slots: dict[str, set[int]] = {}
        for row in rows:
            slots.setdefault(row.segment, set()).add(row.slot)
        keys = {
            segment: await self._shelf.get_all(segment, wanted) for segment, wanted in slots.items()
        }
        return await asyncio.to_thread(_open_rows, rows, keys)

    async def read(
        self, ref: SealedRef, *, size: int, start: int = 0, stop: int | None = None
    ) -> AsyncIterator[bytes]:
        """Plaintext bytes ``[start, stop)`` of a payload of ``size`` bytes, in constant memory.

        Nothing is given that was not authenticated; an error may come after a part.

        Raises:
            KeyGoneError: the payload was erased.
            AlteredError: the object is not what was sealed.
            ShelfError: the shelf cannot be used.

        """
        if ref.path is None:
            raise AlteredError("the payload lies in its record's row, not in the object store")
        key = await self._shelf.get(ref.segment, ref.slot)
        span = Span.of(size, start=start, stop=stop)
        header = b""
        async for part in self._objects.stream(ref.path, end=HEADER_SIZE):
            header += part
        opener = Opener(key, header, span)
        # Where the span reaches the end, whatever lies behind it is read too, and refused.
        end = None if span.has_end else span.end
        source = self._objects.stream(ref.path, start=span.start, end=end)
        async for plain in open_stream(source, opener):
            yield plain

    async def measure(self, ref: SealedRef, *, size: int) -> bytes:
        """Read a payload to its end; returns its SHA-256.

        Raises:
            AlteredError: it is not ``size`` bytes long, or not what was sealed.

        """
        digest = hashlib.sha256()
        length = 0
        async for plain in self.read(ref, size=size):
            digest.update(plain)
            length += len(plain)
        if length != size:
            raise AlteredError(f"the object holds {length} bytes, not {size}")
        return digest.digest()

    async def discard(self, stored: Stored, ref: SealedRef | None = None) -> None:
        """Remove an object that no record will refer to, and its key."""
        if ref is not None:
            await self._shelf.erase(ref.segment, [ref.slot])
        await self._objects.delete(stored.path)

    async def erase(self, ref: SealedRef) -> None:
        """Destroy a payload: its key first, which decides, then its bytes."""
        await self.erase_all([ref])

    async def erase_all(self, refs: Sequence[SealedRef]) -> None:
        """Destroy payloads: keys first, each segment rewritten once, then objects."""
        slots: dict[str, set[int]] = {}
        for ref in refs:
            slots.setdefault(ref.segment, set()).add(ref.slot)
        for segment, gone in slots.items():
            await self._shelf.erase(segment, gone)
        for ref in refs:
            if ref.path is not None:
                await self._objects.delete(ref.path)


def _open_rows(
    rows: Sequence[SealedRow], keys: Mapping[str, Mapping[int, DataKey]]
) -> list[bytes | None]:
    return [
        None if (key := keys[row.segment].get(row.slot)) is None else _open_row(row, key)
        for row in rows
    ]


def _open_row(row: SealedRow, key: DataKey) -> bytes:
    data = unseal(row.data, key)
    if Opening.decode(unseal(row.opening, key)).sha256 != hashlib.sha256(data).digest():
        raise AlteredError("a payload that lies sealed in its row is another than its opening's")
    return data


class _Reading:
    """A source on its way through hash and sealer, and the error that it raised."""

    def __init__(self, source: AsyncIterator[bytes], sealer: Sealer) -> None:
        self._source = source
        self._sealer = sealer
        self.digest = hashlib.sha256()
        self.size = 0
        self.error: BaseException | None = None

    async def sealed(self) -> AsyncIterator[bytes]:
        """Sealed bytes of the source."""
        yield self._sealer.header
        try:
            async for data in self._source:
                self.digest.update(data)
                self.size += len(data)
                if chunk := self._sealer.update(data):
                    yield chunk
        except BaseException as error:
            self.error = error
            raise
        yield self._sealer.finish()
