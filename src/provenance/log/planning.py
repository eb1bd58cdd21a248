"""What a group of submissions becomes, given what the log holds: pure, without any IO.

Rules: submissions are taken in order and later ones see earlier ones; the new records of one
submission get contiguous indexes; a submission that contradicts the log leaves no trace in the
plan; nothing here is random but the ids of new trails.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from uuid import UUID

from provenance.core.digests import ZERO_HASH, LeafHash
from provenance.core.entry import encode_entry
from provenance.core.errors import ProvenanceError
from provenance.core.statement import MAX_REFS
from provenance.log.errors import (
    ConflictError,
    DraftError,
    IdempotencyConflictError,
    OvertakenError,
)
from provenance.log.preparing import (
    EventKey,
    PreparedRecord,
    PreparedSubmission,
    RandomBytes,
    resolve_correction,
)
from provenance.log.rows import entry_row, record_row
from provenance.log.submissions import Conflict, LoggedRecord, Submission, Unchanged

_IDS_AT_ONCE = 256


class Trail:
    """A subject's trail as the group sees it; hashes also in hex, as the next entry needs them."""

    __slots__ = ("count", "first_index", "last_hex", "last_leaf", "trail", "trail_hex")

    def __init__(self, first_index: int, trail: bytes, count: int, last_leaf: LeafHash) -> None:
        self.first_index = first_index
        self.trail = trail
        self.trail_hex = trail.hex()
        self.count = count
        self.last_leaf = last_leaf
        self.last_hex = last_leaf.hex()


KnownRecord = tuple[bytes, LoggedRecord]
"""``content_mac`` of a record that is in the log, or in this group, and where it is."""


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request that was answered before: its keyed hash and the range that was new with it."""

    content_mac: bytes
    first_index: int
    count: int
    at: int
    leaf_hashes: Sequence[LeafHash]
    job_id: UUID | None


RequestKey = tuple[bytes, str]
"""Submitter and Idempotency-Key."""


@dataclass(slots=True)
class Known:
    """What the log holds that matters to a group; ``events`` is None if it corrects nothing.

    ``overtaken`` is what submissions rest on that is not so any more.
    """

    trails: dict[str, Trail]
    records: dict[bytes, KnownRecord]
    requests: dict[RequestKey, KnownRequest]
    events: dict[EventKey, tuple[int, Sequence[LeafHash]]] | None
    overtaken: frozenset[Unchanged] = frozenset()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a submission will be told once the group is committed.

    ``new`` is the range of its new entries (``count`` 0 if there are none), ``acknowledged`` what
    the acknowledgement is for: the new range, else the earliest repeated record with those that
    were logged right behind it, else nothing.
    """

    records: tuple[LoggedRecord | None, ...]
    conflicts: tuple[Conflict, ...]
    new: KnownRequest
    acknowledged: LoggedRecord | None
    repeated: bool


@dataclass(slots=True)
class Plan:
    """What to write, and what to answer; ``answers`` are in the order of the group."""

    start: int
    at: int
    entry_rows: list[bytes] = field(default_factory=list)
    record_rows: list[bytes] = field(default_factory=list)
    leaves: list[LeafHash] = field(default_factory=list)
    new_trails: dict[str, Trail] = field(default_factory=dict)
    changed_trails: dict[int, Trail] = field(default_factory=dict)
    requests: list[tuple[RequestKey, KnownRequest]] = field(default_factory=list)
    jobs: list[tuple[Submission, Answer]] = field(default_factory=list)
    contexts: dict[bytes, bytes] = field(default_factory=dict)
    answers: list[Answer | ProvenanceError] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.leaves or self.requests or self.jobs)


