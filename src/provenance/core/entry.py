"""Entries: the canonical bytes that the log commits to, one for each record and subject.

An entry says nothing about what happened and does not name the log; it fixes a time, a place in
one subject's trail and a commitment, so that it stays meaningful after everything else was erased.
"""

from dataclasses import dataclass
from typing import Final, Self

from provenance.core.digests import ZERO_HASH, Commitment, LeafHash, TrailId, sha256
from provenance.core.errors import BadValueError
from provenance.core.jcs import MAX_INTEGER, JsonValue, Limits, parse_canonical
from provenance.core.members import VERSION, Members

MAX_ENTRY_BYTES = 512
"""An entry has a fixed set of members: its longest spelling is well under this."""

_LIMITS = Limits(max_bytes=MAX_ENTRY_BYTES, max_depth=2)
_MEMBERS: Final = ("v", "at", "trail", "seq", "prev", "commitment")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    ``at`` is when it was logged, milliseconds since the epoch, UTC; it never decreases within a
    log. ``prev`` is the leaf hash of the trail's entry ``seq`` - 1, all zeros for ``seq`` 0.
    """

    at: int
    trail: TrailId
    seq: int
    prev: LeafHash
    commitment: Commitment

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {
            "v": VERSION,
            "at": self.at,
            "trail": self.trail.hex(),
            "seq": self.seq,
            "prev": self.prev.hex(),
            "commitment": self.commitment.hex(),
        }

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        return encode_entry(
            at=self.at,
            trail_hex=self.trail.hex(),
            seq=self.seq,
            prev_hex=self.prev.hex(),
            commitment_hex=self.commitment.hex(),
        )

    def leaf_hash(self) -> LeafHash:
        """SHA-256(0x00 ‖ entry)."""
        return LeafHash(sha256(b"\x00" + self.encode()))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read canonical entry bytes.

        Raises:
            FormatError: they are not.

        """
        return cls.from_json(parse_canonical(data, limits=_LIMITS))

    @classmethod
    def from_json(cls, value: object, *, where: str = "") -> Self:
        """Read the JSON form.

        Raises:
            FormatError: a member is missing, unknown or not what the format allows.

        """
        members = Members(value, where=where)
        members.version()
        members.only(_MEMBERS)
        entry = cls(
            at=members.integer("at"),
            trail=TrailId(members.hex("trail")),
            seq=members.integer("seq"),
            prev=LeafHash(members.hex("prev")),
            commitment=Commitment(members.hex("commitment")),
        )
        if (entry.seq == 0) != (entry.prev == ZERO_HASH):
            raise BadValueError("is all zeros for seq 0 and for no other", where=members.at("prev"))
        return entry


def encode_entry(*, at: int, trail_hex: str, seq: int, prev_hex: str, commitment_hex: str) -> bytes:
    """Canonical entry bytes from parts that are known to be well-formed.

    The log writer's fast path: about a tenth of the time of the general canonicalizer. A property
    test compares the two.
    """
    if not 0 <= at <= MAX_INTEGER or not 0 <= seq <= MAX_INTEGER:
        raise BadValueError("at and seq are integers from 0 to 2^53-1")
    return (
        f'{{"at":{at},"commitment":"{commitment_hex}","prev":"{prev_hex}",'
        f'"seq":{seq},"trail":"{trail_hex}","v":1}}'
    ).encode("ascii")
