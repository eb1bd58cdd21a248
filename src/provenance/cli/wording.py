"""Words that several commands share: counts, and what is wrong with an address."""

from urllib.parse import urlsplit

import typer


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``: for nouns that take an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def web_address(value: str | None) -> str | None:
    """Take an option's value if it is an address that can be asked; it is wrong usage otherwise.

    The address is not repeated: the path of an RPC URL is often a secret.
    """
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        is_one = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_one = False
    if not is_one:
        raise typer.BadParameter("expected a URL that begins with http:// or https://")
    return value
