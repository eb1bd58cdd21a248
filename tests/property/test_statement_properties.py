"""Statements and entries: what is committed to can be read again, and only from its own bytes."""

from dataclasses import fields
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fixtures.strategies import entries, hashes, mutated, statements, subjects
from provenance.core.digests import Salt
from provenance.core.entry import MAX_ENTRY_BYTES, Entry
from provenance.core.errors import FormatError
from provenance.core.jcs import canonicalize, parse_canonical
from provenance.core.statement import (
    Statement,
    StatementTemplate,
    payload_commitment,
    statement_commitment,
)
from provenance.core.tree import leaf_hash


@given(statements)
def test_a_statement_survives_the_round_trip(statement: Statement) -> None:
    assert Statement.from_json(parse_canonical(statement.encode())) == statement


@given(statements, subjects)
def test_a_template_fills_in_what_encoding_gives(statement: Statement, subject: str) -> None:
    template = StatementTemplate.of(statement)
    assert template.for_subject(statement.subject) == statement.encode()
    values = {field.name: getattr(statement, field.name) for field in fields(statement)}
    assert template.for_subject(subject) == Statement(**{**values, "subject": subject}).encode()


@given(statements, st.sampled_from([field.name for field in fields(Statement)]), st.data())
def test_a_statement_that_exists_can_be_read_again(
    statement: Statement, name: str, data: st.DataObject
) -> None:
    """Whatever a member is set to: refused at once, or readable for ever."""
    values: dict[str, Any] = {f.name: getattr(statement, f.name) for f in fields(statement)}
    kind = {
        int: st.integers(-(2**60), 2**60),
        str: st.text(max_size=20),
        bytes: st.binary(max_size=40),
    }.get(type(values[name]))
    if kind is None:
        return
    try:
        changed = Statement(**{**values, name: data.draw(kind)})
    except FormatError:
        return
    assert Statement.from_json(parse_canonical(changed.encode())) == changed


@given(st.binary(max_size=50), hashes, hashes, st.binary(max_size=50))
def test_commitments_differ_where_salt_or_content_do(
    one: bytes, salt: bytes, other_salt: bytes, other: bytes
) -> None:
    same = (one, salt) == (other, other_salt)
    for commit in (payload_commitment, statement_commitment):
        assert (commit(one, salt=Salt(salt)) == commit(other, salt=Salt(other_salt))) == same
    commitments: set[bytes] = {
        commit(one, salt=Salt(salt)) for commit in (payload_commitment, statement_commitment)
    }
    assert len(commitments) == 2


@given(entries)
def test_an_entry_survives_the_round_trip(entry: Entry) -> None:
    assert Entry.decode(entry.encode()) == entry
    assert len(entry.encode()) <= MAX_ENTRY_BYTES


@given(entries)
def test_the_fast_path_writes_what_the_canonicalizer_does(entry: Entry) -> None:
    assert entry.encode() == canonicalize(entry.to_json())
    assert entry.leaf_hash() == leaf_hash(entry.encode())


@given(entries.flatmap(lambda entry: mutated(entry.encode())))
def test_an_entry_is_read_from_its_own_bytes_only(data: bytes) -> None:
    try:
        entry = Entry.decode(data)
    except FormatError:
        return
    assert entry.encode() == data
