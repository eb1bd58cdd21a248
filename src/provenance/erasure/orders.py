"""Orders of erasure, and the lines of the erasure list, format v1.

A line is canonical JSON (RFC 8785) and a newline. Its members are ``v``, ``seq`` (0, 1, 2 …),
``prev`` (SHA-256 of the line before without its newline, 64 zeros for the first), ``at`` and ``id``
of the order, ``type``, and of a ``requested`` line ``ground``, ``submitter``, ``leaves`` and, unless
it was found in the log, ``payload``: where the erasure record's own payload lies sealed. No line
tells anything of what is erased.

=============  =====================================================================
``requested``  the order was given; nothing has happened yet
``recorded``   the log names it; from here on it is carried out, whatever happens
``purged``     nothing is left
``reopened``   an older database or copy came back: it is carried out again
``withdrawn``  a legal hold was placed before the log named it
=============  =====================================================================

Pure: bytes come in, bytes go out.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from provenance.core.digests import ZERO_HASH, LeafHash, sha256
from provenance.core.errors import BadValueError, FormatError
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse_canonical
from provenance.core.members import VERSION, Members
from provenance.core.statement import MAX_REFS
from provenance.erasure.errors import ErasureListError
from provenance.sealing import SealedRef

Event = Literal["requested", "recorded", "purged", "reopened", "withdrawn"]
EVENTS: Final[tuple[Event, ...]] = ("requested", "recorded", "purged", "reopened", "withdrawn")
State = Literal["requested", "erased", "purged", "withdrawn"]

RETENTION_ENDED: Final = "retention_ended"
GROUNDS: Final = (
    "data_subject_request",
    "consent_withdrawn",
    "objection",
    "unlawful_processing",
    "legal_obligation",
    "no_longer_necessary",
    RETENTION_ENDED,
)
"""Why something is erased: Regulation (EU) 2016/679, article 17(1), and the end of retention."""
MAX_LINE: Final = 512 << 10
"""Bytes: as many leaf hashes as a statement can name, with room."""
ID_BYTES: Final = 16

_LIMITS: Final = Limits(max_bytes=MAX_LINE)
_COMMON: Final = ("v", "seq", "prev", "at", "id", "type")
_REQUESTED: Final = ("ground", "submitter", "leaves", "payload")


@dataclass(frozen=True, slots=True)
class Payload:
    """Where the erasure record's payload lies sealed, and its size in bytes."""

    sealed: SealedRef
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order as of the list's last line about it; times in milliseconds since the epoch.

    ``payload`` is None where the order was found in the log, which then has its record.
    """

    id: str
    at: int
    ground: str
    submitter: UUID
    leaves: tuple[LeafHash, ...]
    payload: Payload | None
    is_recorded: bool = False
    purged_at: int | None = None
    is_withdrawn: bool = False

    @property
    def state(self) -> State:
        """How far it is."""
        if self.is_withdrawn:
            return "withdrawn"
        if self.purged_at is not None:
            return "purged"
        return "erased" if self.is_recorded else "requested"

    @property
    def is_open(self) -> bool:
        """Whether something is left to do."""
        return self.state in {"requested", "erased"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line without its place in the list; ``order`` stands in a ``requested`` one."""

    type: Event
    id: str
    at: int
    order: Order | None = None


