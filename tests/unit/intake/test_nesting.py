"""Depth is bounded before anything recursive reads the bytes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.core.errors import TooDeepError
from provenance.intake.nesting import require_shallow

DEEP = 100_000


@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b"[" * DEEP + b"]" * DEEP,
        b"[" * DEEP + b"x" + b"]" * DEEP,
        b"[" * DEEP + b'"' + b"]" * DEEP,
        b'{"a":' * DEEP + b"1" + b"}" * DEEP,
        b'[{"a":' * DEEP + b"1" + b"}]" * DEEP,
        b'["]",' * DEEP + b"1" + b"]" * DEEP,
        b'["]]\\"]]",' * DEEP + b"1" + b"]" * DEEP,
        b'["\\\\",' * DEEP + b"1" + b"]" * DEEP,
        b'["]\\\\\\"]","]",' * DEEP + b"1" + b"]" * DEEP,
        b"[]," * DEEP + b"[" * 200,
    ],
)
def test_deep_nesting_is_refused_however_it_hides(data: bytes) -> None:
    with pytest.raises(TooDeepError):
        require_shallow(data)


@pytest.mark.parametrize(
    "data",
    [
        json.dumps(["[[[[{{{{" * 100, '\\"[' * 100, "]" * 1000] * 50).encode(),
        json.dumps([{"a": [[]], "b": {"c": "]"}}] * 5000).encode(),
        b"[" * 64 + b"]" * 64,
        b"]" * DEEP,
        b'"' + b"[" * DEEP + b'"',
    ],
)
def test_brackets_in_strings_and_in_rows_are_no_nesting(data: bytes) -> None:
    require_shallow(data)


TEXTS = st.text('[]{}"\\/a', max_size=6)
SHALLOW = st.recursive(
    TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=60,
)


@given(SHALLOW)
def test_shallow_json_passes_whatever_its_strings_say(value: object) -> None:
    require_shallow(json.dumps([value] * 100).encode())


@given(st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=8))
def test_depth_is_found_whatever_the_strings_say(levels: list[tuple[str, bool]]) -> None:
    opened = b"".join(
        (b"{" + json.dumps(text).encode() + b":")
        if is_object
        else b"[" + json.dumps(text).encode() + b","
        for text, is_object in levels
    )
    with pytest.raises(TooDeepError):
        require_shallow(opened * 200)
