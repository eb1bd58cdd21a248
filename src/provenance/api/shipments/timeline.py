"""Makes a timeline: follows trails, gathers their records, says how firm each one is."""

from dataclasses import dataclass, field

import msgspec

from provenance.api.anchoring import RECORDED, Coverage
from provenance.api.authentication import Principal
from provenance.api.roles import OWN_PARCEL_ONLY, Role
from provenance.api.services import ApiLimits, Services
from provenance.api.shipments.answers import Place, Timeline, TimelineEvent, UsedTrail
from provenance.api.shipments.store import StandingStore
from provenance.evidence.cases.records import KIND as CASE
from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.events import ReadEvent
from provenance.evidence.timelines.following import FOREVER, Lead, Window
from provenance.evidence.timelines.trails import TrailEntry, TrailStore
from provenance.evidence.timelines.walking import Step, TrailWalker, WalkLimits


@dataclass(slots=True)
class _Record:
    """A record of the timeline, with its entries in the trails that were used."""

    entry: TrailEntry
    event: ReadEvent | None
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class _Gathered:
    """What was found while following trails."""

    records: dict[int, _Record] = field(default_factory=dict)
    trails: list[UsedTrail] = field(default_factory=list)
    is_complete: bool = True


class TimelineMaker:
    """Makes timelines of one log."""

    def __init__(self, services: Services, contexts: Contexts, *, limits: ApiLimits) -> None:
        log_id = services.log.log_id
        trails = TrailStore(services.engine, services.vault, log_id=log_id)
        self._walker = TrailWalker(trails, contexts)
        self._standing = StandingStore(services.engine, log_id=log_id, lineage=services.lineage)
        self._limits = limits

    async def make(
        self, subject: str, principal: Principal, *, with_payloads: bool
    ) -> Timeline | None:
        """Timeline of ``subject`` as ``principal`` may see it; None if there is nothing to see."""
        gathered = await self._follow(subject)
        if not gathered.records or not _concerns(principal, gathered, subject):
            return None
        corrections = await self._standing.corrections(gathered.records.keys())
        coverage = await self._standing.coverage(gathered.records.keys())
        ordered = sorted(
            gathered.records.values(), key=lambda record: (record.entry.time, record.entry.index)
        )
        return Timeline(
            subject=subject,
            trails=gathered.trails,
            events=[
                _answer(
                    record,
                    principal,
                    coverage=coverage.get(record.entry.record_first, RECORDED),
                    corrected_by=corrections.get(record.entry.record_first, []),
                    with_payload=with_payloads,
                )
                for record in ordered
            ],
            is_complete=gathered.is_complete,
        )

    async def _follow(self, subject: str) -> _Gathered:
        gathered = _Gathered()
        limits = WalkLimits(
            trails=self._limits.max_timeline_trails,
            records=self._limits.max_timeline_events,
            payload_bytes=self._limits.max_page_bytes,
        )
        async for step in self._walker.follow(subject, limits=limits):
            gathered.is_complete = gathered.is_complete and step.is_whole
            if step.is_read:
                _gather(gathered, step)
        return gathered


def _gather(gathered: _Gathered, step: Step) -> None:
    subject = step.lead.subject
    for entry, event in zip(step.entries, step.events, strict=True):
        if entry.time not in step.window:
            continue
        record = gathered.records.setdefault(entry.record_first, _Record(entry, event))
        place = Place(index=entry.index, subject=subject, seq=entry.seq)
        if place not in record.places:
            record.places.append(place)
    gathered.trails.append(_used(step.lead, step.via, step.window))


def _used(lead: Lead, via: str, window: Window) -> UsedTrail:
    return UsedTrail(
        subject=lead.subject,
        reason="parcel"
        if lead.reason == "parcel"
        else "container"
        if lead.reason == "container"
        else "asked",
        via=via or None,
        since=window.since if window.since > -FOREVER else None,
        until=window.until if window.until < FOREVER else None,
    )


def _concerns(principal: Principal, gathered: _Gathered, subject: str) -> bool:
    """Whether the caller has to do with the subject: a carrier by what it recorded itself."""
    if principal.role is not Role.CARRIER:
        return True
    return any(
        record.entry.submitter == principal.organisation
        for record in gathered.records.values()
        if any(place.subject == subject for place in record.places)
    )


def _answer(
    record: _Record,
    principal: Principal,
    *,
    coverage: Coverage,
    corrected_by: list[int],
    with_payload: bool,
) -> TimelineEvent:
    entry = record.entry
    lag = None if entry.event_time is None else entry.at - entry.event_time
    anchored_after = None if coverage.block_time is None else coverage.block_time - entry.at
    place = TimelineEvent(
        first_index=entry.record_first,
        places=record.places,
        recorded_at=entry.at,
        state=coverage.state,
        anchored_size=coverage.size,
        anchored_at=coverage.block_time,
        anchored_after=anchored_after,
        corrects=entry.corrects,
        corrected_by=corrected_by,
        erased=entry.payload_size is None,
        erased_at=entry.erased_at,
        erased_ground=entry.erased_ground,
    )
    # What is claimed is for the operator and whoever claims it, not for who is claimed against.
    for_others = principal.role is not Role.CARRIER and entry.kind != CASE
    is_own = entry.submitter == principal.organisation
    if not (for_others or is_own or principal.role is Role.ADMIN):
        return msgspec.structs.replace(place, withheld=True)
    shown = with_payload and record.event is not None
    if shown and principal.role in OWN_PARCEL_ONLY:
        shown = record.event is not None and not record.event.lists_several_parcels
    return msgspec.structs.replace(
        place,
        kind=entry.kind,
        type=entry.event_type,
        event_id=entry.event_id,
        event_time=entry.event_time,
        recorded_after=None if lag is None or lag < 0 else lag,
        recorded_before=-lag if lag is not None and lag < 0 else None,
        action=entry.action,
        biz_step=entry.biz_step,
        disposition=entry.disposition,
        read_point=entry.read_point,
        biz_location=entry.biz_location,
        payload=msgspec.Raw(entry.payload) if shown and entry.payload is not None else None,
    )
