"""Gathers what the log holds about a case: its shipments' timelines and what was linked to it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from provenance.api.authentication import Principal
from provenance.api.services import Services
from provenance.api.shipments.answers import Timeline, TimelineEvent
from provenance.api.shipments.timeline import TimelineMaker
from provenance.evidence.cases.extent import CASE_LIMITS
from provenance.evidence.cases.fold import Case, LoggedAct
from provenance.evidence.checklist import candidates
from provenance.evidence.documents import DocumentStore, StoredPayloads
from provenance.evidence.erased import ErasedRecords
from provenance.evidence.erasures import ErasureStore
from provenance.evidence.events import LinkedEvents, event_fact
from provenance.evidence.facts import (
    DocumentFact,
    EventFact,
    Holdings,
    Logged,
    Proof,
    events_of,
    milestones,
)
from provenance.evidence.proofs import (
    MAX_VERIFIED,
    Verifier,
    as_proven,
    document_as_proven,
    kept,
)
from provenance.evidence.rules import RuleBook
from provenance.evidence.timelines.contexts import Contexts
from provenance.intake.subjects import SHIPMENT_URN

_ACTS: Final = 64
"""Newest acts of a case whose receipts are verified, beside its opening."""
_OF_EACH_KIND: Final = 8
"""Events of one milestone whose receipts are verified, at either end of the time."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """A case with its acts placed between anchors, what is held about it, and where it was found.

    ``linked`` are events that were linked to the case and stand in no timeline of its shipments.
    """

    case: Case
    holdings: Holdings
    timelines: tuple[Timeline, ...]
    linked: tuple[EventFact, ...] = ()


class Gatherer:
    """Gathers the holdings of cases."""

    def __init__(self, services: Services, contexts: Contexts) -> None:
        limits = replace(
            services.limits,
            max_timeline_events=CASE_LIMITS.records,
            max_timeline_trails=CASE_LIMITS.trails,
            max_page_bytes=CASE_LIMITS.payload_bytes,
        )
        self._rules: RuleBook = services.rules
        self._timelines = TimelineMaker(services, contexts, limits=limits)
        log_id = services.log.log_id
        self._documents = DocumentStore(
            services.engine,
            StoredPayloads(services.engine, services.vault, log_id=log_id),
            log_id=log_id,
        )
        self._erasures = ErasureStore(services.engine, log_id=log_id)
        self._linked = LinkedEvents(services.engine, services.vault, log_id=log_id)
        self._erased = ErasedRecords(services.engine, log_id=log_id)
        self._verifier = Verifier(
            prover=services.prover,
            lineage=services.lineage,
            trust=services.trust,
            facts=services.facts,
        )

    async def timeline(self, shipment: str, principal: Principal) -> Timeline | None:
        """Return the timeline of one shipment, as long as that of a case may be."""
        return await self._timelines.make(shipment, principal, with_payloads=True)

    async def gather(self, case: Case, principal: Principal) -> Gathered:
        """Return the holdings with proofs, and the case with its acts placed between anchors."""
        timelines: list[Timeline] = []
        events: dict[int, EventFact] = {}
        firsts = set(case.evidence)
        is_complete = True
        for shipment in case.shipments:
            timeline = await self.timeline(shipment, principal)
            if timeline is None:
                continue
            timelines.append(timeline)
            is_complete = is_complete and timeline.is_complete
            events.update(_events(timeline))
            firsts |= {one.first_index for one in timeline.events if one.kind == "document"}
        linked = await self._linked.events(set(case.evidence) - events.keys())
        events.update(linked)
        for first_index, line in case.evidence.items():
            if line is not None and first_index in events:
                events[first_index] = replace(events[first_index], line=line)
        about = {
            one.first_index: _parcels(one) for timeline in timelines for one in timeline.events
        }
        documents = [
            replace(one, about=about.get(one.logged.first_index, ()))
            for one in await self._documents.documents(firsts, lines=case.evidence)
        ]
        telling = milestones(self._rules.events.values(), events.values())
        gone = {one.first_index for found in timelines for one in found.events if one.erased}
        erased = await self._erased.among(
            (gone | set(case.evidence)) - events.keys(), lines=case.evidence
        )
        holdings = Holdings(tuple(telling), tuple(documents), is_complete, tuple(erased))
        case, holdings = await self._proven(case, holdings)
        case, holdings = await self._with_erasures(case, holdings)
        return Gathered(case, holdings, tuple(timelines), tuple(linked.values()))

    async def _with_erasures(self, case: Case, holdings: Holdings) -> tuple[Case, Holdings]:
        facts: list[LoggedAct | EventFact | DocumentFact] = [
            *case.history,
            *holdings.events,
            *holdings.documents,
        ]
        gone = {one.logged.first_index for one in facts if one.logged.proof is Proof.ERASED}
        found = await self._erasures.erasures(gone)
        if not found:
            return case, holdings

        def told(logged: Logged) -> Logged:
            return replace(logged, erased=found.get(logged.first_index))

        return replace(
            case, history=tuple(replace(act, logged=told(act.logged)) for act in case.history)
        ), replace(
            holdings,
            events=tuple(replace(one, logged=told(one.logged)) for one in holdings.events),
            documents=tuple(replace(one, logged=told(one.logged)) for one in holdings.documents),
        )

    async def _proven(self, case: Case, holdings: Holdings) -> tuple[Case, Holdings]:
        acts = [act.logged.first_index for act in reversed(case.history)]
        stated = [fact.logged.first_index for fact in case.stated]
        wanted = dict.fromkeys([*acts[:_ACTS], acts[-1], *stated, *self._relevant(case, holdings)])
        found = await self._verifier.verified(list(wanted)[:MAX_VERIFIED])
        history = tuple(
            replace(act, logged=kept(act.logged, verified.logged))
            if (verified := found.get(act.logged.first_index)) is not None
            else act
            for act in case.history
        )
        stated_facts = tuple(
            replace(fact, logged=kept(fact.logged, verified.logged))
            if (verified := found.get(fact.logged.first_index)) is not None
            else fact
            for fact in case.stated
        )
        events = tuple(
            as_proven(event, verified)
            if (verified := found.get(event.logged.first_index)) is not None
            else event
            for event in holdings.events
        )
        documents = tuple(document_as_proven(one, found) for one in holdings.documents)
        erased = tuple(
            replace(one, logged=kept(one.logged, verified.logged))
            if (verified := found.get(one.logged.first_index)) is not None
            else one
            for one in holdings.erased
        )
        return replace(case, stated=stated_facts, history=history), replace(
            holdings, events=events, documents=documents, erased=erased
        )

    def _relevant(self, case: Case, holdings: Holdings) -> Iterable[int]:
        """Records whose proof matters to the rules, the most telling first."""
        for fact in candidates(self._rules, case.opened.claim, holdings):
            yield fact.logged.first_index
        for kind in self._rules.events.values():
            events = events_of(kind, holdings.events)
            for event in (*events[:_OF_EACH_KIND], *events[-_OF_EACH_KIND:]):
                yield event.logged.first_index
        yield from case.evidence
        told = [one for document in holdings.documents for one in document.descriptions]
        # A document's own word first: of what others say as much may come as they like.
        for one in sorted(told, key=lambda one: (not one.is_own, one.superseded_by is not None)):
            yield one.logged.first_index
            if one.is_own and one.superseded_by is None:
                yield one.said.document
        for document in holdings.documents:
            yield document.logged.first_index
        for erased in holdings.erased:
            yield erased.logged.first_index
        # Whether all parcels were delivered, the delivery of each of them tells.
        for event in events_of(self._rules.events["delivered"], holdings.events):
            yield event.logged.first_index


def _events(timeline: Timeline) -> Iterable[tuple[int, EventFact]]:
    for one in timeline.events:
        if one.kind == "event" and one.event_time is not None:
            yield one.first_index, _event(one)


def _event(one: TimelineEvent) -> EventFact:
    assert one.event_time is not None
    proof = Proof.WITHHELD if one.withheld else Proof.ERASED if one.erased else Proof.UNCHECKED
    return event_fact(
        Logged(one.first_index, one.recorded_at, before=one.anchored_at, proof=proof),
        payload=None if one.payload is None else bytes(one.payload),
        occurred_at=one.event_time,
        is_corrected=bool(one.corrected_by),
        event_type=one.type or "",
        biz_step=one.biz_step,
        disposition=one.disposition,
        action=one.action,
        place=one.read_point or one.biz_location,
        about=_parcels(one),
    )


def _parcels(one: TimelineEvent) -> tuple[str, ...]:
    """Parcels that a record is about."""
    return tuple(
        place.subject for place in one.places if not place.subject.startswith(SHIPMENT_URN)
    )
