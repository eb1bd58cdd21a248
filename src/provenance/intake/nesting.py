"""A bound on nesting that holds before anything recursive reads the bytes.

The decoder recurses in C, and where the interpreter's recursion limit has been raised (as some
libraries do) deep nesting ends the process. So depth is bounded first, with nothing but
searches and replacements that run at the speed of memory: what is not structure is dropped,
then pairs of brackets with nothing between them, level by level.
"""

from typing import Final

from provenance.core.errors import TooDeepError

_ROUNDS: Final = 32
_HARMLESS: Final = 64
"""Levels that any stack has room for; each round removes one or two levels."""
_NO_STRUCTURE: Final = bytes(set(range(256)) - set(b'"[]{}'))


def require_shallow(data: bytes) -> None:
    """Refuse JSON that is nested so deeply that reading it could exhaust the stack.

    At most ``2 * 64`` levels pass, well-formed or not; exact bounds are for later.

    Raises:
        TooDeepError: deeper.

    """
    if data.count(b"[") + data.count(b"{") <= _HARMLESS:
        return
    brackets = _brackets(data)
    for _ in range(_ROUNDS):
        if not brackets:
            return
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    if brackets.count(b"[") + brackets.count(b"{") > _HARMLESS:
        raise TooDeepError("JSON is nested too deeply; flatten it")


def _brackets(data: bytes) -> bytes:
    """Brackets of ``data`` outside strings."""
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Two quotes in a row are an empty string, or the border of two strings: dropping them moves
    # no bracket into a string or out of one.
    structure = data.translate(None, _NO_STRUCTURE).replace(b'""', b"")
    return b"".join(structure.split(b'"')[::2])
