"""The published JSON Schemas say what core reads, as far as a schema can."""

import copy
import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from fixtures.small_log import PARCEL, SmallLog
from provenance.core import entry, fields, notes, receipt, statement, trustfile
from provenance.core.errors import FormatError
from provenance.core.jcs import MAX_INTEGER, canonicalize
from provenance.core.trustfile import Successor

VECTORS = Path(__file__).parents[2] / "vectors"
TEXT_ERRORS = {
    *("not-json", "not-canonical", "duplicate-member", "bad-encoding"),
    *("bad-note", "bad-base64"),
}
"""Defects of the JSON text or inside a note, which no schema sees."""
RELATIONS_BETWEEN_MEMBERS = {
    *("a later anchor that is earlier", "one log twice", "its own successor"),
}


def schema(name: str) -> Any:
    path = files("provenance.core").joinpath("schemas", f"{name}-v1.schema.json")
    return json.loads(path.read_text(encoding="utf-8"))


RECEIPT, TRUST = schema("receipt"), schema("trustfile")
VALIDATORS = {"receipt": Draft202012Validator(RECEIPT), "trust": Draft202012Validator(TRUST)}


def is_valid(name: str, value: Any) -> bool:
    return VALIDATORS[name].is_valid(value)


def vectors() -> Iterator[Any]:
    for name in ("receipt", "trust"):
        value = json.loads((VECTORS / f"{name}.json").read_bytes())
        for case in value["cases"] if name == "receipt" else value:
            error = case["expect"].get("error", "")
            if error not in TEXT_ERRORS and case["name"] not in RELATIONS_BETWEEN_MEMBERS:
                yield pytest.param(name, case["input"], error, id=f"{name}: {case['name']}")


@pytest.mark.parametrize("value", [RECEIPT, TRUST], ids=["receipt", "trust"])
def test_the_schemas_are_schemas(value: Any) -> None:
    Draft202012Validator.check_schema(value)


@pytest.mark.parametrize(("name", "text", "error"), list(vectors()))
def test_a_schema_accepts_what_core_reads_and_refuses_what_it_refuses(
    name: str, text: str, error: str
) -> None:
    assert is_valid(name, json.loads(text)) == (not error)


def test_members_are_those_of_core() -> None:
    defined = RECEIPT["$defs"]
    assert set(RECEIPT["properties"]) == set(receipt._MEMBERS)
    assert set(defined["anchor"]["properties"]) == set(receipt._ANCHOR_MEMBERS)
    assert set(defined["entry"]["properties"]) == set(entry._MEMBERS)
    assert set(defined["statement"]["required"]) == set(statement._REQUIRED)
    assert set(defined["statement"]["properties"]) == {*statement._REQUIRED, *statement._OPTIONAL}
    assert set(TRUST["$defs"]["log"]["properties"]) == set(trustfile._LOG_MEMBERS)


def test_bounds_are_those_of_core() -> None:
    defined, log = RECEIPT["$defs"], TRUST["$defs"]["log"]["properties"]
    shown, said = defined["field"]["properties"], defined["statement"]["properties"]
    assert {
        "path": RECEIPT["properties"]["path"]["maxItems"],
        "later": RECEIPT["properties"]["later"]["maxItems"],
        "fields": RECEIPT["properties"]["fields"]["maxItems"],
        "pointer": shown["pointer"]["maxLength"],
        "token": shown["token"]["maxLength"],
        "field path": shown["path"]["maxItems"],
        "subject": said["subject"]["maxLength"],
        "refs": said["refs"]["maxItems"],
        "text": defined["printable"]["maxLength"],
        "integer": defined["count"]["maximum"],
        "keys": log["keys"]["maxItems"],
        "vkey": log["keys"]["items"]["maxLength"],
        "origin": TRUST["$defs"]["origin"]["maxLength"],
        "operator": TRUST["properties"]["operator"]["maxLength"],
        "logs": TRUST["properties"]["logs"]["maxItems"],
    } == {
        "path": receipt.MAX_PATH,
        "later": receipt.MAX_LATER,
        "fields": fields.MAX_DISCLOSED,
        "pointer": fields.MAX_POINTER,
        "token": fields.MAX_TOKEN,
        "field path": fields.MAX_FIELD_PATH,
        "subject": statement.MAX_SUBJECT,
        "refs": statement.MAX_REFS,
        "text": statement.MAX_TEXT,
        "integer": MAX_INTEGER,
        "keys": trustfile.MAX_KEYS,
        "vkey": notes.MAX_ORIGIN + 64,
        "origin": notes.MAX_ORIGIN,
        "operator": trustfile.MAX_OPERATOR,
        "logs": trustfile.MAX_LOGS,
    }
    assert tuple(said["kind"]["enum"]) == statement.KINDS
    assert tuple(said["refs"]["items"]["properties"]["rel"]["enum"]) == statement.RELATIONS
    assert tuple(RECEIPT["properties"]["state"]["enum"]) == receipt.STATES


def full_values() -> dict[str, Any]:
    log = SmallLog().fill(6, PARCEL)
    log.anchor(4)
    log.anchor(6)
    made = log.receipt(2, pointers=["/number"], later=[6], ext={"a": [{"b": True}]})
    successor = Successor("log.example/2", 6)
    return {
        "receipt": made.to_json(),
        "trust": json.loads(log.trust(local=True, successor=successor).encode()),
    }


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all members and items."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield (*path, key)
        if isinstance(inner, dict | list) and key != "ext":
            yield from places(inner, (*path, key))


REPLACEMENTS = [None, True, 0, -1, MAX_INTEGER + 1, "", "A" * 64, [], {"a": 1}]


@pytest.mark.parametrize("name", ["receipt", "trust"])
def test_schema_and_core_agree_whatever_a_member_is_replaced_by(name: str) -> None:
    """For each member: left out, and replaced by values of all types."""
    value = full_values()[name]
    read = receipt.Receipt.decode if name == "receipt" else trustfile.TrustFile.decode
    for path in places(value):
        for replacement in [KeyError, *REPLACEMENTS]:
            changed = copy.deepcopy(value)
            container = changed
            for step in path[:-1]:
                container = container[step]
            if replacement is KeyError:
                del container[path[-1]]
            else:
                container[path[-1]] = replacement
            error = error_of(lambda: read(canonicalize(changed)))  # noqa: B023  # called at once
            if error not in TEXT_ERRORS:
                assert is_valid(name, changed) == (not error), (path, replacement, error)


def error_of(read: Callable[[], object]) -> str:
    try:
        read()
    except FormatError as error:
        return error.code
    return ""
