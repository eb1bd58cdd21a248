"""Follows trails from a subject on, one after the other, as far as the limits go.

What could not be read any more is told all the same: a trail that is known to belong to it is not
passed over because there were many.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.events import ReadEvent
from provenance.evidence.timelines.following import Lead, Moment, Window, emptied, leads
from provenance.evidence.timelines.trails import TrailEntry, TrailStore


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkLimits:
    """How much is read of one subject's timeline: trails, records within their times, bytes."""

    trails: int
    records: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """A trail of the timeline: why, from which other one, when; its entries, and what they say.

    ``is_whole`` tells whether all of it was read; of a trail beyond the limits nothing was.
    """

    lead: Lead
    via: str
    window: Window
    entries: Sequence[TrailEntry] = ()
    events: Sequence[ReadEvent | None] = ()
    is_read: bool = True
    is_whole: bool = True


class TrailWalker:
    """Follows the trails of one log."""

    def __init__(self, store: TrailStore, contexts: Contexts) -> None:
        self._store = store
        self._contexts = contexts

    async def follow(self, subject: str, *, limits: WalkLimits) -> AsyncIterator[Step]:
        """Yield the trails of the timeline of ``subject``, its own first.

        Raises:
            UnreadableEventError: an event cannot be read, so that nobody knows where it leads.
            ContextLostError: the context of one is not there.
            AlteredError: one is not what was sealed.

        """
        waiting = deque([(Lead(subject=subject, reason="asked", window=Window()), "")])
        seen: set[tuple[str, Window]] = set()
        found: set[int] = set()
        trails = size = 0
        while waiting:
            lead, via = waiting.popleft()
            if (lead.subject, lead.window) in seen:
                continue
            seen.add((lead.subject, lead.window))
            if trails >= limits.trails:
                yield Step(lead, via, lead.window, is_read=False, is_whole=False)
                continue
            trails += 1
            room = limits.records - len(found)
            trail = await self._store.trail(
                lead.subject, limit=room + 1, max_bytes=limits.payload_bytes - size
            )
            size += sum(len(entry.payload) for entry in trail if entry.payload is not None)
            is_whole = len(trail) <= room and not any(map(_is_left_out, trail))
            trail = trail[:room]
            moments, events = await self._read(trail)
            window = emptied(lead.subject, moments, lead.window)
            found.update(entry.record_first for entry in trail if entry.time in window)
            yield Step(lead, via, window, trail, events, is_whole=is_whole)
            waiting.extend((next_, lead.subject) for next_ in leads(lead.subject, moments, window))

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


def _is_left_out(entry: TrailEntry) -> bool:
    # What lies sealed and is not shown has no size here.
    return entry.payload is None and bool(entry.payload_size)


def _declares_error(event: ReadEvent | None) -> bool:
    return event is not None and "errorDeclaration" in event.value