class Planner:
    """Takes the submissions of one group in order."""

    def __init__(
        self, known: Known, *, log_id: int, size: int, at: int, random_bytes: RandomBytes
    ) -> None:
        self._known = known
        self._log_id = log_id
        self._trail_ids = _fresh_ids(random_bytes)
        self._has_changed = False
        self.plan = Plan(start=size, at=at)

    def add(self, prepared: PreparedSubmission) -> None:
        """Plan one submission, or note why it is refused."""
        try:
            answer = self._answer(prepared)
        except (ConflictError, IdempotencyConflictError, DraftError, OvertakenError) as refusal:
            self.plan.answers.append(refusal)
        else:
            self.plan.answers.append(answer)

    def _answer(self, prepared: PreparedSubmission) -> Answer:
        submission = prepared.submission
        idempotency, job = submission.idempotency, submission.job
        if idempotency is not None:
            earlier = self._known.requests.get((submission.submitter.bytes, idempotency.key))
            if earlier is not None and earlier.content_mac != idempotency.content_mac:
                raise IdempotencyConflictError
            if earlier is not None:
                return self._repeat(prepared, earlier)
        fresh, conflicts = self._classify(prepared)
        if fresh:
            self._check_unchanged(submission)
        first = self.plan.start + len(self.plan.leaves)
        for record in fresh:
            self._append(record)
        leaves = self.plan.leaves[first - self.plan.start :]
        new = KnownRequest(
            content_mac=idempotency.content_mac if idempotency else b"",
            first_index=first,
            count=len(leaves),
            at=self.plan.at,
            leaf_hashes=leaves,
            job_id=job.job_id if job else None,
        )
        answer = self._compose(prepared, new=new, conflicts=conflicts, repeated=False)
        self._note(submission, answer)
        return answer

    def _check_unchanged(self, submission: Submission) -> None:
        """Refuse what rests on a log that was another; the group's own records change it too."""
        if submission.unchanged is not None and (
            self._has_changed or submission.unchanged in self._known.overtaken
        ):
            raise OvertakenError
        self._has_changed = True

    def _repeat(self, prepared: PreparedSubmission, earlier: KnownRequest) -> Answer:
        conflicts = tuple(
            Conflict(position=position, first_index=known[1].first_index)
            for position, record in enumerate(prepared.records)
            if (known := self._known.records.get(record.draft.dedup_key)) is not None
            and known[0] != record.draft.content_mac
        )
        return self._compose(prepared, new=earlier, conflicts=conflicts, repeated=True)

    def _classify(
        self, prepared: PreparedSubmission
    ) -> tuple[list[PreparedRecord], tuple[Conflict, ...]]:
        """Tell new records from repeated and contradicting ones, without changing anything."""
        fresh: list[PreparedRecord] = []
        conflicts: list[Conflict] = []
        own: dict[bytes, tuple[bytes, int]] = {}
        index = self.plan.start + len(self.plan.leaves)
        for position, record in enumerate(prepared.records):
            key, mac = record.draft.dedup_key, record.draft.content_mac
            earlier = own.get(key)
            if earlier is None and (known := self._known.records.get(key)) is not None:
                earlier = (known[0], known[1].first_index)
            if earlier is None:
                own[key] = (mac, index)
                index += len(record.subjects)
                fresh.append(record)
            elif earlier[0] != mac:
                if not prepared.submission.skip_conflicts:
                    raise ConflictError(position=position, first_index=earlier[1])
                conflicts.append(Conflict(position=position, first_index=earlier[1]))
        if self._known.events is not None:
            self._check_corrections(fresh, self._known.events)
        return fresh, tuple(conflicts)

    def _check_corrections(
        self,
        fresh: Sequence[PreparedRecord],
        events: Mapping[EventKey, tuple[int, Sequence[LeafHash]]],
    ) -> None:
        own: dict[EventKey, int] = {}
        for record in fresh:
            if (target := record.corrected_key) is not None:
                event = events.get(target)
                count = len(event[1]) if event else own.get(target, 0)
                if count + len(record.draft.statement.refs) > MAX_REFS:
                    raise DraftError(
                        f"a correction can refer to {MAX_REFS} entries; the event has {count}"
                    )
            if (key := record.event_key) is not None:
                own.setdefault(key, len(record.subjects))

    def _append(self, record: PreparedRecord) -> None:
        plan, log_id, at = self.plan, self._log_id, self.plan.at
        first = plan.start + len(plan.leaves)
        corrects = self._correct(record)
        for index, subject, salt, commitment in zip(
            count(first), record.subjects, record.salts, record.commitments, strict=False
        ):
            trail = self._trail(subject, index)
            prev = trail.last_leaf
            leaf = LeafHash(
                hashlib.sha256(
                    b"\x00"
                    + encode_entry(
                        at=at,
                        trail_hex=trail.trail_hex,
                        seq=trail.count,
                        prev_hex=trail.last_hex,
                        commitment_hex=commitment.hex(),
                    )
                ).digest()
            )
            plan.entry_rows.append(
                entry_row(
                    log_id,
                    index,
                    trail.first_index,
                    trail.count,
                    at,
                    prev,
                    commitment,
                    leaf,
                    first,
                    salt,
                )
            )
            trail.count += 1
            trail.last_leaf, trail.last_hex = leaf, leaf.hex()
            plan.leaves.append(leaf)
        plan.record_rows.append(record_row(log_id, first, record.row, corrects))
        self._remember(record, first)

    def _correct(self, record: PreparedRecord) -> int | None:
        target = record.corrected_key
        if target is None or self._known.events is None:
            return None
        event = self._known.events.get(target)
        resolve_correction(record, event[1] if event else ())
        return event[0] if event else None

    def _trail(self, subject: str, index: int) -> Trail:
        trail = self._known.trails.get(subject)
        if trail is None:
            trail = Trail(index, next(self._trail_ids), 0, ZERO_HASH)
            self._known.trails[subject] = self.plan.new_trails[subject] = trail
        elif trail.first_index < self.plan.start:
            self.plan.changed_trails[trail.first_index] = trail
        return trail

    def _remember(self, record: PreparedRecord, first: int) -> None:
        draft = record.draft
        leaves = tuple(self.plan.leaves[first - self.plan.start :])
        self._known.records[draft.dedup_key] = (
            draft.content_mac,
            LoggedRecord(first_index=first, count=len(leaves), at=self.plan.at, leaf_hashes=leaves),
        )
        if self._known.events is not None and (key := record.event_key) is not None:
            self._known.events.setdefault(key, (first, leaves))
        if draft.context is not None and draft.statement.context_sha256 is not None:
            self.plan.contexts[draft.statement.context_sha256] = draft.context

    def _compose(
        self,
        prepared: PreparedSubmission,
        *,
        new: KnownRequest,
        conflicts: tuple[Conflict, ...],
        repeated: bool,
    ) -> Answer:
        seen: set[bytes] = set()
        records: list[LoggedRecord | None] = []
        for record in prepared.records:
            key = record.draft.dedup_key
            known = self._known.records.get(key)
            if known is None or known[0] != record.draft.content_mac:
                records.append(None)
                continue
            logged = known[1]
            is_new = 0 <= logged.first_index - new.first_index < new.count
            records.append(logged if is_new and key not in seen else replace(logged, repeated=True))
            seen.add(key)
        return Answer(
            records=tuple(records),
            conflicts=conflicts,
            new=new,
            acknowledged=_acknowledged(new, records),
            repeated=repeated,
        )

    def _note(self, submission: Submission, answer: Answer) -> None:
        """Take down what else is stored about the request, in the same transaction."""
        if submission.job is not None:
            self.plan.jobs.append((submission, answer))
        if submission.idempotency is not None:
            key = (submission.submitter.bytes, submission.idempotency.key)
            self._known.requests[key] = answer.new
            self.plan.requests.append((key, answer.new))


