"""Page tokens: where a page ended, tied to the query that it is a page of."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from provenance.api.errors import ParameterError
from provenance.core.digests import sha256

TOKEN: Final = "nextPageToken"  # noqa: S105 - the name of a parameter
"""The standard's name of the query parameter."""

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8,200}")
_decode: Final = msgspec.json.Decoder(tuple[str, list[int]]).decode


def page_token(position: Sequence[int], *, query: str) -> str:
    """Token of the page after ``position`` in the results of ``query``."""
    raw = msgspec.json.encode((_mark(query), list(position)))
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def read_token(token: str, *, query: str, length: int) -> list[int]:
    """Return the position of a token.

    Raises:
        ParameterError: it is not one of this query's.

    """
    if _TOKEN.fullmatch(token):
        try:
            raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
            mark, position = _decode(raw)
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            mark, position = "", []
        in_range = all(-(2**63) <= value < 2**63 for value in position)
        if mark == _mark(query) and len(position) == length and in_range:
            return position
    raise ParameterError(
        "is not a token of this query; start again without it, or repeat the query's parameters",
        name=TOKEN,
    )


def _mark(query: str) -> str:
    return sha256(query.encode())[:6].hex()
