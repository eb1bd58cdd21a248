"""Answers: bytes that are ready to be sent, with what caches need to know."""

from collections.abc import Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from provenance.core.digests import sha256

JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final = "application/octet-stream"

IMMUTABLE: Final = "public, max-age=31536000, immutable"
"""For what can never change: an anchored checkpoint, a tile of an anchored size."""
PRIVATE: Final = "private, no-store"
"""For what only the holder of a key may see."""

_encode = msgspec.json.Encoder().encode


def encode(value: object) -> bytes:
    """JSON bytes of structs, dicts and lists."""
    return _encode(value)


def json_answer(
    value: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with the JSON of ``value``, for this caller alone."""
    return Response(
        _encode(value),
        status_code=status,
        media_type=JSON,
        headers={"cache-control": PRIVATE, **(headers or {})},
    )


def bytes_answer(
    body: bytes, *, media_type: str = JSON, headers: Mapping[str, str] | None = None
) -> Response:
    """Answer with stored bytes exactly as they are, for this caller alone."""
    return Response(
        body, media_type=media_type, headers={"cache-control": PRIVATE, **(headers or {})}
    )


def public_answer(
    request: Request, body: bytes, *, media_type: str, cache_control: str = IMMUTABLE
) -> Response:
    """Answer that anybody may cache, with an ETag; 304 where the caller has it already."""
    etag = f'"{sha256(body)[:16].hex()}"'
    headers = {"cache-control": cache_control, "etag": etag}
    if etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)
