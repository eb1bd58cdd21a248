"""The part of writing that needs nothing of the log: done before the log's row is locked.

Statement bytes, salts, commitments and the fields of the record's row are ready when the
transaction begins; while PostgreSQL writes one group, Python prepares the next.
"""

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from provenance.core.digests import LeafHash, hmac_sha256, sha256
from provenance.core.statement import MAX_REFS, Ref, StatementTemplate, check_subject
from provenance.log.errors import DraftError
from provenance.log.rows import record_fields
from provenance.log.statements import quoted, statement_for, statement_template
from provenance.log.submissions import RecordDraft, Submission

RandomBytes = Callable[[int], bytes]
"""``os.urandom``, or in tests something that repeats."""
EventKey = tuple[int, str]
"""Submitter (as an integer, which is at hand and quickly compared) and eventID."""

ENTRY_COST_BYTES = 1024
"""Memory that one waiting entry takes besides its payload: salts, commitments and row parts."""

_ENTRIES_BETWEEN_PAUSES: Final = 250
_STATEMENT_PREFIX: Final = b"statement/v1\n"


@dataclass(slots=True)
class PreparedRecord:
    """A draft with everything made that does not depend on the log.

    ``commitments`` and ``row`` (the fields after ``first_index``, without ``corrects``) are empty
    for a correction until :func:`resolve_correction` has put in what it refers to.
    """

    draft: RecordDraft
    subjects: tuple[str, ...]
    salts: Sequence[bytes]
    commitments: Sequence[bytes] = ()
    row: bytes = b""

    @property
    def event_key(self) -> EventKey | None:
        """Submitter and eventID, by which corrections find what they correct."""
        columns = self.draft.columns
        if columns is None or columns.event_id is None:
            return None
        return self.draft.submitter.int, columns.event_id

    @property
    def corrected_key(self) -> EventKey | None:
        """The event key of what this record corrects."""
        if self.draft.corrects_event_id is None:
            return None
        return self.draft.submitter.int, self.draft.corrects_event_id


@dataclass(frozen=True, slots=True)
class PreparedSubmission:
    """A submission whose records are prepared, and what the log must be asked about it."""

    submission: Submission
    records: Sequence[PreparedRecord]
    entries: int
    subjects: frozenset[str]
    dedup_keys: Sequence[bytes]
    corrected_ids: frozenset[str]


async def prepare(submission: Submission, *, random_bytes: RandomBytes) -> PreparedSubmission:
    """Prepare every record, giving way to others now and then.

    Raises:
        DraftError: a record cannot become entries.
        BadValueError: a subject that is not a URI.

    """
    entries = sum(len(draft.subjects) for draft in submission.records)
    salts = fresh_salts(random_bytes, entries)
    records: list[PreparedRecord] = []
    used = paused = 0
    for draft in submission.records:
        until = used + len(draft.subjects)
        records.append(prepare_record(draft, salts=salts[used:until]))
        used = until
        if used - paused >= _ENTRIES_BETWEEN_PAUSES:
            paused = used
            await asyncio.sleep(0)
    drafts = submission.records
    return PreparedSubmission(
        submission=submission,
        records=records,
        entries=entries,
        subjects=frozenset(subject for draft in drafts for subject in draft.subjects),
        dedup_keys=[draft.dedup_key for draft in drafts],
        corrected_ids=frozenset(
            draft.corrects_event_id for draft in drafts if draft.corrects_event_id is not None
        ),
    )


def fresh_salts(random_bytes: RandomBytes, count: int) -> list[bytes]:
    """Draw ``count`` salts at once; each is used for one entry and never again."""
    drawn = random_bytes(32 * count)
    return [drawn[at : at + 32] for at in range(0, 32 * count, 32)]


def prepare_record(draft: RecordDraft, *, salts: Sequence[bytes]) -> PreparedRecord:
    """Make commitments and row fields; ``salts`` has one for each subject.

    Raises:
        DraftError: no subjects, one twice, or digests of another size than 32 bytes.
        BadValueError: a subject that is not a URI.

    """
    _check(draft)
    record = PreparedRecord(draft=draft, subjects=draft.subjects, salts=salts)
    if draft.corrects_event_id is None:
        _fill(record, statement_template(draft.statement))
    return record


def resolve_correction(record: PreparedRecord, leaves: Sequence[LeafHash]) -> None:
    """Put the entries that a correction refers to into its statement, none if there are none.

    Raises:
        DraftError: more of them than a statement can refer to.

    """
    refs = (*record.draft.statement.refs, *(Ref(rel="corrects", leaf=leaf) for leaf in leaves))
    if len(refs) > MAX_REFS:
        raise DraftError(f"a correction can refer to {MAX_REFS} entries, not to {len(refs)}")
    _fill(record, statement_template(replace(record.draft.statement, refs=refs)))


def _fill(record: PreparedRecord, template: StatementTemplate) -> None:
    head, tail = template.head, template.tail
    if len(record.subjects) == 1:
        statement = statement_for(head, record.subjects[0], tail)
        record.commitments = (
            hmac_sha256(record.salts[0], _STATEMENT_PREFIX + hashlib.sha256(statement).digest()),
        )
    else:
        record.commitments = _commitments(record, template)
    record.row = record_fields(record.draft, template)


def _commitments(record: PreparedRecord, template: StatementTemplate) -> list[bytes]:
    # The statements of one record begin alike: that part is hashed once.
    begun = hashlib.sha256(template.head)
    commitments = []
    for subject, salt in zip(record.subjects, record.salts, strict=True):
        digest = begun.copy()
        digest.update(quoted(subject) + template.tail)
        commitments.append(hmac_sha256(salt, _STATEMENT_PREFIX + digest.digest()))
    return commitments


def _check(draft: RecordDraft) -> None:
    subjects, statement = draft.subjects, draft.statement
    if not subjects:
        raise DraftError("a record has at least one subject")
    for subject in subjects:
        if subject != statement.subject:
            check_subject(subject)
    if len(subjects) > 1 and len(set(subjects)) != len(subjects):
        raise DraftError("a record names each of its subjects once")
    if not len(draft.dedup_key) == len(draft.content_mac) == 32:
        raise DraftError("dedup_key and content_mac have 32 bytes each")
    if draft.sealed is not None and draft.sealed.path is None:
        if draft.payload is None or draft.payload_salt is not None or draft.fields_salt is not None:
            raise DraftError("a payload that is sealed in its row has its salts sealed beside it")
    elif draft.sealed is None:
        if draft.payload is None or draft.payload_salt is None or len(draft.payload_salt) != 32:
            raise DraftError("a payload has a payload_salt of 32 bytes, or it is sealed")
    elif draft.payload is not None or draft.payload_salt is not None:
        raise DraftError("what is sealed does not lie open beside it")
    if draft.context is not None and _context_hash(draft.context) != statement.context_sha256:
        raise DraftError("the context is not the one that the statement names")


@lru_cache(maxsize=64)
def _context_hash(context: bytes) -> bytes:
    # Most events of a day share a handful of contexts.
    return sha256(context)
