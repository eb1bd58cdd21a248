"""RLP (Ethereum yellow paper, appendix B), read strictly and by hand.

A verifier takes RLP from strangers: this reader bounds nesting, and refuses every spelling but
the canonical one. A property test compares it with the ``rlp`` package.
"""

from typing import Final, TypeAlias, cast

from provenance.verify.dossier.errors import RlpError

Item: TypeAlias = "bytes | list[Item]"
"""A string of bytes, or a list."""

MAX_DEPTH: Final = 8
"""Levels of lists: transactions with access lists need 4."""


def decode(data: bytes) -> Item:
    """Return the one item that ``data`` spells.

    Raises:
        RlpError: it spells none, or another spelling is the canonical one.

    """
    item, end = _item(data, 0, len(data), 0)
    if end != len(data):
        raise RlpError("bytes follow the RLP item")
    return item


def decode_list(data: bytes) -> list[Item]:
    """Return :func:`decode`, which must give a list."""
    item = decode(data)
    if isinstance(item, bytes):
        raise RlpError("expected an RLP list")
    return item


def encode_integer(value: int) -> bytes:
    """RLP of an unsigned integer, as the tries of a block use it for their keys."""
    if value == 0:
        return b"\x80"
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return data if value < 0x80 else bytes([0x80 + len(data)]) + data


def text(item: Item, *, what: str, size: int | None = None) -> bytes:
    """Return a string of bytes, of ``size`` where given; raises an RlpError."""
    if not isinstance(item, bytes) or (size is not None and len(item) != size):
        raise RlpError(f"{what} is not {'a string' if size is None else f'{size} bytes'}")
    return item


def sequence(item: Item, *, what: str) -> list[Item]:
    """Return a list; raises an RlpError."""
    if isinstance(item, bytes):
        raise RlpError(f"{what} is not a list")
    return item


def integer(item: Item, *, what: str) -> int:
    """Return an unsigned integer of at most 53 bits, spelled without leading zeros.

    Raises:
        RlpError: it is none.

    """
    data = text(item, what=what)
    if data[:1] == b"\x00" or len(data) > 7 or int.from_bytes(data, "big") >> 53:
        raise RlpError(f"{what} is not an integer of at most 53 bits")
    return int.from_bytes(data, "big")


def _item(data: bytes, at: int, end: int, depth: int) -> tuple[Item, int]:
    if at >= end:
        raise RlpError("the RLP is cut")
    first = data[at]
    if first < 0x80:
        return data[at : at + 1], at + 1
    is_list = first >= 0xC0
    start, stop = _payload(data, at, end, first - (0xC0 if is_list else 0x80))
    if not is_list:
        if stop - start == 1 and data[start] < 0x80:
            raise RlpError("a byte that stands for itself has a length before it")
        return data[start:stop], stop
    if depth == MAX_DEPTH:
        raise RlpError(f"RLP lists are nested deeper than {MAX_DEPTH} levels")
    items: list[Item] = []
    while start < stop:
        item, start = _item(data, start, stop, depth + 1)
        items.append(item)
    return cast("Item", items), stop


def _payload(data: bytes, at: int, end: int, kind: int) -> tuple[int, int]:
    """Where the payload begins and ends; ``kind`` is the first byte less its base."""
    if kind <= 55:
        start, length = at + 1, kind
    else:
        start = at + 1 + kind - 55
        digits = data[at + 1 : start]
        length = int.from_bytes(digits, "big")
        if start > end or digits[:1] == b"\x00" or length <= 55:
            raise RlpError("an RLP length is not spelled in the shortest way")
    if start + length > end:
        raise RlpError("the RLP is cut")
    return start, start + length
