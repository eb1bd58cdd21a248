"""What acts say: one class for each, read strictly from JSON and written back as it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, Final, Literal, Self, TypeAlias, cast, get_args

from provenance.core.digests import LeafHash
from provenance.core.errors import BadValueError, MissingMemberError
from provenance.core.jcs import JsonValue
from provenance.core.members import Members
from provenance.evidence.cases.states import STATES, State
from provenance.evidence.clocks.zones import zone_named
from provenance.evidence.described import read_day, read_money, read_text
from provenance.evidence.money import Money, check_payable, plain
from provenance.evidence.rules.model import CLAIM_TYPES, Carriage, ClaimType, FactName

AmountRole: TypeAlias = Literal["claimed", "offered", "agreed", "paid"]
AMOUNT_ROLES: Final[tuple[AmountRole, ...]] = get_args(AmountRole)
CARRIAGES: Final[tuple[Carriage, ...]] = ("air", "road")
DAYS: Final[tuple[FactName, ...]] = get_args(FactName)

MAX_NOTE: Final = 10_000
"""Characters of a note: some four pages."""
MAX_NAME: Final = 256
"""Characters of a person's or firm's name, or of a reference."""
MAX_LINKED: Final = 256
"""Records that one act links; more take another act."""
MAX_AMOUNTS: Final = 16
MAX_HOURS: Final = 24 * 366
"""Agreed clearance time: a year."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the claimant states because no event tells it; absent members are not stated.

    ``days`` are dates, ``agreed_clearance_hours`` and ``stated_sum`` the terms of a
    customs-delay cover.
    """

    days: Mapping[FactName, date]
    agreed_clearance_hours: int | None = None
    stated_sum: Money | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read an object; raises a FormatError."""
        members.only((*DAYS, "agreed_clearance_hours", "stated_sum"))
        hours = None
        if "agreed_clearance_hours" in members:
            hours = members.integer("agreed_clearance_hours", minimum=1)
            if hours > MAX_HOURS:
                raise BadValueError(
                    f"is above {MAX_HOURS}", where=members.at("agreed_clearance_hours")
                )
        total = None
        if "stated_sum" in members:
            stated = members.object("stated_sum")
            stated.only(("currency", "value"))
            total = read_money(stated)
        return cls(
            days={name: read_day(members, name) for name in DAYS if name in members},
            agreed_clearance_hours=hours,
            stated_sum=total,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {name: day.isoformat() for name, day in self.days.items()}
        if self.agreed_clearance_hours is not None:
            value["agreed_clearance_hours"] = self.agreed_clearance_hours
        if self.stated_sum is not None:
            value["stated_sum"] = money_json(self.stated_sum)
        return value


NO_FACTS: Final = Facts(days={})
Amounts: TypeAlias = tuple[tuple[AmountRole, Money], ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """A case begins."""

    ACT: ClassVar[str] = "opened"
    MEMBERS: ClassVar[tuple[str, ...]] = (
        "claim", "claimant", "reference", "carriage", "zone", "amounts", "facts", "note",
    )  # fmt: skip
    claim: ClaimType
    claimant: str
    reference: str | None = None
    carriage: tuple[Carriage, ...] = ()
    zone: str | None = None
    amounts: Amounts = ()
    facts: Facts = NO_FACTS
    note: str | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        zone = members.text("zone", maximum=64) if "zone" in members else None
        if zone is not None:
            zone_named(zone, where=members.at("zone"))
        return cls(
            claim=cast("ClaimType", members.text("claim", choices=CLAIM_TYPES)),
            claimant=read_text(members, "claimant", maximum=MAX_NAME),
            reference=(
                read_text(members, "reference", maximum=MAX_NAME)
                if "reference" in members
                else None
            ),
            carriage=_carriage(members),
            zone=zone,
            amounts=_amounts(members) if "amounts" in members else (),
            facts=Facts.read(members.object("facts")) if "facts" in members else NO_FACTS,
            note=read_text(members, "note", maximum=MAX_NOTE) if "note" in members else None,
        )

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {"claim": self.claim, "claimant": self.claimant}
        for name in ("reference", "zone", "note"):
            if (text := getattr(self, name)) is not None:
                value[name] = text
        if self.carriage:
            value["carriage"] = list(self.carriage)
        if self.amounts:
            value["amounts"] = _amounts_json(self.amounts)
        if facts := self.facts.to_json():
            value["facts"] = facts
        return value


@dataclass(frozen=True, slots=True)
class Linked:
    """A record that is put to a case; ``line`` is the checklist line that it fills, if said.

    ``subject`` is what a request names in order to be shown the record; it is not kept.
    """

    first_index: int
    leaf: LeafHash | None
    line: str | None = None
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceLinked:
    """Records are put to the case. In a request the leaf hashes are absent; the service adds them."""

    ACT: ClassVar[str] = "evidence_linked"
    MEMBERS: ClassVar[tuple[str, ...]] = ("evidence",)
    evidence: tuple[Linked, ...]

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        found = []
        for at, item in enumerate(members.array("evidence", maximum=MAX_LINKED)):
            one = Members(item, where=f"{members.at('evidence')}/{at}")
            one.only(("first_index", "leaf", "line", "subject"))
            found.append(
                Linked(
                    first_index=one.integer("first_index"),
                    leaf=LeafHash(one.hex("leaf")) if "leaf" in one else None,
                    line=read_text(one, "line", maximum=64) if "line" in one else None,
                    subject=one.text("subject", maximum=2_048) if "subject" in one else None,
                )
            )
        _require_some(found, members, "evidence")
        return cls(tuple(found))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        items: list[JsonValue] = []
        for one in self.evidence:
            item: dict[str, JsonValue] = {"first_index": one.first_index}
            if one.leaf is not None:
                item["leaf"] = one.leaf.hex()
            if one.line is not None:
                item["line"] = one.line
            items.append(item)
        return {"evidence": items}


@dataclass(frozen=True, slots=True)
class EvidenceUnlinked:
    """Records no longer belong to the case; that they once did stays in its history."""

    ACT: ClassVar[str] = "evidence_unlinked"
    MEMBERS: ClassVar[tuple[str, ...]] = ("evidence", "reason")
    evidence: tuple[int, ...]
    reason: str

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        found = []
        for at, item in enumerate(members.array("evidence", maximum=MAX_LINKED)):
            one = Members({"index": item}, where=f"{members.at('evidence')}/{at}")
            found.append(one.integer("index"))
        _require_some(found, members, "evidence")
        return cls(tuple(found), read_text(members, "reason", maximum=MAX_NOTE))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"evidence": list(self.evidence), "reason": self.reason}


@dataclass(frozen=True, slots=True)
class AmountsChanged:
    """The amounts are these from now on."""

    ACT: ClassVar[str] = "amounts_changed"
    MEMBERS: ClassVar[tuple[str, ...]] = ("amounts", "reason")
    amounts: Amounts
    reason: str | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        return cls(_amounts(members), _reason(members))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return _with_reason({"amounts": _amounts_json(self.amounts)}, self.reason)


@dataclass(frozen=True, slots=True)
class FactsChanged:
    """These facts are stated from now on; those that are not named stay as they are."""

    ACT: ClassVar[str] = "facts_changed"
    MEMBERS: ClassVar[tuple[str, ...]] = ("facts", "reason")
    facts: Facts
    reason: str | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        facts = Facts.read(members.object("facts"))
        if not facts.to_json():
            raise BadValueError("states nothing; name a fact", where=members.at("facts"))
        return cls(facts, _reason(members))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return _with_reason({"facts": self.facts.to_json()}, self.reason)


@dataclass(frozen=True, slots=True)
class NoteAdded:
    """Somebody notes something."""

    ACT: ClassVar[str] = "note_added"
    MEMBERS: ClassVar[tuple[str, ...]] = ("note",)
    note: str

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        return cls(read_text(members, "note", maximum=MAX_NOTE))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"note": self.note}


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The case moves on."""

    ACT: ClassVar[str] = "state_changed"
    MEMBERS: ClassVar[tuple[str, ...]] = ("to", "reason")
    to: State
    reason: str | None = None

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        return cls(cast("State", members.text("to", choices=STATES)), _reason(members))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return _with_reason({"to": self.to}, self.reason)


@dataclass(frozen=True, slots=True)
class HoldPlaced:
    """A legal hold: nothing of the case may be erased until it is released."""

    ACT: ClassVar[str] = "hold_placed"
    MEMBERS: ClassVar[tuple[str, ...]] = ("reason",)
    reason: str

    @classmethod
    def read(cls, members: Members) -> Self:
        """Read the body; raises a FormatError."""
        return cls(read_text(members, "reason", maximum=MAX_NOTE))

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"reason": self.reason}


@dataclass(frozen=True, slots=True)
class HoldReleased(HoldPlaced):
    """The legal hold ends."""

    ACT: ClassVar[str] = "hold_released"


Body: TypeAlias = (
    Opened
    | EvidenceLinked
    | EvidenceUnlinked
    | AmountsChanged
    | FactsChanged
    | NoteAdded
    | StateChanged
    | HoldPlaced
    | HoldReleased
)
BODIES: Final[Mapping[str, type[Body]]] = {
    kind.ACT: kind
    for kind in (
        *(Opened, EvidenceLinked, EvidenceUnlinked, AmountsChanged, FactsChanged),
        *(NoteAdded, StateChanged, HoldPlaced, HoldReleased),
    )
}
"""Every act by its name."""


def check_amounts(body: Body) -> None:
    """Refuse an amount of a new act that a description of a document would not have either.

    Acts that were recorded before are read with any decimal.

    Raises:
        CurrencyError: it is of no currency in use.
        AmountError: it is below zero, or has more digits than the currency.

    """
    if isinstance(body, Opened | AmountsChanged):
        for at, (_, money) in enumerate(body.amounts):
            check_payable(money, where=f"/amounts/{at}")
    if isinstance(body, Opened | FactsChanged) and body.facts.stated_sum is not None:
        check_payable(body.facts.stated_sum, where="/facts/stated_sum")


def money_json(money: Money) -> dict[str, JsonValue]:
    """JSON form of an amount."""
    return {"currency": money.currency, "value": plain(money.value)}


def _amounts(members: Members) -> Amounts:
    found: list[tuple[AmountRole, Money]] = []
    for at, item in enumerate(members.array("amounts", maximum=MAX_AMOUNTS)):
        amount = Members(item, where=f"{members.at('amounts')}/{at}")
        amount.only(("role", "currency", "value"))
        role = cast("AmountRole", amount.text("role", choices=AMOUNT_ROLES))
        found.append((role, read_money(amount)))
    return tuple(found)


def _amounts_json(amounts: Amounts) -> list[JsonValue]:
    return [{"role": role, **money_json(money)} for role, money in amounts]


def _carriage(members: Members) -> tuple[Carriage, ...]:
    if "carriage" not in members:
        return ()
    where = members.at("carriage")
    found = members.array("carriage", maximum=len(CARRIAGES))
    if (
        not found
        or any(item not in CARRIAGES for item in found)
        or len(set(map(str, found))) != len(found)
    ):
        raise BadValueError(f"is a list of {' and '.join(CARRIAGES)}, each once", where=where)
    return tuple(cast("list[Carriage]", found))


def _reason(members: Members) -> str | None:
    return read_text(members, "reason", maximum=MAX_NOTE) if "reason" in members else None


def _with_reason(value: dict[str, JsonValue], reason: str | None) -> dict[str, JsonValue]:
    return value if reason is None else {**value, "reason": reason}


def _require_some(found: list[Linked] | list[int], members: Members, name: str) -> None:
    if not found:
        raise MissingMemberError("is empty; name a record", where=members.at(name))
