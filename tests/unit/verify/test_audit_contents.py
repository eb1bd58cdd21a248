"""Statements, payloads and subjects of one record, row against row."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from provenance.core.digests import LeafHash, Salt, sha256
from provenance.core.errors import JsonSyntaxError
from provenance.core.statement import (
    Ref,
    Statement,
    StatementTemplate,
    payload_commitment,
    statement_commitment,
)
from provenance.verify.audit.contents import (
    RecordFindings,
    StoredEntry,
    StoredRecord,
    check_record,
)
from provenance.verify.audit.expected import DERIVED, AuditedPayload, DerivedColumns, ExpectedRecord

ONE, TWO, THREE = ("urn:example:1", "urn:example:2", "urn:example:3")
PAYLOAD = b'["urn:example:1","urn:example:2"]'
COLUMNS = DerivedColumns(event_id="urn:example:event", event_type="ObjectEvent", dedup_key=b"k")
PAYLOAD_SALT = Salt(b"\7" * 32)


def statement(**changes: object) -> Statement:
    made = Statement(
        kind="event",
        subject=ONE,
        submitter="a",
        media_type="application/json",
        payload=payload_commitment(PAYLOAD, salt=PAYLOAD_SALT),
        payload_size=len(PAYLOAD),
        occurred_at=5,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def rows(*subjects: str, said: Statement | None = None) -> tuple[StoredRecord, list[StoredEntry]]:
    """A record and its entries, as the writer would have left them."""
    said = said or statement()
    template = StatementTemplate.of(said)
    entries = [
        StoredEntry(
            index=10 + at,
            record_first=10,
            trail_first=at,
            subject=subject,
            salt=sha256(b"salt %d" % at),
            commitment=statement_commitment(
                template.for_subject(subject), salt=Salt(sha256(b"salt %d" % at))
            ),
            leaf_hash=sha256(b"leaf %d" % at),
            sound=True,
        )
        for at, subject in enumerate(subjects)
    ]
    record = StoredRecord(
        first_index=10,
        count=len(subjects),
        kind=said.kind,
        submitter="a",
        media_type="application/json",
        statement_head=template.head,
        statement_tail=template.tail,
        payload_salt=PAYLOAD_SALT,
        fields_salt=None,
        payload=PAYLOAD,
        context_sha256=None,
        context=None,
        event_time=said.occurred_at,
        corrects=None,
        supersedes=None,
        describes=None,
        derived=COLUMNS,
    )
    return record, entries


def named(audited: AuditedPayload) -> ExpectedRecord:
    """The strings of a payload as its subjects."""
    return ExpectedRecord(tuple(audited.payload.decode().split('"')[1::2]), COLUMNS)


def found(record: StoredRecord, entries: Sequence[StoredEntry]) -> list[str]:
    return [object_ for object_, _ in check_record(record, entries, expected_of=named).wrong]


def test_a_record_that_is_in_order() -> None:
    result = check_record(*rows(ONE, TWO), expected_of=named)
    assert result == RecordFindings(
        first_index=10, refers={"corrects": (), "supersedes": (), "describes": ()}
    )


def test_a_subject_that_has_no_entry_is_named() -> None:
    record, entries = rows(ONE)
    result = check_record(record, entries, expected_of=named)
    assert result.wrong == [("record 10", f"has no entry for {TWO}, which its payload names")]


def test_an_entry_for_a_subject_that_the_payload_does_not_name_is_a_decoy() -> None:
    assert found(*rows(ONE, TWO, THREE)) == ["entry 12"]


def test_a_missing_entry_is_no_second_finding() -> None:
    record, entries = rows(ONE, TWO)
    assert found(record, entries[:1]) == []


def test_an_entry_that_is_not_sound_is_no_second_finding() -> None:
    record, entries = rows(ONE, TWO)
    altered = replace(entries[1], commitment=bytes(32), sound=False)
    assert found(record, [entries[0], altered]) == []


def test_an_entry_that_is_filed_elsewhere_is_named() -> None:
    record, entries = rows(ONE, TWO)
    assert found(record, [entries[0], replace(entries[1], record_first=3)]) == ["entry 11"]


@pytest.mark.parametrize(
    ("column", "value"),
    [("kind", "document"), ("submitter", "b"), ("media_type", "x"), ("event_time", 6)],
)
def test_a_column_that_says_something_else_is_named(column: str, value: object) -> None:
    record, entries = rows(ONE, TWO)
    altered = replace(record, **{column: value})  # type: ignore[arg-type]
    assert found(altered, entries) == [f"{column} of record 10"]


@pytest.mark.parametrize("context", [None, b"other"])
def test_a_context_that_is_not_the_one_of_the_statement_is_named(context: bytes | None) -> None:
    digest = sha256(b"context")
    record, entries = rows(ONE, TWO, said=statement(context_sha256=digest))
    good = replace(record, context_sha256=digest, context=b"context")
    assert found(good, entries) == []
    assert found(replace(good, context=context), entries) == [f"context {digest.hex()}"]
    assert found(replace(good, context_sha256=None), entries) == ["context of record 10"]


def test_what_erasure_destroyed_is_told_apart_from_what_is_wrong() -> None:
    record, entries = rows(ONE, TWO)
    for erased in (
        replace(record, statement_head=None, statement_tail=None),
        replace(record, payload=None),
        replace(record, payload_salt=None),
    ):
        result = check_record(erased, entries, expected_of=named)
        assert result.wrong == []
        assert [entry.index for entry in result.closed] == [10, 11]
    salts = [entries[0], replace(entries[1], salt=None)]
    result = check_record(record, salts, expected_of=None)
    assert [entry.index for entry in result.closed] == [11]


def test_an_erasure_says_what_it_erases() -> None:
    refs = (
        Ref(rel="erases", leaf=LeafHash(bytes(32))),
        Ref(rel="relies_on", leaf=LeafHash(bytes(32))),
    )
    record, entries = rows(ONE, said=statement(kind="erasure", refs=refs))
    assert check_record(record, entries, expected_of=None).erased == (bytes(32),)


def test_a_malformed_statement_that_was_committed_to_is_the_operators_doing() -> None:
    record, entries = rows(ONE)
    assert record.statement_tail is not None
    template = StatementTemplate(record.statement_head or b"", record.statement_tail + b" ")
    salt = Salt(entries[0].salt or b"")
    committed = statement_commitment(template.for_subject(ONE), salt=salt)
    odd = replace(record, statement_tail=template.tail)
    assert found(odd, [replace(entries[0], commitment=committed)]) == ["statement of record 10"]


def test_a_payload_whose_subjects_cannot_be_read_is_named() -> None:
    def refuse(_: AuditedPayload) -> None:
        raise JsonSyntaxError("not JSON")

    result = check_record(*rows(ONE, TWO), expected_of=refuse)
    assert result.wrong == [
        ("payload of record 10", "names no subjects that could be read: not JSON")
    ]


def test_a_kind_without_a_rule_is_not_asked_for_subjects() -> None:
    record, entries = rows(THREE)
    other = replace(record, derived=DerivedColumns(dedup_key=b"k", content_mac=b"m"))
    assert check_record(other, entries, expected_of=lambda _: None).wrong == []


def test_a_kind_without_a_rule_is_not_searched_by_anything() -> None:
    record, entries = rows(THREE)
    other = replace(record, derived=DerivedColumns(biz_step="shipping"))
    objects = [
        object_ for object_, _ in check_record(other, entries, expected_of=lambda _: None).wrong
    ]
    assert objects == ["biz_step of record 10"]


@pytest.mark.parametrize("column", DERIVED)
def test_a_column_that_does_not_follow_from_the_payload_is_named(column: str) -> None:
    record, entries = rows(ONE, TWO)
    value = b"x" if column in ("dedup_key", "content_mac") else "x"
    columns = replace(COLUMNS, content_mac=b"m")
    altered = replace(record, derived=replace(columns, **{column: value}))  # type: ignore[arg-type]
    result = check_record(
        altered, entries, expected_of=lambda _: ExpectedRecord((ONE, TWO), columns)
    )
    assert [object_ for object_, _ in result.wrong] == [f"{column} of record 10"]


def test_a_correction_says_what_it_corrects() -> None:
    refs = (Ref(rel="corrects", leaf=LeafHash(bytes(32))),)
    record, entries = rows(ONE, TWO, said=statement(refs=refs))
    assert check_record(record, entries, expected_of=None).refers == {
        "corrects": (bytes(32),),
        "supersedes": (),
        "describes": (),
    }