def _acknowledged(new: KnownRequest, records: Sequence[LoggedRecord | None]) -> LoggedRecord | None:
    if new.count:
        return LoggedRecord(
            first_index=new.first_index,
            count=new.count,
            at=new.at,
            leaf_hashes=tuple(new.leaf_hashes),
        )
    there = sorted(
        {record.first_index: record for record in records if record is not None}.values(),
        key=lambda record: record.first_index,
    )
    return _run(there) if there else None


def _run(there: Sequence[LoggedRecord]) -> LoggedRecord:
    """The earliest record, with those that were logged right behind it at once.

    A document that is repeated whole gets the promise for all of it again.
    """
    first, end = there[0], there[0].first_index
    leaves: list[LeafHash] = []
    for record in there:
        if (record.first_index, record.at) != (end, first.at):
            break
        leaves += record.leaf_hashes
        end += record.count
    return LoggedRecord(
        first_index=first.first_index,
        count=end - first.first_index,
        at=first.at,
        leaf_hashes=tuple(leaves),
        repeated=True,
    )


def _fresh_ids(random_bytes: RandomBytes) -> Iterator[bytes]:
    while True:
        block = random_bytes(32 * _IDS_AT_ONCE)
        for at in range(0, len(block), 32):
            yield block[at : at + 32]
