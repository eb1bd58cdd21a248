"""What the log holds about a shipment, as the rules see it.

Times are milliseconds since the epoch, UTC. What a record claims about itself and what the log
proves about it are kept apart: an event's ``occurred_at`` is a claim, and the anchors on either
side bound when it was recorded, not when it happened.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Final, Literal

from provenance.core.check import TOLERANCE_MS
from provenance.evidence.described import Described
from provenance.evidence.invoices.model import Invoice
from provenance.evidence.rules.model import EventKind, FactName


class Proof(StrEnum):
    """What became of the attempt to verify a record's receipt."""

    PROVEN = "proven"
    """Its receipt is VALID."""
    PENDING = "pending"
    """Recorded and acknowledged; no anchor covers it yet."""
    UNCHECKED = "unchecked"
    """Its receipt is UNKNOWN, or was not asked for."""
    DISPROVEN = "disproven"
    """Its receipt is INVALID."""
    ERASED = "erased"
    """What it said was erased; only its place is left."""
    WITHHELD = "withheld"
    """What it says is not shown to the reader."""


READABLE: Final = frozenset({Proof.PROVEN, Proof.PENDING})
"""What the rules may rely on: proven, or acknowledged and about to be."""
DAY_MS: Final = 86_400_000
LATE_RECORD_MS: Final = DAY_MS
"""A day: an event that was recorded later than that has nobody but its recorder for its time."""


def whole_days(milliseconds: int) -> str:
    """Spell the whole days of a length of time."""
    days = milliseconds // DAY_MS
    return f"{days} {'day' if days == 1 else 'days'}"


@dataclass(frozen=True, slots=True)
class Erased:
    """When a record was erased, and the ground, as the log's erasure record says."""

    at: int
    ground: str


@dataclass(frozen=True, slots=True)
class Logged:
    """Where a record is in the log, and what is proven of when.

    ``after`` and ``before`` are the block times of the anchors that it was logged between: None
    where there is none yet. ``erased`` is there once the log says so of an erased record.
    """

    first_index: int
    recorded_at: int
    after: int | None = None
    before: int | None = None
    proof: Proof = Proof.UNCHECKED
    remark: str = ""
    erased: Erased | None = None


@dataclass(frozen=True, slots=True)
class EventFact:
    """A recorded event. ``is_void``: it was declared an error, or declares one.

    ``about`` are the parcels that it names, ``offset`` its own time zone offset, ``place`` where.
    ``line`` is the checklist line that somebody put it to by hand, ``doubt`` what the table tells
    otherwise than the event itself.
    """

    logged: Logged
    occurred_at: int
    event_type: str = ""
    biz_step: str | None = None
    disposition: str | None = None
    action: str | None = None
    place: str | None = None
    offset: str | None = None
    about: tuple[str, ...] = ()
    is_void: bool = False
    line: str | None = None
    doubt: str = ""

    @property
    def latest(self) -> int:
        """Latest instant at which it can have happened, if it happened at all.

        A record can't tell of what is yet to come: a time that lies after the anchor which covers
        it, by more than clocks differ, gives way to the anchor's.
        """
        return self.logged.before if self.is_ahead and self.logged.before else self.occurred_at

    @property
    def is_ahead(self) -> bool:
        """Whether it claims a later time than the anchor that covers it."""
        before = self.logged.before
        return before is not None and self.occurred_at > before + TOLERANCE_MS


@dataclass(frozen=True, slots=True)
class DescriptionFact:
    """A record that says what a document says.

    Only what the document's own sender says (``is_own``) is the document's word. ``superseded_by``
    is the record of a newer description of the same document by the same organisation.
    ``submitter`` is the id that the statement names, ``organisation`` the operator's name for it.
    """

    logged: Logged
    said: Described
    submitter: str = ""
    organisation: str = ""
    is_own: bool = True
    superseded_by: int | None = None


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A recorded document. ``type`` is its UNTDID 1001 code.

    ``superseded_by`` is the record of a newer version; ``line`` the checklist line that somebody
    put it to by hand; ``problem`` says why structured data in it could not be read.
    ``descriptions`` are in order of recording; ``submitter`` and ``organisation`` are as those of
    a description. ``about`` are the parcels that it was recorded for, none for the whole shipment.
    """

    logged: Logged
    type: str = ""
    media_type: str = ""
    name: str = ""
    superseded_by: int | None = None
    line: str | None = None
    descriptions: tuple[DescriptionFact, ...] = ()
    invoice: Invoice | None = None
    about: tuple[str, ...] = ()
    problem: str = ""
    submitter: str = ""
    organisation: str = ""


@dataclass(frozen=True, slots=True)
class ErasedFact:
    """A record of which the log keeps its place, its kind, and that it was erased.

    A description is told from other documents by its media type, which the log keeps too.
    ``erased_at`` and ``ground`` are there once the erasure is recorded; ``line`` is the checklist
    line that somebody put it to by hand, when it could be read.
    """

    logged: Logged
    kind: Literal["event", "document", "description"]
    media_type: str = ""
    erased_at: int | None = None
    ground: str = ""
    line: str | None = None

    @property
    def told(self) -> str:
        """What is left to tell of it."""
        what = f"record {self.logged.first_index} was erased"
        if self.erased_at is None:
            return what
        moment = datetime.fromtimestamp(self.erased_at / 1000, UTC)
        ground = self.ground.replace("_", " ")
        return f"{what} at {moment:%Y-%m-%d %H:%M:%S} UTC, ground: {ground}"


@dataclass(frozen=True, slots=True)
class Holdings:
    """Everything that is held about a shipment; ``is_complete`` is false where a bound cut it.

    ``erased`` are records of its trails, or linked to the case, of which it is not known any more
    what they were. An erased document is among the documents too.
    """

    events: tuple[EventFact, ...] = ()
    documents: tuple[DocumentFact, ...] = ()
    is_complete: bool = True
    erased: tuple[ErasedFact, ...] = ()


@dataclass(frozen=True, slots=True)
class StatedFact:
    """A date that the claimant states, and the act of the case that it was stated with."""

    name: FactName
    day: date
    logged: Logged


def events_of(kind: EventKind, events: Sequence[EventFact]) -> list[EventFact]:
    """Return the events that are a milestone of ``kind``, in order of time; void ones are not."""
    wanted = [tuple(match.model_dump(exclude_none=True).items()) for match in kind.match]
    found = [
        event
        for event in events
        if not event.is_void and any(_is(event, members) for members in wanted)
    ]
    return sorted(found, key=lambda event: (event.occurred_at, event.logged.first_index))


def milestones(kinds: Iterable[EventKind], events: Iterable[EventFact]) -> Iterator[EventFact]:
    """Return the events that may be one of ``kinds``, or that somebody put to a line.

    Of a shipment's thousands of scans the rules look at a handful: they are told apart here once.
    """
    matches = [match for kind in kinds for match in kind.match]
    any_step = any(match.biz_step is None and match.disposition is None for match in matches)
    steps = {match.biz_step for match in matches if match.biz_step is not None}
    dispositions = {match.disposition for match in matches if match.disposition is not None}
    for event in events:
        if (
            any_step
            or event.line is not None
            or event.biz_step in steps
            or event.disposition in dispositions
        ):
            yield event


def event_of(kind: EventKind, events: Sequence[EventFact]) -> EventFact | None:
    """Return the one that counts of :func:`events_of`."""
    found = events_of(kind, events)
    if not found:
        return None
    return found[-1 if kind.pick == "last" else 0]


def _is(event: EventFact, members: tuple[tuple[str, str], ...]) -> bool:
    return all(getattr(event, name) == value for name, value in members)
