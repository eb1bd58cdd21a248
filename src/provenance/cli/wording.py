"""Words that several commands share: counts, what is wrong with an address, texts of others."""

import re
from urllib.parse import urlsplit

import typer


def counted(number: int, noun: str) -> str:
    """``1 file``, ``2 files``: for nouns that take an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_UNSEEN = re.compile(r"[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""Letters that show nothing, or change the order in which others are shown.

Controls, the marks, embeddings and isolates of bidirectional text, line and paragraph separators,
and what has no width. Joiners (U+200C, U+200D) are left: honest scripts need them.
"""


def visible(text: str) -> str:
    """Text with an escape in the place of each letter that nobody sees, as JSON may spell it too."""
    return _UNSEEN.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


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
