"""What a member may be, where it is one of some texts: said to whoever wrote another one.

msgspec names the value that is none of them, and not those that are.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

FAULT = "Invalid enum value"
"""How msgspec begins to say that a text is none of a closed list."""


def with_choices(message: str, kind: Any, tokens: Sequence[str]) -> str:
    """Return msgspec's ``message`` with what is allowed at ``tokens`` of ``kind``."""
    if not message.startswith(FAULT):
        return message
    allowed = choices_at(kind, tokens)
    return f"{message}; it is one of {', '.join(allowed)}" if allowed else message


def choices_at(kind: Any, tokens: Sequence[str]) -> tuple[str, ...]:
    """Return the texts that may stand at ``tokens`` of ``kind``; none where any text may."""
    found = [msgspec.inspect.type_info(kind)]
    for token in tokens:
        found = [inner for one in found for inner in _inner(one, token)]
    literals = (plain for one in found for plain in _plain(one))
    return tuple(
        str(value)
        for one in literals
        if isinstance(one, msgspec.inspect.LiteralType)
        for value in one.values
    )


def _inner(kind: msgspec.inspect.Type, token: str) -> Iterator[msgspec.inspect.Type]:
    """Types that a member or item of ``kind`` may have."""
    for plain in _plain(kind):
        if isinstance(plain, msgspec.inspect.StructType):
            yield from (one.type for one in plain.fields if one.encode_name == token)
        elif isinstance(plain, msgspec.inspect.ListType | msgspec.inspect.VarTupleType):
            yield plain.item_type


def _plain(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    """``kind`` without its bounds, or each of several that it may be."""
    if isinstance(kind, msgspec.inspect.Metadata):
        yield from _plain(kind.type)
    elif isinstance(kind, msgspec.inspect.UnionType):
        for one in kind.types:
            yield from _plain(one)
    else:
        yield kind
