"""A timeline as it is answered."""

from typing import Literal

import msgspec


class Place(msgspec.Struct, frozen=True):
    """An entry's place: its index in the log, its number in which trail."""

    index: int
    subject: str
    seq: int


class TimelineEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """One record; times in milliseconds since the epoch, lags in milliseconds.

    ``state`` says how firm it is: recorded (acknowledged), anchored (on chain) or final.
    ``recorded_after`` is the lag between the event and its recording, ``anchored_after`` that
    between recording and anchor. An event that claims a time after its recording has none: it is
    planned, or a clock is wrong, and ``recorded_before`` says how long before that time it was.
    A corrected event stays, with ``corrected_by``. Where the caller may not see what the record
    says, it is ``withheld`` and only its place is told. Of an ``erased`` record the log tells when
    and on which ground, once the erasure is recorded. ``type`` of a
    document is its UNTDID 1001 code.
    """

    first_index: int
    places: list[Place]
    recorded_at: int
    state: Literal["recorded", "anchored", "final"]
    anchored_size: int | None = None
    anchored_at: int | None = None
    anchored_after: int | None = None
    kind: str | None = None
    type: str | None = None
    event_id: str | None = None
    event_time: int | None = None
    recorded_after: int | None = None
    recorded_before: int | None = None
    action: str | None = None
    biz_step: str | None = None
    disposition: str | None = None
    read_point: str | None = None
    biz_location: str | None = None
    corrects: int | None = None
    corrected_by: list[int] = []
    withheld: bool = False
    erased: bool = False
    erased_at: int | None = None
    erased_ground: str | None = None
    payload: msgspec.Raw | None = None


class UsedTrail(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trail that the timeline used, why, and between which times of events."""

    subject: str
    reason: Literal["asked", "parcel", "container"]
    via: str | None = None
    since: int | None = None
    until: int | None = None


class Timeline(msgspec.Struct, frozen=True):
    """What is recorded about a subject, in order of event time.

    ``is_complete`` is false where a bound cut the timeline short.
    """

    subject: str
    trails: list[UsedTrail]
    events: list[TimelineEvent]
    is_complete: bool
