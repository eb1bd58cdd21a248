"""The shapes of ``claims.toml`` and of a carrier's terms."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Self, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

ClaimType: TypeAlias = Literal[
    "damage", "partial_loss", "total_loss", "delay", "customs_dispute", "customs_delay_cover"
]
CLAIM_TYPES: Final[tuple[ClaimType, ...]] = get_args(ClaimType)
Carriage: TypeAlias = Literal["air", "road", "any"]
RestDay: TypeAlias = Literal["sunday", "holiday"]
FactName: TypeAlias = Literal["agreed_delivery_on", "arrived_on", "contract_on"]
"""Dates that the claimant states, because no event tells them."""
PAST_FACTS: Final[frozenset[FactName]] = frozenset({"arrived_on", "contract_on"})
"""Those on which something happened, so that nobody can state them beforehand."""

MAX_UNITS: Final = 10_000
"""Longest period in days; no convention comes near it."""

_Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
_Text = Annotated[str, Field(min_length=1, max_length=1_000)]
_Code = Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]
_Word = Annotated[str, Field(min_length=1, max_length=2_048)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Match(_Model):
    """An event is meant if all members that are given are its own."""

    biz_step: _Word | None = None
    disposition: _Word | None = None
    event_type: _Word | None = None
    action: _Word | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("matches every event; give biz_step or disposition")
        return self


class EventKind(_Model):
    """A milestone and the events that are it; ``pick`` decides which of several counts.

    ``also`` are kinds whose events are of this one too, with what a carrier adds to them; once the
    rules are read, ``match`` has them. ``note`` is what must be known where something is computed from it.
    """

    title: _Text
    match: tuple[Match, ...] = Field(min_length=1, max_length=64)
    source: _Text
    pick: Literal["first", "last"] = "first"
    also: tuple[str, ...] = ()
    note: str = ""


class Period(_Model):
    """A length of time in one unit; ``days = 0`` is the day itself."""

    days: StrictInt | None = Field(default=None, ge=0, le=MAX_UNITS)
    months: StrictInt | None = Field(default=None, ge=1, le=120)
    years: StrictInt | None = Field(default=None, ge=1, le=30)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if sum(unit is not None for unit in (self.days, self.months, self.years)) != 1:
            raise ValueError("give exactly one of days, months and years")
        return self

    def __str__(self) -> str:
        for unit in ("days", "months", "years"):
            if (count := getattr(self, unit)) is not None:
                return f"{count} {unit if count != 1 else unit[:-1]}"
        raise AssertionError


class Start(_Model):
    """What a period counts from: an event or a stated date, and how long after it.

    ``not_after`` is an event that what is stated cannot have followed: a day after that is passed
    over. ``assumptions`` are what must be known where the period counts from this.
    """

    event: _Id | str | None = None
    fact: FactName | None = None
    after: Period | None = None
    not_after: str | None = None
    assumptions: tuple[_Text, ...] = ()

    @model_validator(mode="after")
    def _one_start(self) -> Self:
        if (self.event is None) == (self.fact is None):
            raise ValueError("give exactly one of event and fact")
        if self.not_after is not None and self.fact is None:
            raise ValueError("not_after bounds a stated date; give it with fact")
        return self

    @property
    def events(self) -> tuple[str, ...]:
        """Names of the events that it looks at."""
        return tuple(name for name in (self.event, self.not_after) if name is not None)


class ClockRule(_Model):
    """A period of law or contract.

    ``starts`` are tried in order. ``effect``: a complaint or an action is due by its end, or a
    right arises then. ``skips`` are days that do not count; ``rolls`` moves a last day that is a
    Sunday or holiday to the next that is not. ``met_by`` are documents whose recording meets it.
    ``lost_goods``: it is of goods that were not delivered within a term, which ends with the period
    of a right, and with the day from which any other period counts.
    """

    id: _Id
    title: _Text
    carriage: Carriage
    claims: tuple[ClaimType, ...] = Field(min_length=1)
    effect: Literal["complaint", "action", "right"]
    starts: tuple[Start, ...] = Field(min_length=1, max_length=8)
    period: Period
    source: _Text
    counting: _Text
    condition: str = ""
    skips: tuple[RestDay, ...] = ()
    rolls: bool = False
    met_by: tuple[_Code, ...] = ()
    lost_goods: bool = False
    assumptions: tuple[_Text, ...] = ()

    @property
    def concerns_lost_goods(self) -> bool:
        """Whether a delivery within the term leaves nothing that it could be of."""
        return self.lost_goods or (self.effect == "right" and "total_loss" in self.claims)


class Rate(_Model):
    """A limit as it stands since a day."""

    since: date
    sdr_per_kg: Annotated[Decimal, Field(gt=0, le=1_000)]
    source: _Text


class LimitRule(_Model):
    """A limit of liability."""

    id: _Id
    title: _Text
    carriage: Carriage
    claims: tuple[ClaimType, ...] = Field(min_length=1)
    basis: Literal["per_kg", "carriage_charges"]
    source: _Text
    rates: tuple[Rate, ...] = ()
    assumptions: tuple[_Text, ...] = ()

    @model_validator(mode="after")
    def _rated(self) -> Self:
        if (self.basis == "per_kg") != bool(self.rates):
            raise ValueError("rates belong to basis per_kg, and to it alone")
        if list(self.rates) != sorted(self.rates, key=lambda rate: rate.since):
            raise ValueError("rates stand in order of since")
        return self


class LineRule(_Model):
    """A line of a checklist: what fills it, by when, and why.

    ``by`` are clocks by whose end it must have been recorded, ``before`` an event that it must
    have been recorded before.
    """

    id: _Id
    title: _Text
    need: Literal["required", "helpful"]
    reason: _Text
    source: _Text
    documents: tuple[_Code, ...] = ()
    media: tuple[_Word, ...] = ()
    events: tuple[str, ...] = ()
    by: tuple[_Id, ...] = ()
    before: str | None = None

    @model_validator(mode="after")
    def _fillable(self) -> Self:
        if not (self.documents or self.media or self.events):
            raise ValueError("nothing could fill it; give documents, media or events")
        return self


class ClaimRule(_Model):
    """A type of claim."""

    title: _Text
    lines: tuple[LineRule, ...] = Field(min_length=1, max_length=100)


class Holidays(_Model):
    """Public holidays of a zone."""

    zone: _Word
    dates: tuple[date, ...] = Field(min_length=1, max_length=2_000)
    source: _Text


class RuleBook(_Model):
    """Everything; ``places`` gives the IANA time zone of a location's canonical identifier."""

    v: Literal[1]
    events: Mapping[str, EventKind]
    clocks: tuple[ClockRule, ...]
    limits: tuple[LimitRule, ...]
    claims: Mapping[ClaimType, ClaimRule]
    holidays: tuple[Holidays, ...] = ()
    places: Mapping[str, str] = Field(default_factory=dict)

    def clock(self, clock_id: str) -> ClockRule:
        """Return a clock by its id, which must exist."""
        return next(clock for clock in self.clocks if clock.id == clock_id)

    def holidays_of(self, zone: str) -> frozenset[date]:
        """Holidays that are configured for ``zone``."""
        return frozenset(
            day for holidays in self.holidays if holidays.zone == zone for day in holidays.dates
        )


class MoreEvents(_Model):
    """Events that a carrier adds to a milestone."""

    match: tuple[Match, ...] = Field(min_length=1, max_length=64)


class MoreLines(_Model):
    """Lines that a carrier adds to a checklist."""

    lines: tuple[LineRule, ...] = Field(min_length=1, max_length=100)


class Terms(_Model):
    """A carrier's own terms: what they add to the rules."""

    v: Literal[1]
    carrier: _Text
    events: Mapping[str, MoreEvents] = Field(default_factory=dict)
    clocks: tuple[ClockRule, ...] = Field(default=(), max_length=100)
    limits: tuple[LimitRule, ...] = Field(default=(), max_length=100)
    claims: Mapping[ClaimType, MoreLines] = Field(default_factory=dict)
    holidays: tuple[Holidays, ...] = Field(default=(), max_length=200)
    places: Mapping[str, str] = Field(default_factory=dict, max_length=100_000)


_MODELS: Final = (
    *(Match, EventKind, Period, Start, ClockRule, Rate, LimitRule),
    *(LineRule, ClaimRule, Holidays, RuleBook, Terms),
)
MEMBERS: Final = frozenset(name for model in _MODELS for name in model.model_fields)
"""Every member's name, to guess what a misspelt one was meant to be."""
