"""Makes a timeline: follows trails, gathers their records, says how firm each one is."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from provenance.api.anchoring import RECORDED, Coverage
from provenance.api.authentication import Principal
from provenance.api.epcis.contexts import Contexts
from provenance.api.epcis.events import ReadEvent
from provenance.api.roles import OWN_PARCEL_ONLY, Role
from provenance.api.services import ApiLimits
from provenance.api.shipments.answers import Place, Timeline, TimelineEvent, UsedTrail
from provenance.api.shipments.following import FOREVER, Lead, Moment, Window, emptied, leads
from provenance.api.shipments.store import TrailEntry, TrailStore
from provenance.evidence.cases.records import KIND as CASE


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
    size: int = 0


class TimelineMaker:
    """Makes timelines of one log."""

    def __init__(self, store: TrailStore, contexts: Contexts, *, limits: ApiLimits) -> None:
        self._store = store
        self._contexts = contexts
        self._limits = limits

    async def make(
        self, subject: str, principal: Principal, *, with_payloads: bool
    ) -> Timeline | None:
        """Timeline of ``subject`` as ``principal`` may see it; None if there is nothing to see."""
        gathered = await self._follow(subject)
        if not gathered.records or not _concerns(principal, gathered, subject):
            return None
        corrections = await self._store.corrections(gathered.records.keys())
        coverage = await self._store.coverage(gathered.records.keys())
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
        waiting = deque([(Lead(subject=subject, reason="asked", window=Window()), "")])
        seen: set[tuple[str, Window]] = set()
        while waiting:
            lead, via = waiting.popleft()
            if (lead.subject, lead.window) in seen:
                continue
            seen.add((lead.subject, lead.window))
            if len(gathered.trails) >= self._limits.max_timeline_trails:
                gathered.is_complete = False
                break
            room = self._limits.max_timeline_events - len(gathered.records)
            trail = await self._store.trail(
                lead.subject, limit=room + 1, max_bytes=self._limits.max_page_bytes - gathered.size
            )
            gathered.size += sum(len(entry.payload) for entry in trail if entry.payload is not None)
            if len(trail) > room or any(_is_left_out(entry) for entry in trail):
                gathered.is_complete = False
                trail = trail[:room]
            moments, events = await self._read(trail)
            window = emptied(lead.subject, moments, lead.window)
            _gather(gathered, trail, events, lead.subject, window)
            gathered.trails.append(_used(lead, via, window))
            waiting.extend((found, lead.subject) for found in leads(lead.subject, moments, window))
        return gathered

    async def _read(
        self, trail: Sequence[TrailEntry]
    ) -> tuple[list[Moment], list[ReadEvent | None]]:
        contexts = await self._contexts.of(
            entry.context_sha256 for entry in trail if entry.context_sha256 is not None
        )
        events = [
            ReadEvent.of(entry.payload, contexts[entry.context_sha256].prefixes)
            if entry.kind == "event"
            and entry.payload is not None
            and entry.context_sha256 is not None
            else None
            for entry in trail
        ]
        corrected = {entry.corrects for entry in trail if entry.corrects is not None}
        moments = [
            Moment(
                time=entry.time,
                event=None if entry.record_first in corrected or _declares_error(event) else event,
            )
            for entry, event in zip(trail, events, strict=True)
        ]
        return moments, events


def _gather(
    gathered: _Gathered,
    trail: Sequence[TrailEntry],
    events: Sequence[ReadEvent | None],
    subject: str,
    window: Window,
) -> None:
    for entry, event in zip(trail, events, strict=True):
        if entry.time not in window:
            continue
        record = gathered.records.setdefault(entry.record_first, _Record(entry, event))
        place = Place(index=entry.index, subject=subject, seq=entry.seq)
        if place not in record.places:
            record.places.append(place)


def _is_left_out(entry: TrailEntry) -> bool:
    # What lies sealed and is not shown has no size here.
    return entry.payload is None and bool(entry.payload_size)


def _declares_error(event: ReadEvent | None) -> bool:
    return event is not None and "errorDeclaration" in event.value


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
