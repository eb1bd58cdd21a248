"""What follows from a recorded payload: its subjects, and what its row is searched by.

``verify`` may not import what made the records: the rule that derives this is handed to it.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class AuditedPayload:
    """A payload with what decides what it says; ``context`` may be absent.

    ``kind``, ``submitter`` and ``media_type`` are the statement's, not the row's.
    """

    kind: str
    submitter: str
    media_type: str
    payload: bytes
    context: bytes | None


@dataclass(frozen=True, slots=True)
class DerivedColumns:
    """Columns of a record's row that follow from its payload.

    The first seven are what events are searched by, and NULL for any other kind. The keyed hashes
    by which a repetition is recognised, 32 bytes each, are None where no rule derives them.
    """

    event_id: str | None = None
    event_type: str | None = None
    action: str | None = None
    biz_step: str | None = None
    disposition: str | None = None
    read_point: str | None = None
    biz_location: str | None = None
    dedup_key: bytes | None = None
    content_mac: bytes | None = None


DERIVED = tuple(field.name for field in fields(DerivedColumns))
"""Names of the derived columns, in the order of the fields."""


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """What a payload says: the subjects that it names, and the columns that follow from it.

    ``unknown`` are columns that do not follow from it alone.
    """

    subjects: tuple[str, ...]
    columns: DerivedColumns
    unknown: frozenset[str] = frozenset()


ExpectedOf = Callable[[AuditedPayload], ExpectedRecord | None]
"""What follows from a payload, or None where that has no rule; raises a FormatError."""
