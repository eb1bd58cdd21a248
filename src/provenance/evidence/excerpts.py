"""Long texts of people where one line has room for their beginning."""

from typing import Final

LONGEST: Final = 200
"""Characters: two lines of a terminal."""


def excerpt(text: str) -> str:
    """Return ``text`` on one line, or its first 200 characters and how many it has in all."""
    line = " ".join(text.split())
    if len(line) <= LONGEST:
        return line
    return f"{line[:LONGEST].rstrip()} ... (shortened, {len(text)} characters in all)"
