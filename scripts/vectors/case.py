"""What a case looks like."""

from typing import Any

Case = dict[str, Any]


def shown(data: bytes) -> dict[str, str]:
    """Bytes as text where they are any, else as hex."""
    try:
        return {"input": data.decode()}
    except UnicodeDecodeError:
        return {"input_hex": data.hex()}


def good(name: str, data: bytes, **expected: Any) -> Case:
    """A case that is read, and what it must yield."""
    return {"name": name, **shown(data), "expect": expected}


def bad(name: str, data: bytes, error: str, **more: Any) -> Case:
    """A case that is refused, and the code of the error."""
    return {"name": name, **shown(data), **more, "expect": {"error": error}}


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    """``data`` with the one occurrence of ``old`` replaced."""
    assert data.count(old) == 1, (old, data.count(old))
    return data.replace(old, new)
