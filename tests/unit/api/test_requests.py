"""Reading requests: parameters, page tokens, bodies."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from provenance.api.bodies import UNCOUNTED, Budget, decode_json, decoder, read_body
from provenance.api.errors import BodyTooLargeError, IncompleteBodyError, ParameterError
from provenance.api.keys.answers import KeyRequest
from provenance.api.paging import page_token, read_token
from provenance.api.parameters import Parameters
from provenance.api.problems import STATUSES, status_of
from provenance.api.verification.answers import VerificationRequest
from provenance.core.errors import (
    FormatError,
    MissingMemberError,
    ProvenanceError,
    UnknownMemberError,
    WrongTypeError,
)
from provenance.log.errors import OverloadedError

INT64 = st.integers(min_value=-(2**63), max_value=2**63 - 1)
JSON = ("application/json",)


def request(
    *, query: bytes = b"", chunks: Iterable[bytes] = (), headers: dict[str, str] | None = None
) -> Request:
    """A request whose client goes away after ``chunks`` unless the last one ends the body."""
    waiting = list(chunks)

    async def receive() -> dict[str, object]:
        if not waiting:
            return {"type": "http.disconnect"}
        body = waiting.pop(0)
        return {"type": "http.request", "body": body, "more_body": body != b""}

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "query_string": query,
        "headers": [
            (name.encode(), value.encode())
            for name, value in {"content-type": "application/json", **(headers or {})}.items()
        ],
    }
    return Request(scope, receive)


@given(position=st.lists(INT64, min_size=1, max_size=3), query=st.text(max_size=50))
def test_a_page_token_gives_its_position_back(position: list[int], query: str) -> None:
    token = page_token(position, query=query)
    assert read_token(token, query=query, length=len(position)) == position


@given(token=st.text(max_size=120), length=st.integers(min_value=1, max_value=3))
def test_a_made_up_token_is_refused_and_never_a_crash(token: str, length: int) -> None:
    with pytest.raises(ParameterError):
        read_token(token, query="q", length=length)


@given(position=st.lists(INT64, min_size=2, max_size=2), at=st.integers(0, 7))
def test_a_token_of_another_query_is_refused(position: list[int], at: int) -> None:
    token = page_token(position, query="mine")
    with pytest.raises(ParameterError):
        read_token(token, query=f"theirs {at}", length=2)


@given(query=st.binary(max_size=80))
def test_any_query_string_is_read_or_refused(query: bytes) -> None:
    try:
        found = Parameters.of(request(query=query), known=("a", "b"))
        found.text("a")
        found.items("b")
    except ParameterError:
        pass


def test_lists_may_be_repeated_or_separated() -> None:
    found = Parameters.of(request(query=b"a=1,2&a=3%7C4&a=1"), known=("a",))
    assert found.items("a") == ("1", "2", "3", "4")


async def test_a_body_is_put_together_from_its_chunks() -> None:
    body = await read_body(request(chunks=[b"ab", b"c", b""]), limit=3, accepted=JSON)
    assert body == b"abc"


async def test_a_body_is_refused_at_the_first_byte_too_many() -> None:
    with pytest.raises(BodyTooLargeError):
        await read_body(request(chunks=[b"ab", b"cd", b""]), limit=3, accepted=JSON)


async def test_an_announced_length_is_believed_only_when_it_is_too_much() -> None:
    headers = {"content-length": "4"}
    with pytest.raises(BodyTooLargeError):
        await read_body(request(headers=headers), limit=3, accepted=JSON)
    lying = request(chunks=[b"abcd", b""], headers={"content-length": "1"})
    with pytest.raises(BodyTooLargeError):
        await read_body(lying, limit=3, accepted=JSON)


async def test_a_client_that_goes_away_is_told_apart() -> None:
    with pytest.raises(IncompleteBodyError):
        await read_body(request(chunks=[b"ab"]), limit=3, accepted=JSON)


async def test_a_budget_is_given_back_whatever_happens() -> None:
    size = UNCOUNTED + 1
    budget = Budget(size)
    with budget.hold() as held, pytest.raises(IncompleteBodyError):
        await read_body(request(chunks=[b" " * size]), limit=size, accepted=JSON, held=held)
    with budget.hold() as held:
        held.reach(size)
        with pytest.raises(OverloadedError), budget.hold() as other:
            other.reach(size)
    with budget.hold() as held:
        held.reach(size)


def test_small_bodies_are_not_counted() -> None:
    budget = Budget(0)
    with budget.hold() as held:
        held.reach(UNCOUNTED)
        assert held.size == 0


@given(body=st.binary(max_size=60))
def test_any_small_request_is_decoded_or_refused(body: bytes) -> None:
    with pytest.raises(FormatError):
        decode_json(body, decoder(KeyRequest))


@pytest.mark.parametrize(
    ("changes", "kind", "where"),
    [
        ({"role": "king"}, WrongTypeError, "/role"),
        ({"expires": 1}, UnknownMemberError, "/expires"),
        ({"a/b~c": 1}, UnknownMemberError, "/a~1b~0c"),
        ({"label": None}, WrongTypeError, "/label"),
    ],
)
def test_a_wrong_member_is_named_by_its_pointer(
    changes: dict[str, object], kind: type[FormatError], where: str
) -> None:
    body = {"organisation": "a", "role": "carrier", "label": "b", **changes}
    with pytest.raises(kind) as caught:
        decode_json(json.dumps(body).encode(), decoder(KeyRequest))
    assert caught.value.where == where


def test_a_member_that_is_missing_is_named_by_its_pointer() -> None:
    with pytest.raises(MissingMemberError) as caught:
        decode_json(b'{"organisation":"a","label":"b"}', decoder(KeyRequest))
    assert caught.value.where == "/role"


def test_a_member_inside_of_a_list_is_named_by_its_pointer() -> None:
    with pytest.raises(UnknownMemberError) as caught:
        decode_json(b'{"receipts":[{"receipt":{},"odd":1}]}', decoder(VerificationRequest))
    assert caught.value.where == "/receipts/0/odd"


def _subclasses(kind: type[ProvenanceError]) -> Iterable[type[ProvenanceError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _subclasses(below)


def test_every_error_of_a_request_has_a_status_that_blames_the_caller() -> None:
    for kind in STATUSES:
        for below in (kind, *_subclasses(kind)):
            error = below.__new__(below)
            assert 400 <= status_of(error) < 500 or status_of(error) == 503, below
