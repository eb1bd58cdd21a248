"""Which trails belong to a timeline: pure, given the trails.

Rules: a waybill leads to the parcels that an event lists beside it, from then on; a parcel or
container leads to whatever it is packed into, from packing to unpacking by the times of the
events, and on to what that is packed into meanwhile. Unpacking without naming children empties
the container: only its own trail tells of that, and whatever is packed into it later begins another
stay. An event that was declared an error packs nothing.

What must not shrink, such as what a legal hold covers, is followed with moments that open and do
not close: such an event leads on as any other, and ends neither a stay nor a timeline.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from provenance.evidence.timelines.events import ANY_EPC_FIELDS, ReadEvent

FOREVER = 2**63 - 1
"""Later than any event."""


@dataclass(frozen=True, slots=True)
class Window:
    """Times of events [since, until], milliseconds since the epoch."""

    since: int = -FOREVER
    until: int = FOREVER

    def __contains__(self, time: int) -> bool:
        return self.since <= time <= self.until

    def within(self, outer: "Window") -> "Window | None":
        """What lies in both; None if nothing does."""
        since, until = max(self.since, outer.since), min(self.until, outer.until)
        return Window(since, until) if since <= until else None


@dataclass(frozen=True, slots=True)
class Moment:
    """An event of a trail: when it happened, and what it says if that can be read and counts.

    ``closes`` tells whether it ends anything; ``first_index`` is its record's.
    """

    time: int
    event: ReadEvent | None
    closes: bool = True
    first_index: int = -1


@dataclass(frozen=True, slots=True)
class Lead:
    """Another trail that belongs to the timeline.

    ``latest`` is the time of the last event that leads there; ``packings`` are the records that tell
    of a container, ``packed_at`` the times of those events in their order.
    """

    subject: str
    reason: str
    window: Window
    latest: int = field(default=-FOREVER, compare=False)
    packings: tuple[int, ...] = field(default=(), compare=False)
    packed_at: tuple[int, ...] = field(default=(), compare=False)

    def again(self, emptied_at: int) -> "Lead | None":
        """The stay that begins with the first packing after an emptying; None if nothing was packed."""
        found = bisect_right(self.packed_at, emptied_at)
        if found == len(self.packed_at) or self.packed_at[found] > self.window.until:
            return None
        return replace(self, window=Window(self.packed_at[found], self.window.until))


def leads(subject: str, moments: Sequence[Moment], window: Window) -> Iterator[Lead]:
    """Return where the trail of ``subject`` leads, as far as it lies in ``window``."""
    ordered = sorted(moments, key=lambda moment: moment.time)
    yield from _parcels(subject, ordered, window)
    yield from _containers(subject, ordered, window)


def leads_on(subject: str, moment: Moment) -> bool:
    """Whether one more moment of the trail of ``subject``, which ends nothing, may widen a timeline.

    It does not where it leads nowhere by itself. What cannot be read may lead anywhere.
    """
    if moment.event is None:
        return True
    return any(True for _ in leads(subject, [replace(moment, closes=False)], Window()))


def emptied(
    subject: str, moments: Sequence[Moment], window: Window, *, after: int = -FOREVER
) -> Window:
    """Return ``window`` up to where ``subject`` was emptied as a whole, ``after`` or later."""
    times = [
        moment.time
        for moment in moments
        if moment.event is not None
        and moment.closes
        and moment.time in window
        and moment.time >= after
        and (containment := moment.event.containment) is not None
        and containment.parent == subject
        and containment.action == "DELETE"
        and not containment.children
    ]
    return Window(window.since, min([window.until, *times]))


def _parcels(subject: str, ordered: Sequence[Moment], window: Window) -> Iterator[Lead]:
    since: dict[str, int] = {}
    until: dict[str, int] = {}
    latest: dict[str, int] = {}
    for moment in ordered:
        event = moment.event
        if event is None or moment.time not in window or subject in event.epcs(ANY_EPC_FIELDS):
            continue
        ends = event.value.get("type") == "TransactionEvent" and event.value["action"] == "DELETE"
        for epc in event.epcs(("epcList",)):
            is_open = epc in since and epc not in until
            since.setdefault(epc, moment.time)
            latest[epc] = moment.time
            if not ends:
                until.pop(epc, None)
            elif moment.closes or not is_open:
                until[epc] = moment.time
    for epc, start in since.items():
        found = Window(start, until.get(epc, FOREVER)).within(window)
        if found is not None:
            yield Lead(subject=epc, reason="parcel", window=found, latest=latest[epc])


def _containers(subject: str, ordered: Sequence[Moment], window: Window) -> Iterator[Lead]:
    packed: dict[str, list[Moment]] = {}
    stays: list[tuple[str, list[Moment], int]] = []
    for moment in ordered:
        containment = moment.event.containment if moment.event is not None else None
        if containment is None or subject not in containment.children:
            continue
        if containment.action == "ADD":
            packed.setdefault(containment.parent, []).append(moment)
        elif containment.action == "DELETE" and moment.closes and containment.parent in packed:
            stays.append((containment.parent, packed.pop(containment.parent), moment.time))
    stays += [(parent, packings, FOREVER) for parent, packings in packed.items()]
    for parent, packings, until in stays:
        found = Window(packings[0].time, until).within(window)
        if found is not None:
            yield Lead(
                subject=parent,
                reason="container",
                window=found,
                latest=packings[-1].time,
                packings=tuple(packing.first_index for packing in packings),
                packed_at=tuple(packing.time for packing in packings),
            )
