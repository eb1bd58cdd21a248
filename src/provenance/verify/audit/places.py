"""Where on the chain the events of anchors are, as the chain tells it."""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

from provenance.core.digests import sha256
from provenance.verify.registry import RegistryEvent

_FINGERPRINT: Final = 16
"""Bytes of a hash over a transaction's or block's hash that are kept."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an anchor's event is; hashes as fingerprints, ``time`` in milliseconds."""

    old_size: int
    block_number: int
    log_index: int
    time: int
    transaction: bytes
    block_hash: bytes


class PlaceTable:
    """Places of anchors in the order of their sizes, 72 bytes each."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._numbers = array("Q")
        self._hashes = bytearray()

    def add(self, event: RegistryEvent, time: int) -> None:
        """Append the place of an anchor of a larger size."""
        self._sizes.append(event.size)
        self._numbers.extend((event.old_size, event.block_number, event.log_index, time))
        self._hashes += fingerprint(event.transaction) + fingerprint(event.block_hash)

    def at(self, size: int) -> Place | None:
        """Place of the anchor of exactly ``size``."""
        position = bisect_left(self._sizes, size)
        if position == len(self._sizes) or self._sizes[position] != size:
            return None
        hashes = self._hashes[2 * _FINGERPRINT * position :][: 2 * _FINGERPRINT]
        old_size, number, log_index, time = self._numbers[4 * position : 4 * position + 4]
        return Place(
            old_size=old_size,
            block_number=number,
            log_index=log_index,
            time=time,
            transaction=bytes(hashes[:_FINGERPRINT]),
            block_hash=bytes(hashes[_FINGERPRINT:]),
        )


def fingerprint(value: bytes) -> bytes:
    """What is kept of the hash of a transaction or block."""
    return sha256(value)[:_FINGERPRINT]
