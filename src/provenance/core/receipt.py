"""Receipts: everything that proves one entry, in one canonical JSON file.

A receipt proves nothing by itself: who may sign and which chain counts is the verifier's own
knowledge (the trust file). Size and root are taken from the checkpoint alone; what the receipt
says of its anchor is what a verifier looks up again.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

from provenance.core.digests import HASH_SIZE, Salt
from provenance.core.entry import Entry
from provenance.core.errors import (
    BadValueError,
    MissingMemberError,
    UnknownMemberError,
    WrongTypeError,
)
from provenance.core.fields import DisclosedField, read_disclosure
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse_canonical
from provenance.core.members import VERSION, Members
from provenance.core.statement import Statement

MAX_RECEIPT_BYTES = 4 << 20
"""A thousand disclosed fields with their paths take one; the rest is for long tokens."""
MAX_RECEIPT_VALUES = 1 << 17
"""Commas and brackets: 74,000 if every list is as long as may be; the rest is for ``ext``."""
MAX_PATH = 64
"""Hashes of an inclusion path: sizes have at most 53 bits."""
MAX_LATER = 64
"""Later anchors that one receipt may carry."""
STATES: Final = ("withheld", "erased")
"""Why statement and salt are missing."""

ADDRESS_SIZE = 20
"""Bytes of an EVM address."""

_LIMITS = Limits(max_bytes=MAX_RECEIPT_BYTES, max_depth=24, max_values=MAX_RECEIPT_VALUES)
_ANCHOR_MEMBERS: Final = (
    "chain_id",
    "genesis_hash",
    "contract",
    "log_id",
    "transaction",
    "log_index",
    "block_number",
    "block_hash",
    "block_time",
    "size",
    "old_size",
    "old_time",
)
_OPENING: Final = ("statement", "salt", "payload", "fields")
_MEMBERS: Final = (
    "v",
    "state",
    *_OPENING,
    "entry",
    "index",
    "path",
    "checkpoint",
    "trail_head",
    "anchor",
    "later",
    "ext",
)


@dataclass(frozen=True, slots=True)
class AnchorRecord:
    """Where a checkpoint was anchored; times in milliseconds since the epoch, UTC.

    ``old_time`` is the block time of the anchor of ``old_size``, or of the log's opening.
    """

    chain_id: int
    genesis_hash: bytes
    contract: bytes
    log_id: bytes
    transaction: bytes
    log_index: int
    block_number: int
    block_hash: bytes
    block_time: int
    size: int
    old_size: int
    old_time: int

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form; hex without 0x."""
        values = {name: getattr(self, name) for name in _ANCHOR_MEMBERS}
        return {
            name: value.hex() if isinstance(value, bytes) else value
            for name, value in values.items()
        }

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(_ANCHOR_MEMBERS)
        return cls(
            chain_id=members.integer("chain_id", minimum=1),
            genesis_hash=members.hex("genesis_hash"),
            contract=members.hex("contract", size=ADDRESS_SIZE),
            log_id=members.hex("log_id"),
            transaction=members.hex("transaction"),
            log_index=members.integer("log_index"),
            block_number=members.integer("block_number"),
            block_hash=members.hex("block_hash"),
            block_time=members.integer("block_time"),
            size=members.integer("size", minimum=1),
            old_size=members.integer("old_size"),
            old_time=members.integer("old_time"),
        )


@dataclass(frozen=True, slots=True)
class PayloadOpening:
    """What opens the statement's payload commitment."""

    salt: Salt
    sha256: bytes

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"salt": self.salt.hex(), "sha256": self.sha256.hex()}

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(("salt", "sha256"))
        return cls(salt=Salt(members.hex("salt")), sha256=members.hex("sha256", size=HASH_SIZE))


@dataclass(frozen=True, slots=True)
class AnchoredCheckpoint:
    """A checkpoint (a signed note), the inclusion path into its tree, and its anchor."""

    path: tuple[bytes, ...]
    checkpoint: str
    anchor: AnchorRecord

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {
            "path": [node.hex() for node in self.path],
            "checkpoint": self.checkpoint,
            "anchor": self.anchor.to_json(),
        }

    @classmethod
    def from_members(cls, members: Members) -> Self:
        """Read the three members; raises a :class:`FormatError`."""
        return cls(
            path=members.hashes("path", maximum=MAX_PATH),
            checkpoint=members.text("checkpoint"),
            anchor=AnchorRecord.from_json(members.get("anchor"), where=members.at("anchor")),
        )


