"""Names for the kinds of 32-byte values, so that one cannot be passed for another."""

import hashlib
import re
from collections.abc import Callable
from typing import Final, NewType

from provenance.core.errors import HexError

HASH_SIZE = 32
"""Bytes of a SHA-256 hash, a salt, a trail id and a commitment."""

LeafHash = NewType("LeafHash", bytes)
"""SHA-256(0x00 ‖ entry), RFC 9162 section 2.1.1."""
NodeHash = NewType("NodeHash", bytes)
"""Root of a perfect subtree; a leaf hash is one of level 0."""
RootHash = NewType("RootHash", bytes)
"""Root of a whole tree."""
Commitment = NewType("Commitment", bytes)
"""Salted commitment to a statement."""
PayloadCommitment = NewType("PayloadCommitment", bytes)
"""Salted commitment to a payload."""
Salt = NewType("Salt", bytes)
"""32 fresh random bytes; never derived, never used twice."""
TrailId = NewType("TrailId", bytes)
"""32 random bytes, drawn when a subject is first seen."""

ZERO_HASH = LeafHash(bytes(HASH_SIZE))
"""``prev`` of a trail's first entry."""

_BLOCK_SIZE: Final = 64
_INNER_PAD: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER_PAD: Final = bytes(byte ^ 0x5C for byte in range(256))
_HEX = re.compile(r"[0-9a-f]*")


def sha256(data: bytes) -> bytes:
    """SHA-256 of ``data``, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104), 32 bytes.

    Two hashes in place of the standard library's ``hmac.digest``, which takes OpenSSL 3 nearly
    twice as long; every entry needs two of these.
    """
    padded = _padded(key)
    inner = hashlib.sha256(padded.translate(_INNER_PAD) + data).digest()
    return hashlib.sha256(padded.translate(_OUTER_PAD) + inner).digest()


def keyed_sha256(key: bytes, prefix: bytes) -> Callable[[bytes], bytes]:
    """Return a function that gives HMAC-SHA-256(key, prefix ‖ data), for many data.

    Key and prefix are hashed in once, so that each call takes no more than two small hashes.
    """
    padded = _padded(key)
    inner = hashlib.sha256(padded.translate(_INNER_PAD) + prefix)
    outer = hashlib.sha256(padded.translate(_OUTER_PAD))

    def digest(data: bytes) -> bytes:
        first, second = inner.copy(), outer.copy()
        first.update(data)
        second.update(first.digest())
        return second.digest()

    return digest


def _padded(key: bytes) -> bytes:
    if len(key) > _BLOCK_SIZE:
        key = sha256(key)
    return key.ljust(_BLOCK_SIZE, b"\x00")


def parse_hex(text: object, *, where: str, size: int = HASH_SIZE) -> bytes:
    """Bytes of ``text``, which must be exactly ``2 * size`` lower-case hex digits.

    Raises:
        HexError: ``text`` is anything else.

    """
    if not isinstance(text, str) or len(text) != 2 * size or not _HEX.fullmatch(text):
        raise HexError(f"expected exactly {2 * size} lower-case hex digits", where=where)
    return bytes.fromhex(text)
