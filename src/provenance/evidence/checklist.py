"""Checklists that fill themselves from what the log holds: pure.

A line is ``present`` if something verifiable fills it in time; else ``late`` if something does
that was recorded too late; else ``unverifiable`` if what would fill it cannot be verified, was
erased or is withheld; else ``missing``. Of an erased record it is not known what it was: a line
that it could have filled is unverifiable, and not missing. A document counts from when it was recorded: when it
claims to have been issued proves nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

from provenance.evidence.clocks.reading import ClockReading
from provenance.evidence.erased import named
from provenance.evidence.facts import (
    READABLE,
    DocumentFact,
    ErasedFact,
    EventFact,
    Holdings,
    Logged,
    event_of,
    events_of,
)
from provenance.evidence.rules.model import ClaimType, LineRule, RuleBook

LineState = Literal["present", "missing", "late", "unverifiable"]
MAX_FILLED: Final = 8
"""Records that are shown of one line; the others are counted."""


class Filled(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record that fills a line; ``remark`` says what is special about it."""

    first_index: int
    kind: Literal["event", "document"]
    type: str
    state: Literal["present", "late", "unverifiable"]
    proof: str
    recorded_at: int
    logged_before: int | None = None
    superseded_by: int | None = None
    remark: str = ""
    erased_at: int | None = None
    erased_ground: str | None = None


class ChecklistLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line; ``due_at`` is the instant by which it must have been recorded."""

    id: str
    title: str
    need: Literal["required", "helpful"]
    state: LineState
    reason: str
    source: str
    filled_by: list[Filled] = []
    more: int = 0
    due_at: int | None = None
    due: str = ""
    remark: str = ""


def fill_checklist(
    rules: RuleBook,
    claim: ClaimType,
    holdings: Holdings,
    clocks: Sequence[ClockReading],
    *,
    now: int,
) -> list[ChecklistLine]:
    """Return the checklist of ``claim``; ``clocks`` are those that were read for it."""
    read = {clock.id: clock for clock in clocks}
    return [_line(line, rules, holdings, read, now) for line in rules.claims[claim].lines]


def candidates(
    rules: RuleBook, claim: ClaimType, holdings: Holdings
) -> Iterator[EventFact | DocumentFact]:
    """Return what could fill the lines of ``claim``: of these receipts are worth verifying."""
    for line in rules.claims[claim].lines:
        yield from _fitting(line, rules, holdings)[:MAX_FILLED]


def _line(
    line: LineRule,
    rules: RuleBook,
    holdings: Holdings,
    clocks: Mapping[str, ClockReading],
    now: int,
) -> ChecklistLine:
    due_at, due = _due(line, rules, holdings, clocks)
    found = _fitting(line, rules, holdings)
    filled = [_filled(fact, due_at) for fact in found]
    erased = _erased(line, holdings)
    if _state(filled) == "missing":
        filled = [_gone(fact) for fact in erased]
    state = _state(filled)
    return ChecklistLine(
        id=line.id,
        title=line.title,
        need=line.need,
        state=state,
        reason=line.reason,
        source=line.source,
        filled_by=filled[:MAX_FILLED],
        more=max(0, len(filled) - MAX_FILLED),
        due_at=due_at,
        due=due,
        remark=_remark(state, filled, erased, due_at, now=now, is_complete=holdings.is_complete),
    )


def _state(filled: Sequence[Filled]) -> LineState:
    states = {one.state for one in filled}
    for state in ("present", "late", "unverifiable"):
        if state in states:
            return state
    return "missing"


def _remark(
    state: LineState,
    filled: Sequence[Filled],
    erased: Sequence[ErasedFact],
    due_at: int | None,
    *,
    now: int,
    is_complete: bool,
) -> str:
    if state == "unverifiable" and erased and len(filled) == len(erased):
        return f"{named(erased)}: what it was is not known any more, and it may have been this"
    if state == "late":
        early = [one for one in erased if due_at is None or one.logged.recorded_at < due_at]
        return f"{named(early)}: it may have been this, in time" if early else ""
    if state == "missing" and not is_complete:
        return "more is recorded than was read; it may be there"
    if state == "missing" and due_at is not None and now >= due_at:
        return "what is recorded from now on is late"
    if state == "present" and any(one.state == "unverifiable" for one in filled):
        return "something that would fill it too cannot be verified"
    return ""


def _due(
    line: LineRule, rules: RuleBook, holdings: Holdings, clocks: Mapping[str, ClockReading]
) -> tuple[int | None, str]:
    """Instant by which the line must be recorded, the earliest of several, and what makes it so."""
    found = [
        (clock.ends_at, f"end of the period '{clock.title}' ({clock.id})")
        for name in line.by
        if (clock := clocks.get(name)) is not None and clock.ends_at is not None
    ]
    if line.before is not None:
        kind = rules.events[line.before]
        event = event_of(kind, holdings.events)
        if event is not None:
            found.append(
                (event.latest, f"before '{kind.title}' (record {event.logged.first_index})")
            )
    if not found:
        return None, ""
    return min(found)


def _fitting(line: LineRule, rules: RuleBook, holdings: Holdings) -> list[EventFact | DocumentFact]:
    """What fills the line, newest versions of documents first, else in order of recording."""
    erased = {one.logged.first_index for one in holdings.erased}
    documents = [
        document
        for document in holdings.documents
        if _fits(document, line) and document.logged.first_index not in erased
    ]
    events = {
        event.logged.first_index: event
        for name in line.events
        for event in events_of(rules.events[name], holdings.events)
        if event.line is None
    }
    chosen = (event for event in holdings.events if event.line == line.id and not event.is_void)
    events |= {event.logged.first_index: event for event in chosen}
    found: list[EventFact | DocumentFact] = [*documents, *events.values()]
    return sorted(
        found,
        key=lambda fact: (
            isinstance(fact, DocumentFact) and fact.superseded_by is not None,
            fact.logged.first_index,
        ),
    )


def _erased(line: LineRule, holdings: Holdings) -> list[ErasedFact]:
    """Erased records that may have filled the line."""
    return [one for one in holdings.erased if _could_fill(one, line)]


def _could_fill(erased: ErasedFact, line: LineRule) -> bool:
    if erased.line is not None:
        return erased.line == line.id
    if erased.kind == "event":
        return bool(line.events)
    if erased.kind == "description":
        return False
    return bool(line.documents) or erased.media_type.startswith(line.media or ("\0",))


def _gone(erased: ErasedFact) -> Filled:
    return Filled(
        first_index=erased.logged.first_index,
        kind="event" if erased.kind == "event" else "document",
        type="",
        state="unverifiable",
        proof=erased.logged.proof.value,
        recorded_at=erased.logged.recorded_at,
        logged_before=erased.logged.before,
        remark=erased.told,
        erased_at=erased.erased_at,
        erased_ground=erased.ground or None,
    )


def _fits(document: DocumentFact, line: LineRule) -> bool:
    if document.line is not None:
        return document.line == line.id
    return document.type in line.documents or document.media_type.startswith(line.media or ("\0",))


def _filled(fact: EventFact | DocumentFact, due_at: int | None) -> Filled:
    logged = fact.logged
    state: Literal["present", "late", "unverifiable"] = "present"
    if logged.proof not in READABLE:
        state = "unverifiable"
    elif due_at is not None and logged.recorded_at >= due_at:
        state = "late"
    is_document = isinstance(fact, DocumentFact)
    return Filled(
        first_index=logged.first_index,
        kind="document" if isinstance(fact, DocumentFact) else "event",
        type=fact.type if isinstance(fact, DocumentFact) else fact.biz_step or fact.event_type,
        state=state,
        proof=logged.proof.value,
        recorded_at=logged.recorded_at,
        logged_before=logged.before,
        superseded_by=fact.superseded_by if isinstance(fact, DocumentFact) else None,
        remark=_said(logged, state, due_at, is_document=is_document),
        erased_at=None if logged.erased is None else logged.erased.at,
        erased_ground=None if logged.erased is None else logged.erased.ground,
    )


def _said(logged: Logged, state: str, due_at: int | None, *, is_document: bool) -> str:
    if logged.remark:
        return logged.remark
    if state == "late" and is_document:
        return "recorded too late; whether it existed in time the log does not prove"
    if state == "late":
        return (
            "recorded too late; it may have happened in time, for which only its recorder vouches"
        )
    if (
        state == "present"
        and due_at is not None
        and (logged.before is None or logged.before >= due_at)
    ):
        return "recorded in time by the service's clock; the anchor that proves it came later"
    return ""
