"""Hostile inputs of the largest size are refused, or read, in time that grows with their size.

Each of these took minutes or gigabytes in a reader that does the obvious thing; the time-out is far
above what a slow machine needs.
"""

import tracemalloc

import pytest

from fixtures.small_log import PARCEL, SmallLog
from provenance.core.errors import FormatError, TooDeepError, TooLargeError
from provenance.core.fields import MAX_PAYLOAD, MAX_TOKEN, flatten
from provenance.core.jcs import Limits, canonicalize, parse
from provenance.core.notes import MAX_NOTE_BYTES, open_note, sign_note, split_note
from provenance.core.receipt import MAX_RECEIPT_BYTES, Receipt
from provenance.core.statement import MAX_REFS, Statement

pytestmark = pytest.mark.timeout(30)
SIZE = 1 << 20


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"[" * 40 + b'"' + b'\\"' * (SIZE // 2), id="a string that does not end"),
        pytest.param(b"[" * 40 + b'"\\' * (SIZE // 2), id="strings that do not end"),
        pytest.param(b"[" * SIZE, id="only openings"),
        pytest.param(b"[" + b"[]," * (SIZE // 3), id="openings side by side"),
        pytest.param(b"9" * SIZE, id="a number of a million digits"),
        pytest.param(b"-" * SIZE, id="signs"),
        pytest.param(b'{"a":1,' * (SIZE // 7), id="objects without an end"),
        pytest.param(b'{"%s":[%s1.5]}' % (b"a" * (SIZE // 2), b"1," * (SIZE // 8)), id="long name"),
    ],
)
def test_hostile_json_is_refused_in_linear_time(data: bytes) -> None:
    with pytest.raises(FormatError):
        parse(data, limits=Limits(max_bytes=2 * SIZE))
    with pytest.raises(FormatError):
        flatten(data)


def test_a_long_name_over_many_items_is_read_in_linear_time() -> None:
    value = {"a" * (SIZE // 2): [1] * (SIZE // 8)}
    assert parse(canonicalize(value)) == value


def test_brackets_in_strings_are_no_nesting() -> None:
    for text in (b'"' + b"[{" * 40 + b'"', b'["\\"' + b"[" * 40 + b'","]"]'):
        parse(text)
        flatten(text)


def test_a_receipt_over_its_bound_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        Receipt.decode(b" " * (MAX_RECEIPT_BYTES + 1))


def test_more_values_than_a_receipt_may_have_are_refused_before_they_are_made() -> None:
    data = b'{"ext":{"a":[%b0]}}' % (b"[]," * (MAX_RECEIPT_BYTES // 3 - 8))
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            Receipt.decode(data)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


def test_commas_and_brackets_in_strings_are_no_values() -> None:
    text = b'["' + b",[{" * 100 + b'\\",",1]'
    assert len(parse(text, limits=Limits(max_values=2))) == 2
    with pytest.raises(TooLargeError):
        parse(text, limits=Limits(max_values=1))


def test_a_note_over_its_bound_is_refused_unread() -> None:
    with pytest.raises(TooLargeError):
        split_note("\u2014" * (MAX_NOTE_BYTES // 3 + 1))


def test_a_note_with_sixteen_post_quantum_signatures_is_read() -> None:
    """C2SP signed-note asks for sixteen, and mentions that they can have nearly 5 kB."""
    log = SmallLog().fill(1)
    note = log.checkpoint(1) + 15 * f"\u2014 witness.example/w {'A' * 6_668}\n"
    assert open_note(note, [log.signers[0].verifier()]).text == split_note(note).text


def test_a_payload_over_its_bounds_has_no_fields() -> None:
    for payload in (
        b'"' + b"a" * MAX_PAYLOAD + b'"',
        b'"' + b"a" * MAX_TOKEN + b'"',
        b"[" + b"1," * 65_536 + b"1]",
        b'{"%s":[1]}' % (b"a" * 2_046),
    ):
        with pytest.raises(TooLargeError):
            flatten(payload)
    assert len(flatten(b"[" + b"1," * 65_535 + b"1]")) == 65_536


@pytest.mark.parametrize("inner", [b"[1]", b'{"b":1}', b"1", b'["\\n"]'], ids=repr)
def test_a_long_name_over_many_fields_is_refused_before_it_is_repeated(inner: bytes) -> None:
    """Every pointer below would repeat the name: 16 gigabytes."""
    items = b",".join([inner] * 30_000)
    payload = b'{"%s":[%s]}' % (b"a" * 600_000, items)
    tracemalloc.start()
    try:
        with pytest.raises(TooLargeError):
            flatten(payload)
        assert tracemalloc.get_traced_memory()[1] < 100 << 20
    finally:
        tracemalloc.stop()


def test_depth_is_bounded_the_same_however_deep_the_caller_is() -> None:
    flatten(b"[" * 32 + b"]" * 32)
    with pytest.raises(TooDeepError):
        flatten(b"[" * 33 + b"]" * 33)


def test_a_statement_with_too_many_references_is_refused() -> None:
    value = SmallLog().fill(1, PARCEL).records[0].statement.to_json()
    value["refs"] = [{"rel": "erases", "leaf": "00" * 32}] * (MAX_REFS + 1)
    with pytest.raises(TooLargeError):
        Statement.from_json(value)


@pytest.mark.parametrize("value", [b"abc", bytearray(b"a"), {1, 2}, range(3), {1: 2}], ids=repr)
def test_what_json_does_not_have_is_not_written(value: object) -> None:
    with pytest.raises(FormatError):
        canonicalize(value)


def test_a_note_that_holds_half_a_surrogate_is_refused() -> None:
    log = SmallLog().fill(1)
    with pytest.raises(FormatError):
        open_note("\ud800" + sign_note("x\n", log.signers), [log.signers[0].verifier()])
