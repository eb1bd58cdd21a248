"""What the EPCIS operations answer with, besides events themselves."""

from typing import Literal

import msgspec


class CaptureError(msgspec.Struct, frozen=True, omit_defaults=True):
    """One event, or one field of it, that was refused."""

    code: str
    detail: str
    pointer: str = ""


class LoggedEvent(msgspec.Struct, frozen=True):
    """Where an event is in the log: entries [first_index, first_index + count)."""

    first_index: int
    count: int


class CaptureJobAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """A capture job (EPCIS 2.0, section 12.3), with what the log promised about it.

    ``acknowledgement`` is a signed note over the new entries [first_index, first_index + count),
    given once with the answer to the capture; keep it. A list of jobs leaves ``events`` out.
    """

    captureID: str  # noqa: N815 - the standard's spelling
    createdAt: str  # noqa: N815
    finishedAt: str  # noqa: N815
    running: bool
    success: bool
    captureErrorBehaviour: Literal["rollback", "proceed"]  # noqa: N815
    errors: list[CaptureError]
    first_index: int
    count: int
    at: int
    events: list[LoggedEvent] = []
    acknowledgement: str | None = None


class EventAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a single event is, with the signed promise about it.

    ``repeated`` says that the log had the event before this request was first made.
    """

    eventID: str  # noqa: N815 - the standard's spelling
    first_index: int
    count: int
    at: int
    repeated: bool
    acknowledgement: str | None = None
