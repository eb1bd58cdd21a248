"""Which of several columns was altered, where a commitment binds them together.

An entry's commitment binds statement, subject and salt; a payload's binds bytes and salt. What else
is held of them tells them apart: columns that repeat the statement, the root over the payload's
fields, the keyed hash of its bytes, names that stand in the payload, other entries of the trail.
Where nothing does, the finding says what it may be.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from provenance.core.digests import Commitment, Salt
from provenance.core.errors import FormatError
from provenance.core.fields import fields_root
from provenance.core.jcs import parse_canonical
from provenance.core.statement import (
    Statement,
    StatementTemplate,
    payload_commitment,
    statement_commitment,
)
from provenance.verify.audit.expected import AuditedPayload, ExpectedOf
from provenance.verify.audit.rows import RecordFindings, StoredEntry, StoredRecord, Unopened

_SALT_OR_SUBJECT: Final = "its salt, or the subject of its trail, was altered: the statement "
_MOST_SEARCHED: Final = 1 << 16
"""Bytes of a payload that is searched for names."""
_MOST_ASKED: Final = 4
"""Entries under whose subjects a statement is held against its payload: one may be altered."""


def opens(template: StatementTemplate, subject: str, entry: StoredEntry) -> bool:
    """Whether the statement about ``subject`` opens the entry's commitment."""
    assert entry.salt is not None
    try:
        statement = template.for_subject(subject)
    except FormatError:
        return False
    commitment = statement_commitment(statement, salt=Salt(entry.salt))
    return commitment == Commitment(entry.commitment)


def blame_some(
    record: StoredRecord,
    template: StatementTemplate,
    failed: Sequence[StoredEntry],
    found: RecordFindings,
) -> None:
    """The statement opens other entries of the record, but not these."""
    for entry in failed:
        found.unopened.append(
            Unopened(
                entry=entry,
                name=_true_name(record, template, entry),
                object=f"entry {entry.index}",
                problem=_SALT_OR_SUBJECT + "opens its neighbours",
            )
        )


def blame_all(
    record: StoredRecord,
    template: StatementTemplate,
    failed: Sequence[StoredEntry],
    found: RecordFindings,
) -> None:
    """The statement opens no entry of the record."""
    names = [_true_name(record, template, entry) for entry in failed]
    is_sound = any(_is_sound(record, template, entry) for entry in failed[:_MOST_ASKED])
    if len(failed) > 1 and not is_sound and not any(names):
        listed = ", ".join(str(entry.index) for entry in failed[:4])
        more = " …" if len(failed) > 4 else ""
        problem = f"opens none of the entries {listed}{more}: it was altered, or the salt of each"
        found.of_record("statement", problem)
        return
    for entry, name in zip(failed, names, strict=True):
        if is_sound:
            object_ = f"entry {entry.index}"
            problem = _SALT_OR_SUBJECT + "is what its payload and its row say"
        else:
            object_ = f"statement of record {record.first_index}"
            problem = (
                f"does not open entry {entry.index}: the statement, the entry's salt or the "
                "subject of its trail was altered"
            )
        found.unopened.append(Unopened(entry=entry, name=name, object=object_, problem=problem))


def blame_payload(
    record: StoredRecord,
    statement: Statement,
    expected_of: ExpectedOf | None,
    found: RecordFindings,
) -> None:
    """Payload and salt do not open what the statement says of them."""
    assert record.payload is not None
    sound = _is_payload_sound(record, record.payload, statement, expected_of)
    if sound is None:
        found.of_record(
            "payload or payload_salt", "is not the one that was recorded: one of the two is altered"
        )
    elif sound:
        found.of_record("payload_salt", "is not the one that the payload was recorded with")
    else:
        found.of_record("payload", "is not the one that was recorded")


def _is_payload_sound(
    record: StoredRecord, payload: bytes, statement: Statement, expected_of: ExpectedOf | None
) -> bool | None:
    """Whether the bytes are those that were recorded; None where nothing else tells."""
    if len(payload) != statement.payload_size:
        return False
    try:
        mac = _content_mac(record, payload, statement, expected_of)
        if mac is not None:
            return mac == record.derived.content_mac
        if statement.fields_root is None or record.fields_salt is None:
            return None
        root = fields_root(payload, fields_salt=Salt(record.fields_salt))
    except FormatError:
        return False
    return root == statement.fields_root


def _content_mac(
    record: StoredRecord, payload: bytes, statement: Statement, expected_of: ExpectedOf | None
) -> bytes | None:
    if expected_of is None or statement.context_sha256 != record.context_sha256:
        return None
    expected = expected_of(
        AuditedPayload(
            kind=statement.kind,
            submitter=statement.submitter,
            media_type=statement.media_type,
            payload=payload,
            context=record.context,
        )
    )
    return None if expected is None else expected.columns.content_mac


def _is_sound(record: StoredRecord, template: StatementTemplate, entry: StoredEntry) -> bool:
    """Whether every member of the statement is confirmed by a payload and columns beside it.

    No column repeats what it refers to: a statement that refers to something is not confirmed.
    """
    if entry.subject is None or record.payload is None or record.payload_salt is None:
        return False
    try:
        data = template.for_subject(entry.subject)
        statement = Statement.from_json(parse_canonical(data))
        root = None
        if statement.fields_root is not None and record.fields_salt is not None:
            root = fields_root(record.payload, fields_salt=Salt(record.fields_salt))
    except FormatError:
        return False
    commitment = payload_commitment(record.payload, salt=Salt(record.payload_salt))
    return statement == Statement(
        kind=record.kind,
        subject=entry.subject,
        submitter=record.submitter,
        media_type=record.media_type,
        payload=commitment,
        payload_size=len(record.payload),
        type=_confirmed_type(record, statement),
        occurred_at=record.event_time,
        context_sha256=record.context_sha256,
        fields_root=root,
    )


def _confirmed_type(record: StoredRecord, statement: Statement) -> str | None:
    """The statement's type where a column says the same: of an event the step, or else its type."""
    columns = (record.derived.biz_step, record.derived.event_type)
    return statement.type if statement.type in columns else None


def _true_name(record: StoredRecord, template: StatementTemplate, entry: StoredEntry) -> str | None:
    """A name in the payload under which the statement opens the entry."""
    return next((name for name in _names_in(record) if opens(template, name, entry)), None)


def _names_in(record: StoredRecord) -> Iterator[str]:
    """Strings of a JSON payload that could be subjects, as they stand there."""
    if record.payload is None or len(record.payload) > _MOST_SEARCHED:
        return
    for token in record.payload.decode("utf-8", "replace").split('"')[1::2]:
        if ":" in token:
            yield token
