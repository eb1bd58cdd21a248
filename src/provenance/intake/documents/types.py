"""UNTDID 1001: the United Nations' codes of document types, with their names."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

MAX_FOUND: Final = 50
"""Types of one search; who sees more asks more precisely."""

_WORD: Final = re.compile(r"[^\W_]+")


class DocumentType(NamedTuple):
    """A code and its name."""

    code: str
    name: str


@cache
def document_types() -> Mapping[str, str]:
    """Return names by code, in the order of the codes."""
    text = (files(__package__) / "untdid1001.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in text.splitlines() if not line.startswith("#"))
    return dict((code, name) for code, name in rows)  # noqa: C402 - it unpacks, and so checks


@cache
def synonyms() -> Mapping[str, tuple[str, ...]]:
    """Return, for each word that people use, the words of the code list that mean it."""
    text = (files(__package__) / "synonyms.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if not line.startswith("#")]
    found: dict[str, tuple[str, ...]] = {}
    for word, meaning in rows:
        found[word] = (*found.get(word, ()), meaning)
    return found


def search_types(query: str, *, limit: int = MAX_FOUND) -> Sequence[DocumentType]:
    """Types whose code is ``query``, or whose name has words that begin with each of its words.

    A word stands for its :func:`synonyms` too: a photo is an image.
    """
    wanted = [word.lower() for word in _WORD.findall(query)]
    found = [
        DocumentType(code, name)
        for code, name in document_types().items()
        if code == query.strip() or (wanted and _names(name, wanted))
    ]
    # The code itself comes first, then names in which less stands besides.
    found.sort(key=lambda one: (one.code != query.strip(), len(one.name)))
    return found[:limit]


def _names(name: str, wanted: Sequence[str]) -> bool:
    words = [word.lower() for word in _WORD.findall(name)]

    def begins(one: str) -> bool:
        return any(word.startswith(one) for word in words)

    return all(
        begins(one) or any(all(map(begins, meaning.split())) for meaning in synonyms().get(one, ()))
        for one in wanted
    )
