r"""The sealed object, format v1: AES-256-GCM in chunks, so that it streams and a range can be read.

::

    header   "sealed/v1\n" and a random prefix of 7 bytes
    chunk*   ciphertext of 65,536 bytes (the last one 0 to 65,536) and a tag of 16

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-
Encryption and its Nonce-Reuse Misuse-Resistance, 2015): a chunk's nonce is the prefix, its number
in 4 bytes, big-endian, and one byte that is 1 for the last chunk and 0 for the others; the header
is associated data. So a chunk that was changed, moved, left out or added is found, and so is an end
that is not the end. A chunk is empty only where the whole object is. ``v1`` fixes all of this.

A key seals one object. Pure: bytes come in, bytes go out.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Final, NewType, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from provenance.sealing.errors import AlteredError

DataKey = NewType("DataKey", bytes)
"""32 random bytes that seal one object."""

MAGIC: Final = b"sealed/v1\n"
PREFIX_SIZE: Final = 7
HEADER_SIZE: Final = len(MAGIC) + PREFIX_SIZE
KEY_SIZE: Final = 32
CHUNK: Final = 1 << 16
"""Bytes of plaintext in a chunk: what is held back before any of it is believed."""
TAG: Final = 16
SEALED_CHUNK: Final = CHUNK + TAG
MAX_SIZE: Final = CHUNK << 32
"""Bytes of an object: as many chunks as four bytes count."""


class Sealer:
    """Seals one object as its bytes arrive; holds back at most two chunks."""

    def __init__(self, key: DataKey, *, random_bytes: Callable[[int], bytes]) -> None:
        self._cipher = AESGCM(key)
        self.header = MAGIC + random_bytes(PREFIX_SIZE)
        self._held = bytearray()
        self._count = 0

    def update(self, data: bytes) -> bytes:
        """Sealed chunks that are complete now, none yet among them being the last."""
        self._held += data
        sealed = bytearray()
        # A full chunk is kept until another byte follows: it could be the last one.
        while len(self._held) > CHUNK:
            sealed += self._seal(bytes(self._held[:CHUNK]), last=False)
            del self._held[:CHUNK]
        return bytes(sealed)

    def finish(self) -> bytes:
        """Return the last chunk."""
        return self._seal(bytes(self._held), last=True)

    def _seal(self, chunk: bytes, *, last: bool) -> bytes:
        nonce = _nonce(self.header, self._count, last=last)
        self._count += 1
        return self._cipher.encrypt(nonce, chunk, self.header)


@dataclass(frozen=True, slots=True)
class Span:
    """Where a range of plaintext lies: chunks ``[first, last]``, the object's end among them or not.

    ``size`` is the object's, ``start`` and ``end`` are the sealed bytes to read, ``skip`` and ``length`` the plaintext bytes
    to leave out in front and to give.
    """

    size: int
    first: int
    last: int
    has_end: bool
    start: int
    end: int
    skip: int
    length: int

    @classmethod
    def of(cls, size: int, *, start: int = 0, stop: int | None = None) -> Self:
        """Span of the bytes ``[start, stop)`` of an object of ``size`` bytes of plaintext."""
        stop = size if stop is None else stop
        assert 0 <= start <= stop <= size <= MAX_SIZE, "a range lies within the object"
        final = max(size - 1, 0) // CHUNK
        first = min(start // CHUNK, final)
        last = max(max(stop - 1, 0) // CHUNK, first)
        end = HEADER_SIZE + (last + 1) * SEALED_CHUNK
        return cls(
            size=size,
            first=first,
            last=last,
            has_end=last == final,
            start=HEADER_SIZE + first * SEALED_CHUNK,
            end=min(end, sealed_size(size)),
            skip=start - first * CHUNK,
            length=stop - start,
        )


class Opener:
    """Opens the chunks of one span in order; gives nothing that it has not authenticated."""

    def __init__(self, key: DataKey, header: bytes, span: Span) -> None:
        if len(header) != HEADER_SIZE or not header.startswith(MAGIC):
            raise AlteredError("the object does not begin as sealed/v1 objects do")
        self._cipher = AESGCM(key)
        self._header = header
        self._span = span
        self._next = span.first
        self._held = bytearray()
        self._skip, self._left = span.skip, span.length

    def update(self, data: bytes) -> Iterator[bytes]:
        """Plaintext of the chunks that are complete now.

        Raises:
            AlteredError: a chunk is not what was sealed, or more follows than there should.

        """
        self._held += data
        # The object's last chunk is taken when the end is seen, whatever its length.
        while len(self._held) >= SEALED_CHUNK and not self._expects_end:
            chunk = bytes(self._held[:SEALED_CHUNK])
            del self._held[:SEALED_CHUNK]
            yield self._cut(self._open(chunk, last=False))
        if len(self._held) > SEALED_CHUNK:
            raise AlteredError("the object goes on behind its end")

    def finish(self) -> bytes:
        """Plaintext of the object's last chunk, if the span reaches it; checks that all came.

        Raises:
            AlteredError: something is missing or was added.

        """
        if self._expects_end:
            plain = self._open(bytes(self._held), last=True)
            if len(plain) != self._span.size - self._span.last * CHUNK:
                raise AlteredError(f"the object has not the {self._span.size} bytes that it should")
            return self._cut(plain)
        if self._next != self._span.last + 1 or self._held:
            raise AlteredError(f"the object ends within chunk {self._next}")
        return b""

    @property
    def _expects_end(self) -> bool:
        return self._span.has_end and self._next == self._span.last

    def _open(self, chunk: bytes, *, last: bool) -> bytes:
        number = self._next
        if number > self._span.last:
            raise AlteredError("the object goes on behind its end")
        self._next += 1
        try:
            return self._cipher.decrypt(
                _nonce(self._header, number, last=last), chunk, self._header
            )
        except (InvalidTag, ValueError):
            raise AlteredError(f"chunk {number} is not what was sealed") from None

    def _cut(self, plain: bytes) -> bytes:
        given = plain[self._skip : self._skip + self._left]
        self._skip = max(self._skip - len(plain), 0)
        self._left -= len(given)
        return given


def sealed_size(size: int) -> int:
    """Bytes of the sealed object of ``size`` bytes of plaintext."""
    return HEADER_SIZE + size + TAG * max(-(-size // CHUNK), 1)


def seal(data: bytes, key: DataKey, *, random_bytes: Callable[[int], bytes]) -> bytes:
    """Sealed object of ``data``, at once."""
    sealer = Sealer(key, random_bytes=random_bytes)
    return sealer.header + sealer.update(data) + sealer.finish()


def unseal(sealed: bytes, key: DataKey) -> bytes:
    """Plaintext of a small sealed object.

    Raises:
        AlteredError: it is not what was sealed.

    """
    body = len(sealed) - HEADER_SIZE
    chunks = max(-(-body // SEALED_CHUNK), 1)
    size = body - chunks * TAG
    if size < 0 or sealed_size(size) != len(sealed):
        raise AlteredError("the object has a length that no sealed object has")
    opener = Opener(key, sealed[:HEADER_SIZE], Span.of(size))
    return b"".join(opener.update(sealed[HEADER_SIZE:])) + opener.finish()


async def open_stream(source: AsyncIterator[bytes], opener: Opener) -> AsyncIterator[bytes]:
    """Plaintext of a span whose sealed bytes are ``source``.

    Raises:
        AlteredError: as soon as something is not what was sealed.

    """
    async for data in source:
        # Joined to what the store gives at once: each piece costs a way through the server.
        if plain := b"".join(opener.update(data)):
            yield plain
    if rest := opener.finish():
        yield rest


def _nonce(header: bytes, number: int, *, last: bool) -> bytes:
    return header[len(MAGIC) :] + number.to_bytes(4, "big") + (b"\x01" if last else b"\x00")