@dataclass(frozen=True, slots=True)
class Receipt:
    """One entry, what opens it, and its first anchored checkpoint.

    ``statement`` and ``salt`` are absent when ``state`` is ``withheld`` or ``erased``; such a
    receipt proves place and order only. ``payload`` and ``fields`` are optional. ``ext`` is kept
    and not checked.
    """

    entry: Entry
    index: int
    anchored: AnchoredCheckpoint
    statement: Statement | None = None
    salt: Salt | None = None
    payload: PayloadOpening | None = None
    fields: tuple[DisclosedField, ...] = ()
    trail_head: str | None = None
    state: str | None = None
    later: tuple[AnchoredCheckpoint, ...] = ()
    ext: dict[str, JsonValue] | None = field(default=None)

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form; members that do not apply are absent."""
        optional: dict[str, JsonValue | None] = {
            "state": self.state,
            "statement": self.statement.to_json() if self.statement else None,
            "salt": self.salt.hex() if self.salt else None,
            "payload": self.payload.to_json() if self.payload else None,
            "fields": [item.to_json() for item in self.fields] if self.fields else None,
            "trail_head": self.trail_head,
            "later": [item.to_json() for item in self.later] if self.later else None,
            "ext": self.ext,
        }
        return {
            "v": VERSION,
            "entry": self.entry.to_json(),
            "index": self.index,
            **self.anchored.to_json(),
            **{name: value for name, value in optional.items() if value is not None},
        }

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        return canonicalize(self.to_json())

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a receipt, which must be exactly its canonical bytes.

        Raises:
            FormatError: one of its subclasses for each way of being malformed.

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
        state = members.text("state", choices=STATES) if "state" in members else None
        _check_opening(members, state)
        return cls(
            entry=Entry.from_json(members.get("entry"), where=members.at("entry")),
            index=members.integer("index"),
            anchored=AnchoredCheckpoint.from_members(members),
            statement=(
                Statement.from_json(members.get("statement"), where=members.at("statement"))
                if "statement" in members
                else None
            ),
            salt=Salt(members.hex("salt")) if "salt" in members else None,
            payload=(
                PayloadOpening.from_json(members.get("payload"), where=members.at("payload"))
                if "payload" in members
                else None
            ),
            fields=read_disclosure(members, "fields") if "fields" in members else (),
            trail_head=members.text("trail_head") if "trail_head" in members else None,
            state=state,
            later=_later(members),
            ext=_ext(members),
        )


def _check_opening(members: Members, state: str | None) -> None:
    for name in _OPENING:
        if state is not None and name in members:
            raise UnknownMemberError(
                f"cannot be there in a receipt that is {state}", where=members.at(name)
            )
    for name in ("statement", "salt"):
        if state is None and name not in members:
            raise MissingMemberError(
                "is required, or state says why it is missing", where=members.at(name)
            )


def _later(members: Members) -> tuple[AnchoredCheckpoint, ...]:
    if "later" not in members:
        return ()
    items = members.array("later", maximum=MAX_LATER)
    if not items:
        raise BadValueError("is empty; leave it out", where=members.at("later"))
    later: list[AnchoredCheckpoint] = []
    for position, item in enumerate(items):
        inner = Members(item, where=f"{members.at('later')}/{position}")
        inner.only(("path", "checkpoint", "anchor"))
        later.append(AnchoredCheckpoint.from_members(inner))
    sizes = [members.object("anchor").integer("size"), *(item.anchor.size for item in later)]
    if any(after <= before for before, after in pairwise(sizes)):
        raise BadValueError("the anchors' sizes do not rise", where=members.at("later"))
    return tuple(later)


def _ext(members: Members) -> dict[str, JsonValue] | None:
    if "ext" not in members:
        return None
    value = members.get("ext")
    if not isinstance(value, dict):
        raise WrongTypeError("expected an object", where=members.at("ext"))
    return value
