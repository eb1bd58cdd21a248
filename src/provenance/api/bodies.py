"""Request bodies, bounded while they stream in."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from provenance.api.errors import (
    BodyTimeoutError,
    BodyTooLargeError,
    ContentCodingError,
    IncompleteBodyError,
    MediaTypeError,
)
from provenance.core.errors import (
    EncodingError,
    FormatError,
    JsonSyntaxError,
    MissingMemberError,
    TooDeepError,
    UnknownMemberError,
    WrongTypeError,
)
from provenance.intake.choices import with_choices
from provenance.log.errors import OverloadedError

JSON_TYPES: Final = ("application/json", "application/ld+json")
"""Media types of JSON and JSON-LD; a charset other than UTF-8 does not exist for them."""

BODY_S: Final = 60
"""Seconds that a body may take: the largest one at 2 Mbit/s. A slow one holds memory."""
UNCOUNTED: Final = 64 << 10
"""Bytes up to which a body is not counted: as many as may be in flight fit into memory."""

T = TypeVar("T")


class Budget:
    """Memory for large bodies in flight; what does not fit is told to come back."""

    def __init__(self, total: int) -> None:
        self._free = total

    @contextmanager
    def hold(self) -> Iterator["Held"]:
        """Hold memory for one body until the request is answered."""
        held = Held(self)
        try:
            yield held
        finally:
            self._free += held.size

    def take(self, size: int) -> None:
        """Take ``size`` bytes.

        Raises:
            OverloadedError: there is not that much left.

        """
        if size > self._free:
            raise OverloadedError("too many large bodies are in flight", retry_after=1)
        self._free -= size


class Held:
    """What one request holds of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.size = 0

    def reach(self, size: int) -> None:
        """Hold ``size`` bytes in all."""
        if size > max(UNCOUNTED, self.size):
            self._budget.take(size - self.size)
            self.size = size


async def read_body(
    request: Request, *, limit: int, accepted: tuple[str, ...], held: Held | None = None
) -> bytes:
    """Return the body, reading at most ``limit`` bytes.

    Raises:
        MediaTypeError: it is of a type that is not in ``accepted``, or in another charset than
            UTF-8.
        ContentCodingError: it is compressed.
        BodyTooLargeError: it is longer, whatever Content-Length says.
        IncompleteBodyError: the client went away.
        BodyTimeoutError: it takes too long.
        OverloadedError: other bodies take up the memory.

    """
    headers = request.headers
    found = headers.get("content-type", "")
    if found.partition(";")[0].strip().lower() not in accepted or not _is_utf8(found):
        raise MediaTypeError(found, accepted=accepted)
    if coding := headers.get("content-encoding", ""):
        raise ContentCodingError(coding)
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise BodyTooLargeError(limit=limit)
    if held is not None and announced.isdecimal():
        held.reach(int(announced[:20]))
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise BodyTooLargeError(limit=limit)
                if held is not None:
                    held.reach(size)
                chunks.append(chunk)
    except TimeoutError:
        raise BodyTimeoutError(seconds=BODY_S) from None
    except ClientDisconnect:
        raise IncompleteBodyError("the connection was closed before the body's end") from None
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _is_utf8(media_type: str) -> bool:
    """Whether no other charset is named than the one in which everything is read."""
    parameters = (part.partition("=") for part in media_type.lower().split(";")[1:])
    return all(
        value.strip().strip('"') == "utf-8"
        for name, _, value in parameters
        if name.strip() == "charset"
    )


def decode_json(body: bytes, decoder: "msgspec.json.Decoder[T]") -> T:
    """Decode a small JSON request of ours.

    Raises:
        FormatError: not JSON, or not of the type; names the member.

    """
    try:
        return decoder.decode(body)
    except RecursionError:
        raise TooDeepError("JSON is nested too deeply") from None
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8") from None
    except msgspec.ValidationError as error:
        raise _located(str(error), decoder.type) from None
    except msgspec.DecodeError as error:
        raise JsonSyntaxError(f"not JSON: {error}") from None


_FAULT: Final = re.compile(
    r"(?:Object (?P<what>contains unknown|missing required) field `(?P<member>.*?)`|(?P<text>.*?))"
    r"(?: - at `\$(?P<path>[\w.\[\]]*)`)?",
    re.DOTALL,
)


def _located(message: str, kind: Any) -> FormatError:
    """msgspec writes ``… - at `$.items[0].payload``` where the fault is, and names members."""
    found = _FAULT.fullmatch(message)
    if found is None:
        return WrongTypeError(message)
    tokens = (found["path"] or "").replace("[", ".").replace("]", "").split(".")[1:]
    if found["member"] is not None:
        tokens.append(found["member"].replace("~", "~0").replace("/", "~1"))
    where = "".join(f"/{token}" for token in tokens)
    if found["what"] == "contains unknown":
        return UnknownMemberError("there is no such member; leave it out", where=where)
    if found["what"]:
        return MissingMemberError("is required", where=where)
    return WrongTypeError(with_choices(found["text"], kind, tokens), where=where)


def decoder(kind: type[Any]) -> "msgspec.json.Decoder[Any]":
    """Decoder of ``kind``, made once and used for every request."""
    return msgspec.json.Decoder(kind)
