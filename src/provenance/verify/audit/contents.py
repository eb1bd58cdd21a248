"""Whether a record's statement and payload are what its entries commit to.

Rules: statement, subject and salt open each entry's commitment; the payload opens the statement's;
the context and the fields are the statement's; what the database says of a record besides is what
the statement says; the record has an entry for each subject that its payload names, and no other.
Pure: rows come in, findings go out.
"""

from collections.abc import Sequence
from typing import Final

from provenance.core.digests import LeafHash, Salt, sha256
from provenance.core.errors import FormatError
from provenance.core.fields import fields_root
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement, StatementTemplate, payload_commitment
from provenance.verify.audit.blame import blame_all, blame_payload, blame_some, opens
from provenance.verify.audit.expected import (
    DERIVED,
    AuditedPayload,
    DerivedColumns,
    ExpectedOf,
    ExpectedRecord,
)
from provenance.verify.audit.rows import (
    RecordFindings,
    SealedExpectation,
    StoredEntry,
    StoredRecord,
)

ERASES: Final = "erases"
REFERRING: Final = {"corrects": "corrects", "supersedes": "supersedes", "describes": "relies_on"}
"""Columns that hold the first index of another record, and how a statement refers to its entries."""
DESCRIBED_BY: Final = "document"
"""Kind of which a record that relies on another describes it."""
NO_CONTEXT: Final = "is missing, or its bytes have another hash"
"""What is said of a context that is named by its hash but is not there."""
_EVENT: Final = "event"
_ERASURE: Final = "erasure"
_KEYED: Final = ("dedup_key", "content_mac")


def check_record(
    record: StoredRecord,
    entries: Sequence[StoredEntry],
    *,
    expected_of: ExpectedOf | None,
) -> RecordFindings:
    """Check one record against its entries, as many as are there."""
    found = RecordFindings(record.first_index)
    for entry in entries:
        if entry.record_first != record.first_index:
            found.add(f"entry {entry.index}", f"is filed under record {entry.record_first}")
    sound = [entry for entry in entries if entry.sound]
    if record.statement_head is None or record.statement_tail is None:
        found.closed, found.gone = sound, "statement"
        if record.payload is not None and entries and all(one.salt is None for one in entries):
            found.of_record("payload", "is still there, but nothing else of the record is")
        return found
    found.closed = [entry for entry in sound if entry.salt is None]
    opened = _open_entries(record, [entry for entry in sound if entry.salt is not None], found)
    if opened is None:
        return found
    statement, names = opened
    found.refers = _refers(statement)
    if statement.kind == _ERASURE:
        found.erased = tuple(ref.leaf for ref in statement.refs if ref.rel == ERASES)
    _check_columns(record, statement, found)
    has_context = _check_context(record, statement, found)
    has_payload = _check_payload(record, statement, sound, expected_of, found)
    if has_payload and has_context and expected_of is not None:
        expected = _expected(record, statement, expected_of, found)
        if expected is not None:
            _check_subjects(record, entries, names, expected.subjects, found)
    return found


def _refers(statement: Statement) -> dict[str, tuple[LeafHash, ...]]:
    refers = {
        column: tuple(ref.leaf for ref in statement.refs if ref.rel == rel)
        for column, rel in REFERRING.items()
    }
    if statement.kind != DESCRIBED_BY:
        # An act of a case relies on what it is about, which it does not describe.
        refers["describes"] = ()
    return refers


def _open_entries(
    record: StoredRecord, entries: Sequence[StoredEntry], found: RecordFindings
) -> tuple[Statement, set[str]] | None:
    """The statement and the subjects whose entries it opened; None where it opened none."""
    assert record.statement_head is not None
    assert record.statement_tail is not None
    template = StatementTemplate(head=record.statement_head, tail=record.statement_tail)
    names: set[str] = set()
    failed: list[StoredEntry] = []
    for entry in entries:
        if entry.subject is not None and opens(template, entry.subject, entry):
            names.add(entry.subject)
        else:
            failed.append(entry)
    if not names:
        if failed:
            blame_all(record, template, failed, found)
        return None
    blame_some(record, template, failed, found)
    try:
        data = template.for_subject(min(names))
        statement = Statement.from_json(parse_canonical(data))
    except FormatError as error:
        found.of_record("statement", f"was committed to, but is malformed: {error}")
        return None
    return statement, names


def _check_columns(record: StoredRecord, statement: Statement, found: RecordFindings) -> None:
    columns: tuple[tuple[str, object, object], ...] = (
        ("kind", record.kind, statement.kind),
        ("submitter", record.submitter, statement.submitter),
        ("media_type", record.media_type, statement.media_type),
    )
    # Other kinds may have a time without being searched by it.
    if record.event_time is not None or statement.kind == _EVENT:
        columns += (("event_time", record.event_time, statement.occurred_at),)
    if statement.kind in {DESCRIBED_BY, _ERASURE}:
        columns += _searched(record, statement)
        for name in _KEYED:
            if getattr(record.derived, name) is None:
                found.of_record(name, "is missing, and the record was not erased")
    for name, stored, stated in columns:
        if stored != stated:
            found.of_record(name, f"is {stored!r} in the table and {stated!r} in the statement")


