"""The way of parcels from a depot in Shenzhen to doors in Hamburg, as a carrier would report it.

Pick-up, sorting, a bag that is packed, flown and unpacked, a customs hold and its release, a
scan that was wrong and is corrected, delivery. All is drawn from a seed, and times count from a
start that the caller gives, so that a run can be repeated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from provenance.demo.events import (
    PLACES,
    Event,
    Parcel,
    Place,
    declare_error,
    document,
    event_id,
    make_parcel,
    packing,
    scan,
    sscc,
)

_MINUTE: Final = 60_000
_HOUR: Final = 60 * _MINUTE


@dataclass(frozen=True, slots=True)
class Stage:
    """A stretch of the way: what happened, and the document that reports it.

    ``at`` is when it was reported, in milliseconds since the epoch.
    """

    title: str
    at: int
    events: tuple[Event, ...]

    def document(self) -> bytes:
        """Bytes of the EPCISDocument."""
        return document(self.events, at=self.at)


@dataclass(frozen=True, slots=True)
class Journey:
    """Parcels that travel in one bag, and the stages of their way in order of time."""

    parcels: tuple[Parcel, ...]
    bag: str
    held: tuple[Parcel, ...]
    stages: tuple[Stage, ...]


def make_journey(*, seed: int, parcels: int, start: int) -> Journey:
    """Draw a journey.

    Args:
        seed: the same seed gives the same journey.
        parcels: how many travel together, at least one; every third is held by customs.
        start: when the first one is picked up, milliseconds since the epoch; the way takes some
            57 hours, and a start at 02:00 UTC lets people work by day.

    """
    random = Random(seed)  # noqa: S311 - made-up data has to be repeatable, not secret
    travelling = tuple(make_parcel(random) for _ in range(parcels))
    bag = sscc(9, random.randrange(10**9))
    held = travelling[::3]
    way = _Way(random, travelling, bag, held, start)
    return Journey(parcels=travelling, bag=bag, held=held, stages=tuple(way.stages()))


class _Way:
    """Tells the stages one after the other; ``_now`` is how far the time has come."""

    def __init__(
        self,
        random: Random,
        parcels: Sequence[Parcel],
        bag: str,
        held: Sequence[Parcel],
        start: int,
    ) -> None:
        self._random = random
        self._parcels = parcels
        self._bag = bag
        self._held = held
        self._now = start

    def stages(self) -> Iterator[Stage]:
        """The stages; the hours are those since the stage before."""
        local, door = PLACES["local"], PLACES["door"]
        yield self._stage(0, "picked up in Shenzhen", self._picked_up)
        yield self._stage(5, "sorted and bagged in Shenzhen", self._bagged)
        yield self._stage(3, "flown to Leipzig", self._flown)
        yield self._stage(2, "bag opened in Leipzig", self._opened)
        yield self._stage(1, "held by customs", self._customs("holding", "unavailable"))
        yield self._stage(5, "released by customs", self._customs("inspecting", "conformant"))
        arrivals: list[Event] = []
        yield self._stage(6, "arrived in Hamburg", lambda: self._arrived(local, arrivals))
        yield self._stage(1, "wrong scan corrected", lambda: self._corrected(arrivals[-1]))
        yield self._stage(
            16, "out for delivery", lambda: self._each("transporting", "in_transit", local)
        )
        yield self._stage(3, "delivered", lambda: self._each("accepting", "available", door))

    def _stage(self, hours: int, title: str, happen: Callable[[], list[Event]]) -> Stage:
        self._now += hours * _HOUR
        events = happen()
        return Stage(title=title, at=self._now + _MINUTE, events=tuple(events))

    def _tick(self) -> int:
        self._now += self._random.randrange(_MINUTE, 4 * _MINUTE)
        return self._now

    def _each(
        self,
        step: str,
        disposition: str,
        where: Place,
        *,
        parcels: Sequence[Parcel] | None = None,
        action: str = "OBSERVE",
    ) -> list[Event]:
        return [
            scan(
                self._random,
                at=self._tick(),
                where=where,
                step=step,
                disposition=disposition,
                epcs=[parcel.sscc],
                waybills=[parcel.waybill],
                action=action,
            )
            for parcel in (self._parcels if parcels is None else parcels)
        ]

    def _picked_up(self) -> list[Event]:
        events = self._each("commissioning", "active", PLACES["pickup"], action="ADD")
        for event, parcel in zip(events, self._parcels, strict=True):
            event["ilmd"] = {"cbvmda:grossWeight": f"{parcel.weight_grams / 1000:.3f}"}
        return events + self._each("collecting", "in_transit", PLACES["pickup"])

    def _bagged(self) -> list[Event]:
        return [
            *self._each("arriving", "in_progress", PLACES["origin"]),
            self._pack(is_out=False),
        ]

    def _pack(self, *, is_out: bool) -> Event:
        return packing(
            self._random,
            at=self._tick(),
            where=PLACES["transit" if is_out else "origin"],
            parent=self._bag,
            children=[parcel.sscc for parcel in self._parcels],
            is_out=is_out,
        )

    def _flown(self) -> list[Event]:
        departure = self._scan_bag("departing", "in_transit", PLACES["origin"])
        self._now += 14 * _HOUR
        return [departure, self._scan_bag("arriving", "in_progress", PLACES["transit"])]

    def _scan_bag(self, step: str, disposition: str, where: Place) -> Event:
        """While the bag is closed, only the bag is scanned."""
        return scan(
            self._random,
            at=self._tick(),
            where=where,
            step=step,
            disposition=disposition,
            epcs=[self._bag],
        )

    def _opened(self) -> list[Event]:
        return [self._pack(is_out=True)]

    def _customs(self, step: str, disposition: str) -> Callable[[], list[Event]]:
        def happen() -> list[Event]:
            events = self._each(step, disposition, PLACES["customs"], parcels=self._held)
            if step != "holding":
                for event in events:
                    event["parcel:customsProcedure"] = "release for free circulation"
            return events

        return happen

    def _arrived(self, where: Place, arrivals: list[Event]) -> list[Event]:
        """Report the last arrival at the wrong place, as a wrongly configured scanner does."""
        arrivals.extend(self._each("arriving", "in_progress", where))
        *right, last = arrivals
        return [*right, _misplaced(last)]

    def _corrected(self, arrival: Event) -> list[Event]:
        right = arrival | {"eventID": event_id(self._random)}
        declaration = declare_error(
            _misplaced(arrival), at=self._tick(), corrected_by=[str(right["eventID"])]
        )
        return [declaration, right]


def _misplaced(event: Event) -> Event:
    return event | {"bizLocation": {"id": PLACES["transit"].sgln}}
