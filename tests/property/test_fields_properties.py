"""Selective disclosure against a slow, recursive reading of the same payload."""

import hmac
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.rfc9162 import mth
from fixtures.strategies import hostile_scraps, mutated
from provenance.core.digests import RootHash, Salt, hmac_sha256, keyed_sha256, sha256
from provenance.core.errors import DisclosureError, FormatError
from provenance.core.fields import (
    DisclosedField,
    Field,
    Step,
    disclose,
    fields_root,
    flatten,
    verify_disclosure,
)
from provenance.core.jcs import canonicalize
from provenance.core.payload import _LEXEME, _Scanner, spelled_fields

SALT = Salt(bytes(range(32)))

member_names = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6
)
payload_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(member_names, inner, max_size=4),
    max_leaves=25,
)
spellings = st.sampled_from(
    [{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (" ,\t", "\n: ")}]
)
payloads = st.builds(
    lambda value, how: json.dumps(value, **how).encode(), payload_values, spellings
)


class Token(str):
    """A number as it was spelled."""


def recursive_fields(value: Any, pointer: str = "") -> list[tuple[str, Any]]:
    """(pointer, value) of each scalar or empty container."""
    if isinstance(value, dict) and value:
        return [
            found
            for name, member in value.items()
            for found in recursive_fields(
                member, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"
            )
        ]
    if isinstance(value, list) and value:
        return [
            found
            for position, item in enumerate(value)
            for found in recursive_fields(item, f"{pointer}/{position}")
        ]
    return [(pointer, value)]


@given(payloads)
def test_flattening_finds_what_a_recursive_reading_finds(payload: bytes) -> None:
    value = json.loads(payload, parse_int=Token, parse_float=Token)
    expected = sorted(recursive_fields(value), key=lambda item: item[0].encode())
    fields = flatten(payload)
    assert [field.pointer for field in fields] == [pointer for pointer, _ in expected]
    for field, (_, scalar) in zip(fields, expected, strict=True):
        assert field.token in payload.decode() or field.token in {"{}", "[]"}
        if isinstance(scalar, Token):
            assert field.token == scalar
        else:
            assert json.loads(field.token) == scalar


@given(payloads.filter(lambda payload: b"\\" not in payload))
def test_the_short_reading_finds_what_the_lexemes_say(payload: bytes) -> None:
    lexemes = _Scanner(_LEXEME.findall(payload.decode())).scan()
    assert spelled_fields(payload) == sorted(lexemes)


@given(st.binary(max_size=200), st.binary(max_size=32), st.binary(max_size=200))
def test_both_keyed_hashes_are_that_of_the_standard_library(
    key: bytes, prefix: bytes, data: bytes
) -> None:
    expected = hmac.digest(key, prefix + data, "sha256")
    keyed = keyed_sha256(key, prefix)
    assert keyed(data) == keyed(data) == hmac_sha256(key, prefix + data) == expected


@given(payloads)
def test_the_root_is_that_of_the_specified_leaves(payload: bytes) -> None:
    leaves = []
    for field in flatten(payload):
        salt = hmac_sha256(SALT, b"field/v1\n" + field.pointer.encode()).hex()
        leaves.append(sha256(b"\x00" + canonicalize([field.pointer, salt, field.token])))
    assert fields_root(payload, fields_salt=SALT) == mth(leaves)


@given(payloads, st.data())
def test_what_is_disclosed_is_proven_and_nothing_else(payload: bytes, data: st.DataObject) -> None:
    pointers = [field.pointer for field in flatten(payload)]
    chosen = data.draw(st.lists(st.sampled_from(pointers), min_size=1))
    disclosed = disclose(payload, chosen, fields_salt=SALT)
    root = fields_root(payload, fields_salt=SALT)
    verify_disclosure(disclosed, root=root)
    assert [item.field.pointer for item in disclosed] == sorted(set(chosen), key=str.encode)

    item = data.draw(st.sampled_from(disclosed))
    changed = data.draw(st.sampled_from(changes(item)))
    with pytest.raises(DisclosureError):
        verify_disclosure([changed], root=root)


def changes(item: DisclosedField) -> list[DisclosedField]:
    """Every part of a disclosed field, changed."""
    other = bytes(32)
    paths = [item.path[:-1]] if item.path else []
    paths.append((*item.path, Step("left", other)))
    for at, step in enumerate(item.path):
        flipped = Step("right" if step.side == "left" else "left", step.hash)
        paths += [
            (*item.path[:at], changed, *item.path[at + 1 :])
            for changed in (flipped, Step(step.side, other))
        ]
    return [
        replace(item, field=Field(item.field.pointer + "x", item.field.token)),
        replace(item, field=Field(item.field.pointer, item.field.token + "0")),
        replace(item, salt=Salt(other)),
        *(replace(item, path=path) for path in paths),
    ]


@given(payloads.flatmap(mutated) | st.lists(hostile_scraps).map(b"".join))
def test_any_bytes_are_flattened_or_refused(payload: bytes) -> None:
    try:
        fields = flatten(payload)
    except FormatError:
        return
    pointers = [field.pointer for field in fields]
    assert pointers == sorted(set(pointers), key=str.encode)
    assert fields_root(payload, fields_salt=SALT) != RootHash(bytes(32))
    verify_disclosure(
        disclose(payload, pointers[:3], fields_salt=SALT),
        root=fields_root(payload, fields_salt=SALT),
    )
