"""What somebody says is in a document: the description that may come with an upload."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Self

from provenance.core.errors import BadValueError
from provenance.core.jcs import check_text, parse
from provenance.core.members import Members
from provenance.evidence.clocks.calendar import is_countable
from provenance.evidence.money import Money, read_currency, read_decimal

AMOUNT_ROLES: Final = ("declared", "invoiced", "insured", "freight")
PARTY_ROLES: Final = (
    *("consignor", "consignee", "buyer", "seller", "insured", "declarant"),
    *("carrier", "broker", "insurer", "claimant", "inspector"),
)
DATES: Final = ("policy_from", "policy_to", "declared_on")
_TEXTS: Final = ("filename", "issuer", "signer", "place", "number")

MAX_TEXT: Final = 1_024
"""Characters of a name, a place or a number."""
MAX_ITEMS: Final = 64
"""Amounts or parties of one document."""
MAX_QUANTITY: Final = 10**12
"""Grams or pieces: a million tonnes."""

_ROLES: Final = {
    "issued": "issued_on",
    "valid_from": "policy_from",
    "valid_until": "policy_to",
    "declared": "declared_on",
    "delivery": "delivered_on",
    "pickup": "taken_over_on",
    "loss": "lost_on",
    "inspection": "inspected_on",
    "signature": "signed_on",
}
"""Roles of dates in the list form, by the name that they have here."""
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Described:
    """A description. ``document`` is the index of the record that it describes, ``weight`` in g.

    ``agreed_clearance_hours`` and ``stated_sum`` are the terms of a customs-delay cover.
    """

    document: int
    sha256: bytes
    texts: Mapping[str, str] = field(default_factory=dict)
    issued_on: date | None = None
    amounts: tuple[tuple[str, Money], ...] = ()
    weight_g: int | None = None
    pieces: int | None = None
    parties: tuple[tuple[str, str], ...] = ()
    dates: Mapping[str, date] = field(default_factory=dict)
    agreed_clearance_hours: int | None = None
    stated_sum: Money | None = None

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read the JSON of a description.

        Raises:
            FormatError: it is none; names the member.

        """
        members = Members(parse(data), where="")
        members.version()
        members.only(
            (
                "v",
                "document",
                *_TEXTS,
                "issued_on",
                "amounts",
                "weight_g",
                "pieces",
                "parties",
                "dates",
                "agreed_clearance_hours",
                "stated_sum",
            )
        )
        document = members.object("document")
        document.only(("first_index", "sha256"))
        dates = _dates(members)
        return cls(
            document=document.integer("first_index"),
            sha256=document.hex("sha256"),
            texts={name: read_text(members, name) for name in _TEXTS if name in members},
            issued_on=(
                read_day(members, "issued_on") if "issued_on" in members else dates.get("issued_on")
            ),
            amounts=_amounts(members),
            weight_g=_quantity(members, "weight_g"),
            pieces=_quantity(members, "pieces"),
            parties=_parties(members),
            dates={name: day for name, day in dates.items() if name != "issued_on"},
            agreed_clearance_hours=_quantity(members, "agreed_clearance_hours"),
            stated_sum=read_money(members.object("stated_sum"))
            if "stated_sum" in members
            else None,
        )


def read_text(members: Members, name: str, *, maximum: int = MAX_TEXT) -> str:
    """Return a text that is not empty; raises a FormatError."""
    text = members.text(name, maximum=maximum)
    check_text(text, where=members.at(name))
    if not text.strip():
        raise BadValueError("is empty; leave it out", where=members.at(name))
    return text


def read_day(members: Members, name: str) -> date:
    """Return a date; raises a FormatError."""
    day = _day(members.text(name))
    if day is None:
        raise BadValueError(
            "is no date; write it as YYYY-MM-DD, from 1900 on", where=members.at(name)
        )
    return day


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        return None
    return day if day is not None and is_countable(day) else None


def read_money(members: Members) -> Money:
    """Return the ``currency`` and ``value`` of an object; raises a FormatError."""
    return Money(
        currency=read_currency(members.text("currency"), where=members.at("currency")),
        value=read_decimal(members.text("value"), where=members.at("value")),
    )


def _dates(members: Members) -> dict[str, date]:
    """Return dates by name: an object of them, or a list of roles and times."""
    if "dates" not in members:
        return {}
    if not isinstance(members.get("dates"), list):
        named = members.object("dates")
        named.only(DATES)
        return {name: read_day(named, name) for name in DATES if name in named}
    found = {}
    for at, item in enumerate(members.array("dates", maximum=MAX_ITEMS)):
        one = Members(item, where=f"{members.at('dates')}/{at}")
        one.only(("role", "at"))
        # A time begins with its day, in the zone that it is written in.
        day = Members(
            {"at": one.text("at", maximum=40)[:10]}, where=one.at("at").rpartition("/")[0]
        )
        found[_ROLES[one.text("role", choices=tuple(_ROLES))]] = read_day(day, "at")
    return found


def _amounts(members: Members) -> tuple[tuple[str, Money], ...]:
    if "amounts" not in members:
        return ()
    found = []
    for at, item in enumerate(members.array("amounts", maximum=MAX_ITEMS)):
        amount = Members(item, where=f"{members.at('amounts')}/{at}")
        amount.only(("role", "currency", "value"))
        found.append((amount.text("role", choices=AMOUNT_ROLES), read_money(amount)))
    return tuple(found)


def _parties(members: Members) -> tuple[tuple[str, str], ...]:
    if "parties" not in members:
        return ()
    found = []
    for at, item in enumerate(members.array("parties", maximum=MAX_ITEMS)):
        party = Members(item, where=f"{members.at('parties')}/{at}")
        party.only(("role", "name", "id"))
        found.append((party.text("role", choices=PARTY_ROLES), read_text(party, "name")))
    return tuple(found)


def _quantity(members: Members, name: str) -> int | None:
    if name not in members:
        return None
    found = members.integer(name)
    if found > MAX_QUANTITY:
        raise BadValueError(f"is above {MAX_QUANTITY}", where=members.at(name))
    return found
