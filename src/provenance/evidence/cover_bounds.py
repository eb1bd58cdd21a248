"""The clearance time by the log: from when holds and releases were recorded, and by the anchors.

An event claims when it happened. That it was recorded, and between which anchors, is proven; so
beside the claimed time stands the time between the recordings, and the shortest and longest that
the anchors leave. Where the recording came much later than the claim, nobody but the recorder
vouches for the claim.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from provenance.evidence.facts import LATE_RECORD_MS, whole_days


class Hold(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hold of a parcel; times in milliseconds. ``until`` is absent while it runs.

    ``since`` and ``until`` are claimed; ``…_recorded_at``, ``…_logged_after`` and
    ``…_logged_before`` are when the events were recorded, and the anchors on either side.
    ``is_bound``: no release is recorded, and the delivery is the latest that it can have ended.
    """

    parcel: str
    since: int
    held_by: int
    held_recorded_at: int
    held_logged_after: int | None = None
    held_logged_before: int | None = None
    until: int | None = None
    released_by: int | None = None
    released_recorded_at: int | None = None
    released_logged_after: int | None = None
    released_logged_before: int | None = None
    is_bound: bool = False


@dataclass(frozen=True, slots=True)
class Bounds:
    """Clearance time in milliseconds between recordings, and the least and most by the anchors."""

    recorded: int
    least: int | None
    most: int | None


def bounds_of(holds: Sequence[Hold], *, now: int) -> Bounds:
    """Return the clearance time as the log bounds it; a hold that runs ends ``now``."""
    return Bounds(
        recorded=union(
            (
                hold.held_recorded_at,
                now if hold.released_recorded_at is None else hold.released_recorded_at,
            )
            for hold in holds
        ),
        least=_anchored(
            (hold.held_logged_before, now if hold.until is None else hold.released_logged_after)
            for hold in holds
        ),
        most=_anchored(
            (hold.held_logged_after, now if hold.until is None else hold.released_logged_before)
            for hold in holds
        ),
    )


def _anchored(spans: Iterable[tuple[int | None, int | None]]) -> int | None:
    """Length of the spans; None where one of them has no anchor on that side."""
    found: list[tuple[int, int]] = []
    for since, until in spans:
        if since is None or until is None:
            return None
        found.append((since, until))
    return union(found)


def late_recordings(holds: Sequence[Hold]) -> list[str]:
    """What was recorded more than a day after the time that it claims."""
    found: dict[int, str] = {}
    for hold in holds:
        ends = "the delivery" if hold.is_bound else "the release"
        for what, record, claimed, recorded in (
            ("the hold", hold.held_by, hold.since, hold.held_recorded_at),
            (ends, hold.released_by, hold.until, hold.released_recorded_at),
        ):
            if record is None or claimed is None or recorded is None:
                continue
            late = recorded - claimed
            if late > LATE_RECORD_MS:
                found[record] = (
                    f"{what}, record {record}, was recorded {whole_days(late)} after the time "
                    "that it claims, for which nothing but its recorder vouches"
                )
    return list(found.values())


def union(spans: Iterable[tuple[int, int]]) -> int:
    """Length of all spans together, what they share counted once."""
    total, reached = 0, None
    for since, until in sorted(spans):
        start = since if reached is None else max(since, reached)
        if until > start:
            total += until - start
            reached = until
    return total
