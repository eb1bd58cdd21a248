"""Where in a TOML text a member stands: the parser of the standard library does not keep lines.

Good enough for files of the form of ``claims.toml``: tables, arrays of tables and keys at the
beginning of a line, inline tables of an array one to a line. What can't be found has the line of
what it stands in.
"""

import re
from collections.abc import Sequence
from typing import Final

Path = tuple[str | int, ...]

_TABLE: Final = re.compile(r"\s*\[(?!\[)([^\]]+)\]\s*(?:#.*)?")
_ARRAY: Final = re.compile(r"\s*\[\[([^\]]+)\]\]\s*(?:#.*)?")
_KEY: Final = re.compile(
    r"\s*((?:[A-Za-z0-9_-]+|\"[^\"]*\")(?:\s*\.\s*(?:[A-Za-z0-9_-]+|\"[^\"]*\"))*)\s*="
)
_ITEM: Final = re.compile(r"\s*\{")


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    """Line of the longest beginning of ``path`` that stands in ``text``, counted from 1."""
    places = _places(text)
    for length in range(len(path), 0, -1):
        found = places.get(tuple(path[:length]))
        if found is not None:
            return found
    return None


def _places(text: str) -> dict[Path, int]:
    places: dict[Path, int] = {}
    counts: dict[Path, int] = {}
    table: Path = ()
    listed: Path = ()
    for number, line in enumerate(text.splitlines(), 1):
        if (found := _ARRAY.fullmatch(line)) is not None:
            name = _split(found[1])
            counts[name] = counts.get(name, -1) + 1
            table = (*name, counts[name])
            places[table] = number
        elif (found := _TABLE.fullmatch(line)) is not None:
            table = _split(found[1])
            places[table] = number
        elif (found := _KEY.match(line)) is not None:
            listed = (*table, *_split(found[1]))
            counts[listed] = -1
            places[listed] = number
        elif _ITEM.match(line) is not None and listed:
            counts[listed] += 1
            places[(*listed, counts[listed])] = number
    return places


def _split(name: str) -> Path:
    return tuple(
        part.strip().strip('"') for part in re.split(r"\.(?=(?:[^\"]*\"[^\"]*\")*[^\"]*$)", name)
    )
