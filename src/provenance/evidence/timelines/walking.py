"""Follows trails from a subject on, one after the other, as far as the limits go.

What could not be read any more is told all the same: a trail that is known to belong to it is not
passed over because there were many. A timeline may be followed so that what came later makes it
wider and never narrower: then errors that were declared count as if they had not been, and what was
logged from a given index on ends nothing.
"""

from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.events import ReadEvent
from provenance.evidence.timelines.following import (
    FOREVER,
    Lead,
    Moment,
    Window,
    emptied,
    leads,
    leads_on,
)
from provenance.evidence.timelines.trails import TrailEntry, TrailStore
from provenance.intake.documents.statements import KIND as DOCUMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkLimits:
    """How much is read of one subject's timeline: trails, records within their times, bytes."""

    trails: int
    records: int
    payload_bytes: int


@dataclass(frozen=True, slots=True)
class Step:
    """A trail of the timeline: why, from which other one, when; its entries, and what they say.

    ``onward`` is where it leads, also to trails that were followed already. ``is_whole`` tells
    whether all of it was read; of a trail beyond the limits nothing was.
    """

    lead: Lead
    via: str
    window: Window
    entries: Sequence[TrailEntry] = ()
    events: Sequence[ReadEvent | None] = ()
    is_read: bool = True
    is_whole: bool = True
    onward: Sequence[Lead] = ()


class TrailWalker:
    """Follows the trails of one log."""

    def __init__(self, store: TrailStore, contexts: Contexts) -> None:
        self._store = store
        self._contexts = contexts

    async def follow(
        self,
        subject: str,
        *,
        limits: WalkLimits,
        lasting_from: int | None = None,
        before: int | None = None,
    ) -> AsyncIterator[Step]:
        """Yield the trails of the timeline of ``subject``, its own first.

        Args:
            subject: canonical subject.
            limits: how much is read.
            lasting_from: index from which on nothing that is logged makes the timeline narrower;
                errors that were declared, whenever that was, do not either. None: everything
                counts as it is meant.
            before: what was logged at this index or later is not read.

        Raises:
            UnreadableEventError: an event cannot be read, so that nobody knows where it leads.
            ContextLostError: the context of one is not there.
            AlteredError: one is not what was sealed.

        """
        asked = Lead(subject=subject, reason="asked", window=Window())
        waiting = deque([(asked, "", -FOREVER)])
        seen: dict[tuple[str, Window, int], Window] = {}
        found: set[int] = set()
        trails = size = 0
        while waiting:
            lead, via, after = waiting.popleft()
            if lasting_from is not None:
                # An emptying counts only where no event that leads here came after it: an earlier
                # one, logged later, would else end what was there before.
                after = max(after, lead.latest)
            key = lead.subject, lead.window, after
            if key in seen:
                # Another trail that leads there may tell of other packings after the emptying.
                waiting.extend(_again(lead, via, after, ends=seen[key].until))
                continue
            seen[key] = lead.window
            if trails >= limits.trails:
                yield Step(lead, via, lead.window, is_read=False, is_whole=False)
                continue
            trails += 1
            room = limits.records - len(found)
            trail = await self._store.trail(
                lead.subject,
                limit=room + 1,
                max_bytes=limits.payload_bytes - size,
                before=before,
            )
            size += sum(len(entry.payload) for entry in trail if entry.payload is not None)
            is_whole = len(trail) <= room and not any(map(_is_left_out, trail))
            trail = trail[:room]
            events = await self._read(trail)
            moments = _moments(trail, events, lasting_from)
            window = lead.window
            if lead.reason == "container":
                # What leads here is inside of it; a container that was asked for itself goes on.
                window = emptied(lead.subject, moments, window, after=after)
            seen[key] = window
            found.update(entry.record_first for entry in trail if entry.time in window)
            onward = list(leads(lead.subject, moments, window))
            yield Step(lead, via, window, trail, events, is_whole=is_whole, onward=onward)
            waiting.extend((next_, lead.subject, after) for next_ in onward)
            waiting.extend(_again(lead, via, after, ends=window.until))

    async def leads_on(self, subject: str, *, since: int, limits: WalkLimits) -> bool:
        """Whether its trail, from number ``since`` on, may widen a timeline that lasts from before.

        A document leads nowhere. What cannot be read may lead anywhere, and a correction may take
        back what ended a stay.

        Raises:
            UnreadableEventError: an event cannot be read, so that nobody knows where it leads.
            ContextLostError: the context of one is not there.
            AlteredError: one is not what was sealed.

        """
        trail = await self._store.trail(
            subject, limit=limits.records + 1, max_bytes=limits.payload_bytes, since=since
        )
        if len(trail) > limits.records:
            return True
        events = await self._read(trail)
        return any(
            entry.corrects is not None or leads_on(subject, Moment(entry.time, event))
            for entry, event in zip(trail, events, strict=True)
            if entry.kind != DOCUMENT
        )

    async def _read(self, trail: Sequence[TrailEntry]) -> list[ReadEvent | None]:
        contexts = await self._contexts.of(
            entry.context_sha256 for entry in trail if entry.context_sha256 is not None
        )
        return [
            ReadEvent.of(entry.payload, contexts[entry.context_sha256].prefixes)
            if entry.kind == "event"
            and entry.payload is not None
            and entry.context_sha256 is not None
            else None
            for entry in trail
        ]


def _again(lead: Lead, via: str, after: int, *, ends: int) -> Iterator[tuple[Lead, str, int]]:
    """The next stay, each beginning later than the one before it; none where nothing cut this one."""
    if (found := lead.again(ends)) is not None:
        yield found, via, after


def _moments(
    trail: Sequence[TrailEntry], events: Sequence[ReadEvent | None], lasting_from: int | None
) -> list[Moment]:
    corrected = {entry.corrects for entry in trail if entry.corrects is not None}
    moments: list[Moment] = []
    for entry, event in zip(trail, events, strict=True):
        is_void = entry.record_first in corrected or _declares_error(event)
        if lasting_from is None:
            moments.append(Moment(entry.time, None if is_void else event))
        else:
            closes = not is_void and entry.record_first < lasting_from
            moments.append(Moment(entry.time, event, closes, entry.record_first))
    return moments


def _is_left_out(entry: TrailEntry) -> bool:
    # What lies sealed and is not shown has no size here.
    return entry.payload is None and bool(entry.payload_size)


def _declares_error(event: ReadEvent | None) -> bool:
    return event is not None and "errorDeclaration" in event.value
