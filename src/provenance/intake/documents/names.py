"""File names, which travel with a document and end in somebody's download folder."""

import re
import unicodedata
from typing import Final

from provenance.core.errors import BadValueError, TooLargeError

MAX_NAME: Final = 200
"""Characters; file systems take 255 bytes, and most names are ASCII."""

_SEPARATOR: Final = re.compile(r"[/\\]")
_SPACES: Final = " \u00a0\u202f\u3000"
"""Spaces that people type: plain, no-break (French), narrow no-break, and of full width."""
_DEVICE: Final = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)


def check_filename(name: str, *, where: str = "filename") -> str:
    """Return ``name`` in its composed form (NFC) if it can be the name of a file anywhere.

    Raises:
        TooLargeError: it is too long.
        BadValueError: it is a path, or holds what is not shown, or means something to a system.

    """
    name = unicodedata.normalize("NFC", name)
    if len(name) > MAX_NAME:
        raise TooLargeError(f"has more than {MAX_NAME} characters; shorten it", where=where)
    if any(_is_unseen(one) for one in name):
        raise BadValueError("holds a character that is not shown; remove it", where=where)
    if not name.strip(". ") or name != name.strip() or _SEPARATOR.search(name):
        raise BadValueError("is the name of a file, without a folder", where=where)
    if _DEVICE.fullmatch(name):
        raise BadValueError("is the name of a device; choose another", where=where)
    return name


def _is_unseen(character: str) -> bool:
    """Whether it is not shown, or moves what is: then a name may read as another one.

    That is Unicode's categories C (control, format, among them what turns the reading direction,
    unassigned) and of Z all but the space itself: separators of lines and paragraphs, and spaces
    of other widths.
    """
    category = unicodedata.category(character)
    return category[0] == "C" or (category[0] == "Z" and character not in _SPACES)
