"""Clocks as they are shown; times in milliseconds since the epoch, UTC."""

from typing import Literal

import msgspec

Effect = Literal["complaint", "action", "right"]
State = Literal["running", "passed", "met", "missed", "waiting", "arisen", "not_computable"]
Basis = Literal["claimed", "logged", "stated"]
ZoneFrom = Literal["place", "case", "offset", "default"]


class ClockStart(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a period counts from.

    ``basis``: the time that the event ``claimed``; ``logged``, the anchor that covers it, where it
    claims a later time than that; or the date that the claimant ``stated``. The entry itself was
    logged after ``logged_after`` and before ``logged_before``, which is what is proven.
    """

    what: str
    first_index: int
    basis: Basis
    day: str
    zone: str
    zone_from: ZoneFrom
    recorded_at: int
    at: int | None = None
    claimed_at: int | None = None
    logged_after: int | None = None
    logged_before: int | None = None
    counted_from: str | None = None


class ClockReading(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One clock.

    ``last_day`` is the last day on which what is due can be done, or the day after which a right
    arises, and ``ends_at`` the first instant after it, in the zone of the start. ``left_ms`` is what
    is left at the time of reading, ``late_ms`` how long ago it ended.
    """

    id: str
    title: str
    effect: Effect
    carriage: Literal["air", "road", "any"]
    state: State
    source: str
    counting: str
    period: str
    reason: str = ""
    condition: str = ""
    start: ClockStart | None = None
    last_day: str | None = None
    ends_at: int | None = None
    left_ms: int | None = None
    late_ms: int | None = None
    met_by: int | None = None
    assumptions: list[str] = []
