"""A document on its way in: bounded, not too slow, checked for what it is while it streams."""

import asyncio
import base64
import binascii
import re
from collections.abc import AsyncIterator, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request

from provenance.api.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    ContentCodingError,
    IncompleteBodyError,
    ParameterError,
)
from provenance.intake.documents.content import ContentCheck

IDLE_S: Final = 30
"""Seconds without a byte after which the sender is taken to be gone."""
LEAST_RATE: Final = 64 << 10
"""Bytes a second that a long upload keeps up, or it holds a place that others need."""

_DIGEST: Final = re.compile(r"(?:^|,)\s*sha-256\s*=\s*:([A-Za-z0-9+/=]*):\s*(?:;[^,]*)?(?:,|$)")


class Receiving:
    """The body of ``request``; ``media_type`` is what it was found to be, once it was read."""

    def __init__(
        self, request: Request, *, limit: int, seconds: Callable[[], float], check: ContentCheck
    ) -> None:
        self._request = request
        self._limit = limit
        self._seconds = seconds
        self._check = check
        self.media_type = ""

    def check_headers(self) -> None:
        """Refuse what its headers already rule out.

        Raises:
            ContentCodingError: it is compressed.
            BodyTooLargeError: it says that it is longer than the limit.

        """
        headers = self._request.headers
        if coding := headers.get("content-encoding", ""):
            raise ContentCodingError(coding)
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > self._limit:
            raise BodyTooLargeError(limit=self._limit)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Bytes as they come.

        Raises:
            BodyTooLargeError: it is longer than the limit, whatever Content-Length says.
            BodyTimeoutError: it takes too long.
            IncompleteBodyError: the client went away.
            DocumentError: it is not what is taken.

        """
        size = 0
        began = self._seconds()
        stream = self._request.stream()
        while True:
            chunk = await _next(stream)
            if chunk is None:
                break
            size += len(chunk)
            if size > self._limit:
                raise BodyTooLargeError(limit=self._limit)
            allowed = IDLE_S + size / LEAST_RATE
            if self._seconds() - began > allowed:
                raise BodyTimeoutError(seconds=int(allowed))
            if chunk:
                self._check.feed(chunk)
                yield chunk
        self.media_type = self._check.finish()


async def _next(stream: AsyncIterator[bytes]) -> bytes | None:
    try:
        async with asyncio.timeout(IDLE_S):
            return await anext(stream, None)
    except TimeoutError:
        raise BodyTimeoutError(seconds=IDLE_S) from None
    except ClientDisconnect:
        raise IncompleteBodyError("the connection was closed before the body's end") from None


def announced_digest(request: Request) -> bytes | None:
    """SHA-256 that the sender announced (Repr-Digest or Content-Digest, RFC 9530).

    Raises:
        ParameterError: it is none.

    """
    for name in ("Repr-Digest", "Content-Digest"):
        match = _DIGEST.search(request.headers.get(name, ""))
        if match is None:
            continue
        try:
            digest = base64.b64decode(match[1], validate=True)
        except binascii.Error:
            digest = b""
        if len(digest) != 32:
            raise ParameterError("is sha-256=:<base64 of 32 bytes>:", name=name)
        return digest
    return None


def declared_type(request: Request) -> str:
    """Content-Type without its parameters, in lower case."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
