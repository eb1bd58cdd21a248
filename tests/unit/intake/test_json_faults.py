"""Where a refused JSON text goes wrong: the pointer of the value, or line and column."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.epcis_events import SUBMISSION, bare, document, envelope, object_event
from provenance.core.errors import (
    DuplicateMemberError,
    EncodingError,
    FormatError,
    JsonSyntaxError,
    NumberError,
    TooDeepError,
)
from provenance.intake.document import parse_document
from provenance.intake.errors import RefusedError, message_of
from provenance.intake.event import parse_event
from provenance.intake.jsonfaults import first_fault, syntax_error
from provenance.intake.strictjson import parse

FAULTS: dict[str, tuple[str, type[FormatError]]] = {
    "nul": ('"a\\u0000b"', EncodingError),
    "lone-high": ('"\\ud800"', EncodingError),
    "lone-low": ('"\\udc00\\ud800"', EncodingError),
    "too-large": ("1e400", NumberError),
    "too-small": ("-1e400", NumberError),
    "too-long": ("9" * 5000, NumberError),
    "deep": ("[" * 30 + "]" * 30, TooDeepError),
    "very-deep": ("[" * 5000, TooDeepError),
    "twice": ('{"a":1,"a":2}', DuplicateMemberError),
    "nan": ("NaN", JsonSyntaxError),
    "leading-zero": ("01", JsonSyntaxError),
    "control": ('"\t"', JsonSyntaxError),
    "escape": ('"\\x"', JsonSyntaxError),
}
BELOW = {
    "[" * 30 + "]" * 30: "/0" * 8,
    "[" * 5000: "/0" * 8,
    '{"a":1,"a":2}': "/a",
}
"""Where the fault lies below the value that has it, three levels down and at most eleven deep."""


def refusal(data: bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        parse(data, max_depth=11, max_values=1000)
    return caught.value


@pytest.mark.parametrize(("token", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_is_told_with_its_pointer(token: str, kind: type[FormatError]) -> None:
    data = f'{{"list": [true, {{"x": [1.50]}}, {{"a/b~c": {token}, "z": null}}], "y": "\\u00e4"}}'
    found = refusal(data.encode())
    assert type(found) is kind
    assert found.where == "/list/2/a~1b~0c" + BELOW.get(token, "")


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b'{"a":{"b\\u0000":1}}', "/a"),
        (b'{"a":{"\\ud800":1}}', "/a"),
        (b'{"a":[{"\xff":1}]}', "/a/0"),
        (b'[0,"\xff"]', "/1"),
        (b'{"a":1,"b":{"c":1,"\\u0063":1}}', "/b/c"),
        (b'{"":{"":"\\u0000"}}', "//"),
        (b'"\\u0000"', ""),
    ],
)
def test_a_bad_name_is_told_with_its_object_and_a_bad_text_with_its_place(
    data: bytes, where: str
) -> None:
    found = refusal(data)
    assert isinstance(found, EncodingError | DuplicateMemberError)
    assert found.where == where


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"", "line 1, column 1 (byte 0)"),
        (b'{"a":1', "line 1, column 7 (byte 6)"),
        (b'{"a":1,}', "line 1, column 8 (byte 7)"),
        (b'{"a" 1}', "line 1, column 6 (byte 5)"),
        (b"[1 2]", "line 1, column 4 (byte 3)"),
        (b"[1,]", "line 1, column 4 (byte 3)"),
        (b'{"a":}', "line 1, column 6 (byte 5)"),
        (b"{1:2}", "line 1, column 2 (byte 1)"),
        (b"{} x", "line 1, column 4 (byte 3)"),
        (b'{\n "\xc3\xa4\xc3\xb6": "x" "y"\n}', "line 2, column 12 (byte 15)"),
        (b'{\n\n "a": "without end}', "line 3, column 7 (byte 9)"),
    ],
)
def test_broken_structure_is_told_with_line_column_and_byte(data: bytes, place: str) -> None:
    found = refusal(data)
    assert type(found) is JsonSyntaxError
    assert found.where == ""
    assert str(found).endswith(f"at {place}")


def test_a_number_out_of_range_is_told_with_the_range() -> None:
    found = refusal(b'{"value": 1e400}')
    assert message_of(found) == (
        "1e400 is out of range; a number lies between -1.798e+308 and 1.798e+308, "
        "what a double holds"
    )


def test_a_number_of_too_many_digits_is_told_with_how_many_it_may_have() -> None:
    found = refusal(b'{"value": ' + b"9" * 5000 + b"}")
    assert message_of(found).endswith("has 5000 characters; a number has at most 40")


def test_a_text_without_fault_has_none_and_a_long_one_is_not_searched_to_its_end() -> None:
    text = b'[1, {"a": [], "b": {}, "c": "\\u00e4", "d": false}, "\xc3\xa4", -0.5e-3, null]'
    assert first_fault(text, max_depth=3, max_values=20) is None
    assert first_fault(b"[" + b"0," * 50 + b"NaN]", max_depth=3, max_values=50) is None


def test_a_column_counts_characters_and_a_byte_bytes() -> None:
    raw = "ä€😀\nä€😀?".encode()
    assert str(syntax_error(raw, "odd", raw.index(b"?"))).endswith("line 2, column 4 (byte 19)")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab~/ä\n\\", max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a~/ä", max_size=2), inner),
    max_leaves=10,
)


def pointers(value: Any, at: str = "") -> list[str]:
    found = [at]
    if isinstance(value, dict):
        for name, member in value.items():
            found += pointers(member, f"{at}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            found += pointers(item, f"{at}/{index}")
    return found


def with_fault(value: Any, at: str, pointer: str, token: str) -> str:
    """``value`` as JSON with ``token`` in the place of what stands at ``pointer``."""
    if at == pointer:
        return token
    if isinstance(value, dict):
        members = (
            f"{json.dumps(name)}: "
            + with_fault(
                member, f"{at}/{name.replace('~', '~0').replace('/', '~1')}", pointer, token
            )
            for name, member in value.items()
        )
        return f"{{{', '.join(members)}}}"
    if isinstance(value, list):
        items = (with_fault(item, f"{at}/{i}", pointer, token) for i, item in enumerate(value))
        return f"[{', '.join(items)}]"
    return json.dumps(value)


@given(VALUES, st.data(), st.sampled_from(['"\\u0000"', '"\\udfff"', "1e999", "Infinity"]))
def test_wherever_a_fault_is_its_pointer_leads_there(
    value: Any, data: st.DataObject, token: str
) -> None:
    pointer = data.draw(st.sampled_from(pointers(value)))
    found = first_fault(
        with_fault(value, "", pointer, token).encode(), max_depth=99, max_values=999
    )
    assert found is not None
    assert found.where == pointer


def errors_of(data: bytes) -> dict[str, FormatError]:
    with pytest.raises(RefusedError) as caught:
        parse_document(data, submission=SUBMISSION).require_valid()
    return {error.where: error for error in caught.value.errors}


@pytest.mark.parametrize(("token", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_an_event_is_told_with_its_place_in_the_document(
    token: str, kind: type[FormatError]
) -> None:
    bad = {**object_event(), "ex:note": {"deep": "FAULT"}}
    data = document(object_event(), bad).replace(b'"FAULT"', token.encode())
    ((where, error),) = errors_of(data).items()
    assert type(error) is kind
    assert where.startswith("/epcisBody/eventList/1/ex:note/deep")


@pytest.mark.parametrize(("token", "kind"), FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_of_the_envelope_is_told_with_its_place(
    token: str, kind: type[FormatError]
) -> None:
    data = document(object_event(), sender="FAULT").replace(b'"FAULT"', token.encode())
    ((where, error),) = errors_of(data).items()
    assert type(error) is kind
    assert where.startswith("/sender")


def test_a_list_of_events_named_twice_is_told() -> None:
    text = json.dumps(envelope(object_event()))
    at = text.index('"eventList"')
    assert list(errors_of(f'{text[:at]}"eventList": [], {text[at:]}'.encode())) == [
        "/epcisBody/eventList"
    ]


def test_broken_structure_of_a_document_counts_lines_of_the_document() -> None:
    data = json.dumps(envelope(object_event()), indent=1).encode()
    line = data[: data.rindex(b'"epcList"')].count(b"\n") + 1
    broken = data.replace(b'"epcList":', b'"epcList"')
    ((where, error),) = errors_of(broken).items()
    assert where == ""
    assert f"expected ':' at line {line}, column " in str(error)


@pytest.mark.parametrize("cut", [b"", b"}", b"]"])
def test_a_document_too_large_to_be_searched_is_told_with_the_byte(cut: bytes) -> None:
    data = document(object_event(), **{"ex:a": list(range(60_000))})
    broken = data[: data.rindex(b"59999") + 5] + cut
    ((where, error),) = errors_of(broken).items()
    assert type(error) is JsonSyntaxError
    assert where == ""
    assert re.search(r"\(byte \d{6}\)", str(error))


def test_a_fault_of_a_bare_event_is_told_with_its_pointer() -> None:
    data = bare({**object_event(), "ex:weight": "FAULT"})
    with pytest.raises(RefusedError) as caught:
        parse_event(data.replace(b'"FAULT"', b"1e400"), submission=SUBMISSION)
    assert [error.where for error in caught.value.errors] == ["/ex:weight"]


def test_an_integer_beyond_64_bits_is_told_with_the_range() -> None:
    data = bare({**object_event(), "ex:weight": 2**63})
    with pytest.raises(RefusedError) as caught:
        parse_event(data, submission=SUBMISSION)
    (error,) = caught.value.errors
    assert str(error) == (
        "/ex:weight: 9223372036854775808 is out of range; a number lies between "
        "-9223372036854775807 and 9223372036854775807, what 64 bits hold"
    )
