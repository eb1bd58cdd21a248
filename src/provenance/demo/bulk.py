"""Many plain events, for measurements and for filling a log."""

from collections.abc import Iterable, Iterator
from itertools import islice
from random import Random
from typing import Final

from provenance.demo.events import PLACES, Event, document, scan, sscc

_STEPS: Final = (
    ("arriving", "in_progress"),
    ("departing", "in_transit"),
    ("loading", "in_transit"),
    ("unloading", "in_progress"),
)


def bulk_events(
    count: int,
    *,
    seed: int,
    start: int,
    epcs_per_event: int = 1,
    with_waybill: bool = False,
    scans_per_parcel: int = 8,
) -> Iterator[Event]:
    """Scans of parcels at changing places, one second apart.

    Args:
        count: how many events.
        seed: the same seed gives the same events.
        start: time of the first one, milliseconds since the epoch.
        epcs_per_event: parcels in each.
        with_waybill: whether each names a waybill too, which makes it another subject.
        scans_per_parcel: how often each parcel comes back.

    """
    random = Random(seed)  # noqa: S311 - made-up data has to be repeatable, not secret
    places = tuple(PLACES.values())
    fleet = max(epcs_per_event, count * epcs_per_event // scans_per_parcel)
    first = random.randrange(10**9 - fleet)
    for number in range(count):
        step, disposition = random.choice(_STEPS)
        parcels = random.sample(range(fleet), epcs_per_event)
        yield scan(
            random,
            at=start + 1000 * number,
            where=random.choice(places),
            step=step,
            disposition=disposition,
            epcs=[sscc(1, first + parcel) for parcel in parcels],
            waybills=[f"SZ{first + parcels[0]:09}DE"] if with_waybill else (),
        )


def in_documents(
    events: Iterable[Event], *, at: int, events_per_document: int = 1000
) -> Iterator[bytes]:
    """Put ``events`` into documents made at ``at``, milliseconds since the epoch."""
    remaining = iter(events)
    while batch := list(islice(remaining, events_per_document)):
        yield document(batch, at=at)