@dataclass(slots=True)
class Chain:
    """The list as far as it was read: number of lines, hash of the last, orders by id."""

    count: int
    last: bytes
    orders: dict[str, Order]

    @classmethod
    def empty(cls) -> "Chain":
        """Before the first line."""
        return cls(count=0, last=ZERO_HASH, orders={})

    def encode(self, line: Line) -> bytes:
        """Return the next line with its newline; the chain stays as it is."""
        value: dict[str, JsonValue] = {
            "v": VERSION,
            "seq": self.count,
            "prev": self.last.hex(),
            "at": line.at,
            "id": line.id,
            "type": line.type,
        }
        if line.order is not None:
            value.update(_requested(line.order))
        return canonicalize(value) + b"\n"

    def append(self, data: bytes) -> None:
        """Take the next line, without its newline.

        Raises:
            ErasureListError: it is not the line that follows.

        """
        try:
            line = self._decode(data)
        except FormatError as error:
            raise ErasureListError(
                f"line {self.count + 1} of the erasure list is not what was written: {error}; put "
                "back the list from a backup"
            ) from error
        self._fold(line)
        self.count += 1
        self.last = sha256(data)

    def _decode(self, data: bytes) -> Line:
        members = Members(parse_canonical(data, limits=_LIMITS), where="")
        members.version()
        if members.integer("seq") != self.count:
            raise BadValueError(f"is not {self.count}", where="/seq")
        if members.hex("prev") != self.last:
            raise BadValueError("is not the hash of the line before", where="/prev")
        kind = members.text("type", choices=EVENTS)
        event = next(one for one in EVENTS if one == kind)
        id_, at = members.hex("id", size=ID_BYTES).hex(), members.integer("at")
        if event != "requested":
            members.only(_COMMON)
            if id_ not in self.orders:
                raise BadValueError("is of no order", where="/id")
            return Line(event, id_, at)
        members.only((*_COMMON, *_REQUESTED))
        return Line(event, id_, at, _order(members, id_, at))

    def _fold(self, line: Line) -> None:
        if line.order is not None:
            self.orders[line.id] = line.order
            return
        changes: Mapping[str, Mapping[str, object]] = {
            "recorded": {"is_recorded": True, "is_withdrawn": False},
            "purged": {"is_recorded": True, "purged_at": line.at},
            "reopened": {"is_recorded": True, "purged_at": None, "is_withdrawn": False},
            "withdrawn": {"is_withdrawn": True},
        }
        order = self.orders[line.id]
        if line.type == "withdrawn" and order.is_recorded:
            # Another process was quicker, and what the log has stands.
            return
        self.orders[line.id] = replace(order, **changes[line.type])  # type: ignore[arg-type] # names above


def open_orders(orders: Iterable[Order]) -> list[Order]:
    """Those of which something is left to do, oldest first."""
    return [order for order in orders if order.is_open]


def _requested(order: Order) -> dict[str, JsonValue]:
    value: dict[str, JsonValue] = {
        "ground": order.ground,
        "submitter": str(order.submitter),
        "leaves": [leaf.hex() for leaf in order.leaves],
    }
    if order.payload is not None:
        sealed = order.payload.sealed
        assert sealed.path is not None, "the payload of an erasure record is an object"
        value["payload"] = {
            "path": sealed.path,
            "segment": sealed.segment,
            "slot": sealed.slot,
            "opening": sealed.opening.hex(),
            "size": order.payload.size,
        }
    return value


def _order(members: Members, id_: str, at: int) -> Order:
    submitter = members.text("submitter", maximum=36)
    try:
        organisation = UUID(submitter)
    except ValueError:
        raise BadValueError("is no UUID", where="/submitter") from None
    return Order(
        id=id_,
        at=at,
        ground=members.text("ground", choices=GROUNDS),
        submitter=organisation,
        leaves=tuple(LeafHash(leaf) for leaf in members.hashes("leaves", maximum=MAX_REFS)),
        payload=_payload(members.object("payload")) if "payload" in members else None,
    )


def _payload(members: Members) -> Payload:
    members.only(("path", "segment", "slot", "opening", "size"))
    text = members.text("opening", maximum=4_096)
    try:
        opening = bytes.fromhex(text)
    except ValueError:
        raise BadValueError("is not hex", where=members.at("opening")) from None
    return Payload(
        sealed=SealedRef(
            path=members.text("path", maximum=200),
            segment=members.text("segment", maximum=100),
            slot=members.integer("slot"),
            opening=opening,
        ),
        size=members.integer("size"),
    )
