"""Strict reading of payloads: what two readers could understand differently is refused."""

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    FormatError,
    JsonSyntaxError,
    NumberError,
    TooDeepError,
    TooLargeError,
)
from provenance.intake.strictjson import parse


def read(data: bytes) -> object:
    return parse(data, max_depth=8, max_values=1000)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", JsonSyntaxError),
        (b"{", JsonSyntaxError),
        (b"{} x", JsonSyntaxError),
        (b'{"a":NaN}', JsonSyntaxError),
        (b'{"a":01}', JsonSyntaxError),
        (b'{"a":"\x01"}', JsonSyntaxError),
        (b'\xef\xbb\xbf{"a":1}', EncodingError),
        (b'{"a":"\xff"}', EncodingError),
        (b'{"\xff":1}', EncodingError),
        (b'{"a":"\xed\xa0\x80"}', EncodingError),
        (b'{"a":"\\ud800"}', EncodingError),
        (b'{"a":"\\ud800\\u0041"}', EncodingError),
        (b'{"a":"\\udc00\\ud800"}', EncodingError),
        (b'{"a":"\\u0000"}', EncodingError),
        (b'{"a\\u0000":1}', EncodingError),
        (b'{"a":"\\\\\\u0000"}', EncodingError),
        (b'{"a":1,"a":2}', DuplicateMemberError),
        (b'{"a":1,"a":1}', DuplicateMemberError),
        (b'{"a":1,"\\u0061":2}', DuplicateMemberError),
        (b'[{"b":{"a":1.50,"a":2}}]', DuplicateMemberError),
        (b' { "a" : 1 , "a" : 2 } ', DuplicateMemberError),
        (b'{"a":1e999}', NumberError),
        (b'{"a":' + b"9" * 5000 + b"}", NumberError),
        (b'{"a":0.' + b"1" * 60 + b"}", NumberError),
        (b"[" * 9 + b"]" * 9, TooDeepError),
        (b"[" * 100_000, TooDeepError),
        (b"[" * 100_000 + b"]" * 100_000, TooDeepError),
        (b"[" + b"0," * 1000 + b"0]", TooLargeError),
    ],
)
def test_ambiguous_or_oversized_json_is_refused(data: bytes, error: type[FormatError]) -> None:
    with pytest.raises(error):
        read(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1.50,"b":1E5,"c":-0,"d":null}',
        b' { "a" : [ 1 , 2.0 ] }\n',
        '{"ä":"ö","\\u00e4x":"\\ud83d\\ude00"}'.encode(),
        b'{"a":"\\\\u0000","b":"\\/"}',
        b'{"a":{"a":{"a":1}},"b":{"a":1}}',
        b"[" * 8 + b"]" * 8,
        b'{"a":18446744073709551616}',
        b"3",
    ],
)
def test_unusual_but_unambiguous_json_is_read(data: bytes) -> None:
    assert read(data) == json.loads(data)


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("ab\u00e4", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_whatever_the_spelling_the_value_is_the_same(
    value: object, indent: int | None, ascii_only: bool
) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode()
    try:
        read(data)
    except (TooDeepError, NumberError):
        return
    assert msgspec.json.encode(read(data)) == msgspec.json.encode(msgspec.json.decode(data))


@given(VALUES, VALUES, st.text("ab", max_size=2), st.sampled_from(["", " ", "\n  "]))
def test_a_member_named_twice_is_always_refused(
    first: object, second: object, name: str, space: str
) -> None:
    member = json.dumps(name)
    data = f"{{{member}:{json.dumps(first)},{space}{member}{space}:{json.dumps(second)}}}"
    with pytest.raises(FormatError):
        read(data.encode())


@given(st.binary(max_size=60))
def test_bytes_are_read_or_refused_and_never_crash(data: bytes) -> None:
    try:
        value = read(data)
    except FormatError:
        return
    assert value == json.loads(data)
