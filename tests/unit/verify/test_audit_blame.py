"""What is blamed where a commitment binds several columns: the one that the others contradict."""

from dataclasses import replace

import pytest

from provenance.core.digests import Salt, sha256
from provenance.core.fields import fields_root
from provenance.core.statement import (
    Statement,
    StatementTemplate,
    payload_commitment,
    statement_commitment,
)
from provenance.verify.audit.contents import check_record
from provenance.verify.audit.expected import (
    AuditedPayload,
    DerivedColumns,
    ExpectedOf,
    ExpectedRecord,
)
from provenance.verify.audit.rows import StoredEntry, StoredRecord

SUBJECT = "urn:example:1"
PAYLOAD = b'{"id":"urn:example:1"}'
ALTERED = b'{"id":"urn:example:2"}'
PAYLOAD_SALT, FIELDS_SALT, SALT = Salt(b"\7" * 32), Salt(b"\6" * 32), Salt(b"\5" * 32)


def keyed(audited: AuditedPayload) -> ExpectedRecord:
    """A keyed hash of the payload among its columns."""
    return ExpectedRecord((SUBJECT,), DerivedColumns(content_mac=sha256(audited.payload)))


def silent(_: AuditedPayload) -> None:
    """No rule for this kind."""


def rows(*, fields: bool) -> tuple[StoredRecord, StoredEntry]:
    """A record about one subject, and its entry."""
    said = Statement(
        kind="document",
        subject=SUBJECT,
        submitter="a",
        media_type="application/json",
        payload=payload_commitment(PAYLOAD, salt=PAYLOAD_SALT),
        payload_size=len(PAYLOAD),
        fields_root=fields_root(PAYLOAD, fields_salt=FIELDS_SALT) if fields else None,
    )
    template = StatementTemplate.of(said)
    entry = StoredEntry(
        index=10,
        record_first=10,
        trail_first=4,
        subject=SUBJECT,
        salt=SALT,
        commitment=statement_commitment(template.for_subject(SUBJECT), salt=SALT),
        leaf_hash=bytes(32),
        sound=True,
    )
    record = StoredRecord(
        first_index=10,
        count=1,
        kind="document",
        submitter="a",
        media_type="application/json",
        statement_head=template.head,
        statement_tail=template.tail,
        payload_salt=PAYLOAD_SALT,
        fields_salt=FIELDS_SALT if fields else None,
        payload=PAYLOAD,
        context_sha256=None,
        context=None,
        event_time=None,
        corrects=None,
        supersedes=None,
        describes=None,
        derived=DerivedColumns(dedup_key=bytes(32), content_mac=sha256(PAYLOAD)),
    )
    return record, entry


def found(record: StoredRecord, entry: StoredEntry, rule: ExpectedOf | None = keyed) -> list[str]:
    result = check_record(record, [entry], expected_of=rule)
    return [object_ for object_, _ in result.wrong] + [item.object for item in result.unopened]


@pytest.mark.parametrize("rule", [keyed, silent, None])
@pytest.mark.parametrize("fields", [True, False])
def test_payload_and_its_salt_are_told_apart_where_a_mac_or_the_fields_tell(
    rule: ExpectedOf | None, *, fields: bool
) -> None:
    record, entry = rows(fields=fields)
    assert found(record, entry, rule) == []
    is_known = fields or rule is keyed
    either = ["payload or payload_salt of record 10"]
    salt = replace(record, payload_salt=bytes(32))
    assert found(salt, entry, rule) == (["payload_salt of record 10"] if is_known else either)
    payload = replace(record, payload=ALTERED)
    assert found(payload, entry, rule) == (["payload of record 10"] if is_known else either)


@pytest.mark.parametrize("rule", [silent, None])
def test_a_payload_of_another_size_is_not_taken_for_a_salt(rule: ExpectedOf | None) -> None:
    record, entry = rows(fields=False)
    longer = replace(record, payload=PAYLOAD + b" ")
    assert found(longer, entry, rule) == ["payload of record 10"]


@pytest.mark.parametrize("fields", [True, False])
def test_the_salt_of_an_only_entry_is_blamed_where_the_statement_is_what_its_row_says(
    *, fields: bool
) -> None:
    record, entry = rows(fields=fields)
    assert found(record, replace(entry, salt=bytes(32))) == ["entry 10"]


@pytest.mark.parametrize("part", ["statement_head", "statement_tail"])
def test_a_statement_that_its_row_contradicts_is_blamed_itself(part: str) -> None:
    record, entry = rows(fields=True)
    original: bytes = getattr(record, part)
    for at in range(len(original)):
        altered = bytearray(original)
        altered[at] ^= 1
        other = replace(record, **{part: bytes(altered)})  # type: ignore[arg-type]
        assert found(other, entry) == ["statement of record 10"]


def test_a_statement_without_a_payload_beside_it_is_not_held_to_be_sound() -> None:
    record, entry = rows(fields=False)
    erased = replace(record, payload=None, payload_salt=None)
    assert found(erased, replace(entry, salt=bytes(32))) == ["statement of record 10"]


def test_a_name_in_the_payload_that_opens_the_entry_shows_the_true_subject() -> None:
    record, entry = rows(fields=False)
    renamed = replace(entry, subject="urn:example:9")
    unopened = check_record(record, [renamed], expected_of=None).unopened
    assert [item.name for item in unopened] == [SUBJECT]


def two_entries(*, fields: bool) -> tuple[StoredRecord, list[StoredEntry]]:
    """A record about two subjects, and its entries with salts of their own."""
    record, entry = rows(fields=fields)
    assert record.statement_head is not None
    assert record.statement_tail is not None
    template = StatementTemplate(head=record.statement_head, tail=record.statement_tail)
    entries = []
    for at, subject in enumerate((SUBJECT, "urn:example:2")):
        salt = Salt(bytes([at]) * 32)
        commitment = statement_commitment(template.for_subject(subject), salt=salt)
        entries.append(
            replace(
                entry,
                index=10 + at,
                trail_first=4 + at,
                subject=subject,
                salt=salt,
                commitment=commitment,
            )
        )
    return replace(record, count=2), entries


def blamed(record: StoredRecord, entries: list[StoredEntry]) -> list[str]:
    result = check_record(record, entries, expected_of=None)
    return [object_ for object_, _ in result.wrong] + [item.object for item in result.unopened]


@pytest.mark.parametrize("fields", [True, False])
def test_each_salt_is_blamed_where_all_of_a_record_are_altered_or_swapped(*, fields: bool) -> None:
    record, entries = two_entries(fields=fields)
    assert blamed(record, entries) == []
    altered = [replace(entry, salt=bytes([9]) * 32) for entry in entries]
    assert blamed(record, altered) == ["entry 10", "entry 11"]
    first, second = entries
    swapped = [replace(first, salt=second.salt), replace(second, salt=first.salt)]
    assert blamed(record, swapped) == ["entry 10", "entry 11"]


def test_a_statement_of_two_entries_that_its_row_contradicts_is_blamed_once() -> None:
    record, entries = two_entries(fields=True)
    assert blamed(replace(record, submitter="b"), entries) == ["submitter of record 10"]
    assert record.statement_tail is not None
    tail = record.statement_tail.replace(b'"submitter":"a"', b'"submitter":"b"')
    assert tail != record.statement_tail
    other = replace(record, statement_tail=tail)
    assert blamed(other, entries) == ["statement of record 10"]
