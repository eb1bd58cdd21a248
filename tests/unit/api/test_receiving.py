"""A document on its way in: bounds of size and time, and the hash that was announced."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.requests import Request

from fixtures.documents import PDF
from provenance.api.documents.ranges import wanted_range
from provenance.api.documents.receiving import (
    IDLE_S,
    LEAST_RATE,
    Receiving,
    announced_digest,
    declared_type,
)
from provenance.api.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    ContentCodingError,
    IncompleteBodyError,
    ParameterError,
    RangeError,
)
from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.errors import TruncatedDocumentError

DIGEST = base64.b64encode(bytes(range(32))).decode()


def request(*pieces: bytes, ends: bool = True, **headers: str) -> Request:
    """A request whose body comes in ``pieces``; without ``ends`` its sender goes away."""
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": piece, "more_body": True} for piece in pieces
    ]
    messages.append({"type": "http.request"} if ends else {"type": "http.disconnect"})

    async def receive() -> dict[str, Any]:
        return messages.pop(0)

    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "headers": raw}, receive)


def receiving(
    asked: Request, *, limit: int = 1 << 20, clock: Iterator[float] | None = None
) -> Receiving:
    times = iter(lambda: 0.0, None) if clock is None else clock
    return Receiving(asked, limit=limit, seconds=lambda: next(times), check=ContentCheck())


async def read(one: Receiving) -> bytes:
    return b"".join([chunk async for chunk in one.chunks()])


async def test_a_body_is_what_came_and_its_kind_is_known_at_its_end() -> None:
    one = receiving(request(PDF[:3], b"", PDF[3:]))
    assert await read(one) == PDF
    assert one.media_type == "application/pdf"


async def test_a_body_above_its_bound_is_not_read_to_its_end() -> None:
    one = receiving(request(PDF, PDF, ends=False), limit=len(PDF) + 1)
    with pytest.raises(BodyTooLargeError):
        await read(one)


@pytest.mark.parametrize(
    ("headers", "error"),
    [
        ({"content_length": "1048577"}, BodyTooLargeError),
        ({"content_length": "9" * 40}, BodyTooLargeError),
        ({"content_encoding": "gzip"}, ContentCodingError),
    ],
)
def test_headers_that_rule_it_out_are_enough(
    headers: dict[str, str], error: type[Exception]
) -> None:
    with pytest.raises(error):
        receiving(request(**headers)).check_headers()


async def test_a_sender_who_goes_away_is_told_apart_from_the_end() -> None:
    with pytest.raises(IncompleteBodyError):
        await read(receiving(request(PDF, ends=False)))


async def test_a_body_that_is_cut_off_is_refused() -> None:
    with pytest.raises(TruncatedDocumentError):
        await read(receiving(request(PDF[:-8])))


async def test_a_body_that_drips_is_given_up() -> None:
    slow = iter([0.0, IDLE_S + 1.0, IDLE_S + 3.0])
    with pytest.raises(BodyTimeoutError):
        await read(receiving(request(b"%PDF-", bytes(LEAST_RATE), b"\n"), clock=slow))


async def test_a_body_that_keeps_up_may_take_long() -> None:
    page = b"%" + b"x" * (10 * LEAST_RATE - 2) + b"\n"
    steady = iter([0.0, 1.0, IDLE_S + 9.0, IDLE_S + 19.0, IDLE_S + 19.5, IDLE_S + 20.0])
    head, end = PDF.split(b"1 0 obj")
    data = (head, page, page, b"1 0 obj" + end)
    assert len(await read(receiving(request(*data), limit=1 << 30, clock=steady))) > 20 * LEAST_RATE


@pytest.mark.parametrize(
    "headers",
    [
        {"repr_digest": f"sha-256=:{DIGEST}:"},
        {"content_digest": f"sha-512=:AAAA:, sha-256=:{DIGEST}:"},
        {"repr_digest": f"sha-256=:{DIGEST}:;a=1, md5=:AAAA:"},
    ],
)
def test_an_announced_hash_is_read(headers: dict[str, str]) -> None:
    assert announced_digest(request(**headers)) == bytes(range(32))


@pytest.mark.parametrize("headers", [{}, {"repr_digest": "sha-512=:AAAA:"}])
def test_a_hash_of_another_kind_is_ignored(headers: dict[str, str]) -> None:
    assert announced_digest(request(**headers)) is None


@pytest.mark.parametrize("value", ["sha-256=:AAAA:", "sha-256=::", f"sha-256=:{DIGEST[:-1]}:"])
def test_a_hash_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ParameterError):
        announced_digest(request(repr_digest=value))


def test_parameters_of_a_content_type_are_left_aside() -> None:
    assert declared_type(request(content_type="Text/CSV; charset=utf-8")) == "text/csv"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", None),
        ("bytes=0-4", (0, 5)),
        ("bytes=5-", (5, 10)),
        ("bytes=-3", (7, 10)),
        ("bytes=-30", (0, 10)),
        ("bytes=9-9", (9, 10)),
        ("bytes=0-99", (0, 10)),
        ("bytes=4-3", None),
        ("bytes=0-1,3-4", None),
        ("lines=0-1", None),
        ("bytes=a-b", None),
    ],
)
def test_a_range_is_read(value: str, expected: tuple[int, int] | None) -> None:
    assert wanted_range(request(range=value), size=10, etag='"e"') == expected


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=11-12", "bytes=-0"])
def test_a_range_outside_is_refused(value: str) -> None:
    with pytest.raises(RangeError):
        wanted_range(request(range=value), size=10, etag='"e"')
