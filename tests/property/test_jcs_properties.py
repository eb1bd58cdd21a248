"""Strict JSON: one value, one spelling, and nothing else is read."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.strategies import hostile_scraps, json_values, mutated
from provenance.core.errors import FormatError
from provenance.core.jcs import (
    MAX_INTEGER,
    Limits,
    canonicalize,
    check_depth,
    json_string,
    parse,
    parse_canonical,
)

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(json_values)
def test_what_was_written_is_read(value: object) -> None:
    assert parse_canonical(canonicalize(value)) == value


@given(json_values, st.integers(0, 4))
def test_other_spellings_are_read_as_the_same_value_but_are_not_canonical(
    value: object, indent: int
) -> None:
    spelled = json.dumps(value, indent=indent).encode()
    assert parse(spelled) == value
    if spelled != canonicalize(value):
        with pytest.raises(FormatError):
            parse_canonical(spelled)


@given(json_values.flatmap(lambda value: mutated(canonicalize(value))))
def test_what_is_accepted_as_canonical_is_exactly_what_is_written(data: bytes) -> None:
    try:
        value = parse_canonical(data)
    except FormatError:
        return
    assert canonicalize(value) == data


@given(st.binary(max_size=200) | st.lists(hostile_scraps).map(b"".join))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = parse(data)
    except FormatError:
        return
    assert parse_canonical(canonicalize(value)) == value


@given(any_json)
def test_any_json_value_is_written_readably_or_refused(value: object) -> None:
    try:
        data = canonicalize(value)
    except FormatError:
        return
    assert parse_canonical(data) == value


@given(st.integers(-(10**20), 10**20))
def test_integers_are_read_within_what_every_reader_holds(number: int) -> None:
    data = str(number).encode()
    if abs(number) <= MAX_INTEGER:
        assert parse_canonical(data) == number
    else:
        with pytest.raises(FormatError):
            parse(data)


@given(st.text())
def test_a_string_is_written_as_in_a_document(text: str) -> None:
    try:
        data = json_string(text)
    except FormatError:
        assert "\0" in text
        return
    assert data == canonicalize(text)
    assert json.loads(data) == text


@given(any_json, st.integers(0, 6))
def test_depth_is_counted_as_a_parser_nests(value: object, maximum: int) -> None:
    def depth(item: object) -> int:
        if isinstance(item, dict):
            return 1 + max(map(depth, item.values()), default=0)
        if isinstance(item, list):
            return 1 + max(map(depth, item), default=0)
        return 0

    text = json.dumps(value)
    if depth(value) <= maximum:
        check_depth(text, maximum=maximum)
    else:
        with pytest.raises(FormatError):
            check_depth(text, maximum=maximum)


@given(st.integers(0, 40))
def test_a_byte_over_the_bound_is_too_large(bound: int) -> None:
    data = b'"' + b"a" * bound + b'"'
    parse(data, limits=Limits(max_bytes=bound + 2))
    with pytest.raises(FormatError):
        parse(data, limits=Limits(max_bytes=bound + 1))