def _searched(record: StoredRecord, statement: Statement) -> tuple[tuple[str, object, object], ...]:
    """What documents and erasures are searched by, which is not in their payload.

    An erasure has its ground as its type; its order's id stands in no statement.
    """
    is_erasure = statement.kind == _ERASURE
    stated = {"event_type": statement.type} if is_erasure else {}
    left = {*_KEYED, "event_id"} if is_erasure else {*_KEYED}
    return tuple(
        (name, getattr(record.derived, name), stated.get(name))
        for name in DERIVED
        if name not in left
    )


def _check_context(record: StoredRecord, statement: Statement, found: RecordFindings) -> bool:
    """Whether the context is the statement's; one that is not itself is named for all records."""
    digest = statement.context_sha256
    if digest != record.context_sha256:
        found.of_record("context", "is not the one that the statement names")
        return False
    if digest is not None and (record.context is None or sha256(record.context) != digest):
        found.add(f"context {digest.hex()}", NO_CONTEXT)
        return False
    return True


def _check_payload(
    record: StoredRecord,
    statement: Statement,
    sound: Sequence[StoredEntry],
    expected_of: ExpectedOf | None,
    found: RecordFindings,
) -> bool:
    """Whether the payload is here and is the recorded one."""
    payload, salt = record.payload, record.payload_salt
    in_row = record.sealed is not None and record.sealed.path is None
    if record.sealed_in_part or (record.sealed is not None and not in_row and payload is not None):
        found.of_record("sealed columns", "are set in part, or beside a payload in the row")
        if payload is None:
            return False
    elif record.sealed is not None:
        found.sealed = SealedExpectation(record.sealed, statement.payload, statement.payload_size)
        return False
    if payload is None or salt is None:
        closed = {entry.index for entry in found.closed}
        found.closed += [entry for entry in sound if entry.index not in closed]
        found.gone = "payload" if payload is None else "payload_salt"
        return False
    if payload_commitment(payload, salt=Salt(salt)) != statement.payload:
        blame_payload(record, statement, expected_of, found)
        return False
    if len(payload) != statement.payload_size:
        found.of_record("payload", "has another size than the statement says")
    if statement.fields_root is not None and not _fields_open(record, statement):
        found.of_record("fields", "do not lead to the statement's fields_root")
    if statement.fields_root is None and record.fields_salt is not None:
        found.of_record("fields_salt", "is set, but its statement has no fields")
    return True


def _fields_open(record: StoredRecord, statement: Statement) -> bool:
    if record.fields_salt is None or record.payload is None:
        return False
    try:
        return (
            fields_root(record.payload, fields_salt=Salt(record.fields_salt))
            == statement.fields_root
        )
    except FormatError:
        return False


def _expected(
    record: StoredRecord, statement: Statement, expected_of: ExpectedOf, found: RecordFindings
) -> ExpectedRecord | None:
    """What follows from the payload, its columns compared with the row's."""
    assert record.payload is not None
    try:
        expected = expected_of(
            AuditedPayload(
                kind=statement.kind,
                submitter=statement.submitter,
                media_type=statement.media_type,
                payload=record.payload,
                context=record.context,
            )
        )
    except FormatError as error:
        found.of_record("payload", f"names no subjects that could be read: {error}")
        return None
    _check_derived(record, expected or ExpectedRecord(subjects=(), columns=DerivedColumns()), found)
    return expected


def _check_derived(record: StoredRecord, expected: ExpectedRecord, found: RecordFindings) -> None:
    for name in DERIVED:
        if name in expected.unknown:
            continue
        stored, derived = getattr(record.derived, name), getattr(expected.columns, name)
        if name in _KEYED:
            if derived is not None and stored != derived:
                found.of_record(name, "is not that of its payload")
        elif stored != derived:
            found.of_record(name, f"is {stored!r} in the table and {derived!r} in the payload")


def _check_subjects(
    record: StoredRecord,
    entries: Sequence[StoredEntry],
    names: set[str],
    named: Sequence[str],
    found: RecordFindings,
) -> None:
    for entry in entries:
        if entry.subject in names and entry.subject not in named:
            found.add(
                f"entry {entry.index}", f"is about {entry.subject}, which its payload does not name"
            )
    # An entry that is missing or altered is a finding of its own.
    whole = len(entries) == record.count and all(
        entry.sound and entry.subject in names for entry in entries
    )
    for name in named if whole else ():
        if name not in names:
            found.add(
                f"record {record.first_index}", f"has no entry for {name}, which its payload names"
            )
