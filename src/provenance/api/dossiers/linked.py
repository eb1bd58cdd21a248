"""What was linked to a case from elsewhere in the log, as a timeline tells it: pure.

Of a linked record that stands in no timeline of the case's shipments a report would otherwise name
the entry alone, in the checklist or the acts.
"""

from collections.abc import Collection, Iterator
from typing import TypeAlias

from provenance.api.cases.holdings import Gathered
from provenance.api.shipments.answers import TimelineEvent
from provenance.evidence.facts import DocumentFact, ErasedFact, EventFact, Proof

_Fact: TypeAlias = EventFact | DocumentFact | ErasedFact


def linked_records(
    gathered: Gathered, told: Collection[int]
) -> Iterator[tuple[TimelineEvent, str]]:
    """Yield the linked events and documents that are not ``told`` yet, and what is to be noted.

    They come in order of recording. Which record declared an event an error is not read here:
    ``corrected_by`` stays empty, and the note says it.
    """
    held = gathered.holdings
    linked: list[_Fact] = [*gathered.linked, *held.documents, *held.erased]
    facts = {fact.logged.first_index: fact for fact in linked}
    for first_index in sorted(set(gathered.case.evidence) & facts.keys()):
        if first_index not in told:
            fact = facts[first_index]
            is_void = isinstance(fact, EventFact) and fact.is_void
            yield _as_told(fact), f"linked to the case{', declared an error' if is_void else ''}"


def _as_told(fact: _Fact) -> TimelineEvent:
    logged = fact.logged
    erasure = logged.erased
    is_event = isinstance(fact, EventFact)
    erased_at, ground = (None, None) if erasure is None else (erasure.at, erasure.ground)
    if isinstance(fact, ErasedFact):
        erased_at, ground = fact.erased_at, fact.ground or None
    return TimelineEvent(
        first_index=logged.first_index,
        places=[],
        recorded_at=logged.recorded_at,
        state="recorded",
        kind="event" if is_event else "document",
        type=_type(fact),
        event_time=fact.occurred_at if isinstance(fact, EventFact) else None,
        biz_step=fact.biz_step if isinstance(fact, EventFact) else None,
        disposition=fact.disposition if isinstance(fact, EventFact) else None,
        read_point=fact.place if isinstance(fact, EventFact) else None,
        withheld=logged.proof is Proof.WITHHELD,
        erased=isinstance(fact, ErasedFact) or logged.proof is Proof.ERASED,
        erased_at=erased_at,
        erased_ground=ground,
    )


def _type(fact: _Fact) -> str | None:
    if isinstance(fact, EventFact):
        return fact.event_type or None
    return fact.type or None if isinstance(fact, DocumentFact) else None
