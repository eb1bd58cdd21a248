"""What goes into the log writer and what comes out of it."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from provenance.core.digests import LeafHash, Salt
from provenance.core.statement import Statement
from provenance.sealing import SealedRef


class EventColumns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What records are searched by; times in milliseconds since the epoch, UTC.

    An event has all that it says. An act of a claims case has its name as ``event_type`` and the
    state of the case after it as ``disposition``.

    A msgspec struct, like :class:`RecordDraft`: one is made for each event, in a tenth of the time
    of a frozen dataclass, and it is in no cycle that the collector would have to look for.
    """

    event_type: str
    event_id: str | None = None
    event_time: int | None = None
    action: str | None = None
    biz_step: str | None = None
    disposition: str | None = None
    read_point: str | None = None
    biz_location: str | None = None


class DocumentColumns(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """First index of the document that a document supersedes, or that a description describes."""

    supersedes: int | None = None
    describes: int | None = None


class RecordDraft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A validated record on its way into the log.

    ``statement`` is complete but for its subject, which the writer puts in, one entry for each of
    ``subjects``. Where ``corrects_event_id`` is set, the writer adds a ``corrects`` reference to
    every entry of that submitter's earlier record with this eventID, if the log has one.
    ``dedup_key`` names the record for repetition and ``content_mac`` its content, 32 bytes each,
    keyed with a secret of the server. The payload is there with its salt, or it is ``sealed``,
    and then its object and its key are durable already; where it lies sealed in the row,
    ``payload`` are the sealed bytes. ``may_name_people``: what it says is to be sealed.
    """

    submitter: UUID
    subjects: tuple[str, ...]
    statement: Statement
    payload: bytes | None = None
    payload_salt: Salt | None = None
    sealed: SealedRef | None = None
    dedup_key: bytes
    content_mac: bytes
    fields_salt: Salt | None = None
    context: bytes | None = None
    columns: EventColumns | None = None
    document: DocumentColumns | None = None
    corrects_event_id: str | None = None
    may_name_people: bool = False


@dataclass(frozen=True, slots=True)
class Idempotency:
    """An Idempotency-Key of a submitter and the keyed hash of what came with it."""

    key: str
    content_mac: bytes


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """An EPCIS capture job, committed together with its events.

    ``errors`` are problem documents of events that were refused before they reached the writer.
    ``pointers`` say where in the document each record of the submission stood, for the problem
    documents that the writer adds.
    """

    job_id: UUID
    on_error: str
    created_at: int
    errors: tuple[dict[str, object], ...] = ()
    pointers: tuple[str, ...] = ()

    def pointer(self, position: int) -> str:
        """JSON pointer of the record at ``position``."""
        return self.pointers[position] if self.pointers else f"/{position}"


@dataclass(frozen=True, slots=True)
class Unchanged:
    """What a submission rests on: the log as it was read when it had ``size`` entries.

    It is taken only while no act of a claims case, no erasure of one, and nothing about one of
    ``subjects`` has been logged since, be it an erasure. Heartbeats change nothing.
    """

    size: int
    subjects: frozenset[str]


@dataclass(frozen=True, slots=True)
class News:
    """An entry for which the log is not as an :class:`Unchanged` says: kind, subject, number."""

    kind: str
    subject: str
    seq: int


@dataclass(frozen=True, slots=True)
class Submission:
    """One request: its records become contiguous entries in one transaction, or none does.

    With ``skip_conflicts`` a record that contradicts an earlier one is left out and reported;
    without, it fails the whole submission. With ``unchanged`` new records are refused where that
    does not hold any more, under the lock; what is in the log already is repeated all the same.
    """

    submitter: UUID
    records: tuple[RecordDraft, ...]
    idempotency: Idempotency | None = None
    job: CaptureJob | None = None
    skip_conflicts: bool = False
    unchanged: Unchanged | None = None


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """Where a record is. ``repeated``: it was there before, and this is the first answer."""

    first_index: int
    count: int
    at: int
    leaf_hashes: tuple[LeafHash, ...]
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Conflict:
    """A record that re-uses an identifier for other content."""

    position: int
    first_index: int


@dataclass(frozen=True, slots=True)
class Logged:
    """The answer to a submission, after its commit.

    ``records`` are in the order of the submission (None where skipped). ``acknowledgement`` is the
    signed note over the entries ``[first_index, first_index + count)``: the new ones, or, where
    nothing was new, those of the earliest repeated record and of what was logged right behind it.
    It is None, and ``count`` 0, where the submission has no record in the log at all. A repeated
    request gets the first answer again, with ``repeated`` set. ``finished_at`` is when the
    submission was committed.
    """

    records: tuple[LoggedRecord | None, ...]
    conflicts: tuple[Conflict, ...]
    first_index: int
    count: int
    at: int
    acknowledgement: str | None
    repeated: bool
    finished_at: int
    job_id: UUID | None = None
