"""Which trails belong to a timeline: pure, given the trails.

Rules: a waybill leads to the parcels that an event lists beside it, from then on; a parcel or
container leads to whatever it is packed into, from packing to unpacking by the times of the
events, and on to what that is packed into meanwhile. Unpacking without naming children empties
the container. An event that was declared an error packs nothing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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
    """An event of a trail: when it happened, and what it says if that can be read and counts."""

    time: int
    event: ReadEvent | None


@dataclass(frozen=True, slots=True)
class Lead:
    """Another trail that belongs to the timeline."""

    subject: str
    reason: str
    window: Window


def leads(subject: str, moments: Sequence[Moment], window: Window) -> Iterator[Lead]:
    """Return where the trail of ``subject`` leads, as far as it lies in ``window``."""
    ordered = sorted(moments, key=lambda moment: moment.time)
    yield from _parcels(subject, ordered, window)
    yield from _containers(subject, ordered, window)


def emptied(subject: str, moments: Sequence[Moment], window: Window) -> Window:
    """Return ``window`` up to where the container ``subject`` was emptied as a whole."""
    times = [
        moment.time
        for moment in moments
        if moment.event is not None
        and moment.time in window
        and (containment := moment.event.containment) is not None
        and containment.parent == subject
        and containment.action == "DELETE"
        and not containment.children
    ]
    return Window(window.since, min([window.until, *times]))


def _parcels(subject: str, ordered: Sequence[Moment], window: Window) -> Iterator[Lead]:
    since: dict[str, int] = {}
    until: dict[str, int] = {}
    for moment in ordered:
        event = moment.event
        if event is None or moment.time not in window or subject in event.epcs(ANY_EPC_FIELDS):
            continue
        ends = event.value.get("type") == "TransactionEvent" and event.value["action"] == "DELETE"
        for epc in event.epcs(("epcList",)):
            since.setdefault(epc, moment.time)
            if ends:
                until[epc] = moment.time
            else:
                until.pop(epc, None)
    for epc, start in since.items():
        found = Window(start, until.get(epc, FOREVER)).within(window)
        if found is not None:
            yield Lead(subject=epc, reason="parcel", window=found)


def _containers(subject: str, ordered: Sequence[Moment], window: Window) -> Iterator[Lead]:
    packed: dict[str, int] = {}
    stays: list[tuple[str, Window]] = []
    for moment in ordered:
        containment = moment.event.containment if moment.event is not None else None
        if containment is None or subject not in containment.children:
            continue
        if containment.action == "ADD":
            packed.setdefault(containment.parent, moment.time)
        elif containment.action == "DELETE" and containment.parent in packed:
            since = packed.pop(containment.parent)
            stays.append((containment.parent, Window(since, moment.time)))
    stays += [(parent, Window(since)) for parent, since in packed.items()]
    for parent, stay in stays:
        found = stay.within(window)
        if found is not None:
            yield Lead(subject=parent, reason="container", window=found)
