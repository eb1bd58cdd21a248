"""The part of writing that needs nothing of the log: done before the log's row is locked.

Statement bytes, salts, commitments and the fields of the record's row are ready when the
transaction begins; while PostgreSQL writes one group, Python prepares the next.
"""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provenance.core.digests import LeafHash, hmac_sha256, sha256
from provenance.core.statement import (
    MAX_REFS,
    Ref,
    Statement,
    StatementTemplate,
    check_subject,
)
from provenance.db.binary import NULL, bytea, int4, int8, text
from provenance.log.errors import DraftError
from provenance.log.submissions import EventColumns, RecordDraft, Submission

RandomBytes = Callable[[int], bytes]
"""``os.urandom``, or in tests something that repeats."""

ENTRY_COST_BYTES = 1024
"""Memory that one waiting entry takes besides its payload: salts, commitments and row parts."""

_ENTRIES_BETWEEN_PAUSES: Final = 250
_STATEMENT_PREFIX: Final = b"statement/v1\n"
_NO_COLUMNS: Final = NULL * 8
_quote = json.encoder.encode_basestring_ascii


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
    def event_key(self) -> tuple[bytes, str] | None:
        """Submitter and eventID, by which corrections find what they correct."""
        columns = self.draft.columns
        if columns is None or columns.event_id is None:
            return None
        return self.draft.submitter.bytes, columns.event_id

    @property
    def corrected_key(self) -> tuple[bytes, str] | None:
        """The event key of what this record corrects."""
        if self.draft.corrects_event_id is None:
            return None
        return self.draft.submitter.bytes, self.draft.corrects_event_id


@dataclass(frozen=True, slots=True)
class PreparedSubmission:
    """A submission whose records are prepared."""

    submission: Submission
    records: Sequence[PreparedRecord]
    entries: int


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
    return PreparedSubmission(submission=submission, records=records, entries=entries)


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


def statement_template(statement: Statement) -> StatementTemplate:
    """Return ``StatementTemplate.of(statement)``, for a statement that is known to be valid.

    An eighth of the time of the general canonicalizer; a property test compares the two.
    """
    parts = ["{"]
    if statement.context_sha256 is not None:
        parts.append(f'"context_sha256":"{statement.context_sha256.hex()}",')
    if statement.fields_root is not None:
        parts.append(f'"fields_root":"{statement.fields_root.hex()}",')
    parts.append(f'"kind":{_quote(statement.kind)},"media_type":{_quote(statement.media_type)},')
    if statement.occurred_at is not None:
        parts.append(f'"occurred_at":{statement.occurred_at},')
    refs = ",".join(
        f'{{"leaf":"{ref.leaf.hex()}","rel":{_quote(ref.rel)}}}' for ref in statement.refs
    )
    parts.append(
        f'"payload":"{statement.payload.hex()}","payload_size":{statement.payload_size},'
        f'"refs":[{refs}],"subject":'
    )
    kind = "" if statement.type is None else f'"type":{_quote(statement.type)},'
    tail = f',"submitter":{_quote(statement.submitter)},{kind}"v":1}}'
    return StatementTemplate(head="".join(parts).encode("ascii"), tail=tail.encode("ascii"))


def statement_for(head: bytes, subject: str, tail: bytes) -> bytes:
    """Statement bytes out of the parts that a record's row keeps."""
    return head + _quote(subject).encode("ascii") + tail


def _fill(record: PreparedRecord, template: StatementTemplate) -> None:
    head, tail = template.head, template.tail
    if len(record.subjects) == 1:
        statement = statement_for(head, record.subjects[0], tail)
        record.commitments = [
            hmac_sha256(record.salts[0], _STATEMENT_PREFIX + hashlib.sha256(statement).digest())
        ]
    else:
        record.commitments = _commitments(record, template)
    record.row = _row(record.draft, template)


def _commitments(record: PreparedRecord, template: StatementTemplate) -> list[bytes]:
    # The statements of one record begin alike: that part is hashed once.
    begun = hashlib.sha256(template.head)
    commitments = []
    for subject, salt in zip(record.subjects, record.salts, strict=True):
        digest = begun.copy()
        digest.update(_quote(subject).encode("ascii") + template.tail)
        commitments.append(hmac_sha256(salt, _STATEMENT_PREFIX + digest.digest()))
    return commitments


def _row(draft: RecordDraft, template: StatementTemplate) -> bytes:
    return b"".join(
        (
            int4(len(draft.subjects)),
            text(draft.statement.kind),
            bytea(draft.submitter.bytes),
            bytea(template.head),
            bytea(template.tail),
            bytea(draft.payload_salt),
            bytea(draft.fields_salt),
            bytea(draft.payload),
            text(draft.statement.media_type),
            bytea(draft.statement.context_sha256),
            bytea(draft.dedup_key),
            bytea(draft.content_mac),
            _NO_COLUMNS if draft.columns is None else _columns(draft.columns),
        )
    )


def _columns(columns: EventColumns) -> bytes:
    return b"".join(
        (
            text(columns.event_id),
            text(columns.event_type),
            int8(columns.event_time),
            text(columns.action),
            text(columns.biz_step),
            text(columns.disposition),
            text(columns.read_point),
            text(columns.biz_location),
        )
    )


def _check(draft: RecordDraft) -> None:
    if not draft.subjects:
        raise DraftError("a record has at least one subject")
    for subject in draft.subjects:
        if subject != draft.statement.subject:
            check_subject(subject)
    if len(set(draft.subjects)) != len(draft.subjects):
        raise DraftError("a record names each of its subjects once")
    for name, value in (
        ("payload_salt", draft.payload_salt),
        ("dedup_key", draft.dedup_key),
        ("content_mac", draft.content_mac),
    ):
        if len(value) != 32:
            raise DraftError(f"{name} has 32 bytes, not {len(value)}")
    if draft.context is not None and sha256(draft.context) != draft.statement.context_sha256:
        raise DraftError("the context is not the one that the statement names")
