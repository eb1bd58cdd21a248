"""Names for the kinds of 32-byte values, so that one cannot be passed for another."""

import hashlib
import hmac
import re
from typing import NewType

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

_HEX = re.compile(r"[0-9a-f]*")


def sha256(data: bytes) -> bytes:
    """SHA-256 of ``data``, 32 bytes."""
    return hashlib.sha256(data).digest()


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """HMAC-SHA-256 (RFC 2104), 32 bytes."""
    return hmac.digest(key, data, "sha256")


def parse_hex(text: object, *, where: str, size: int = HASH_SIZE) -> bytes:
    """Bytes of ``text``, which must be exactly ``2 * size`` lower-case hex digits.

    Raises:
        HexError: ``text`` is anything else.

    """
    if not isinstance(text, str) or len(text) != 2 * size or not _HEX.fullmatch(text):
        raise HexError(f"expected exactly {2 * size} lower-case hex digits", where=where)
    return bytes.fromhex(text)
