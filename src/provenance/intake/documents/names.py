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
_RESERVED: Final = re.compile(r'[<>:"|?*]')
"""Characters that Windows keeps for itself: for drives, streams, patterns and the shell."""
_DEVICE: Final = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.IGNORECASE
)
"""Names of devices on Windows, whatever ending they have; raised digits count as digits."""
_BLANK: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
"""Letters and marks that are not shown: Default_Ignorable_Code_Point of Unicode, as far as it is not
in category C, and the blank of braille."""


def check_filename(name: str, *, where: str = "filename") -> str:
    """Return ``name`` in its composed form (NFC) if it can be that of a file on every usual system.

    That is Linux, macOS and Windows, whose rules are the narrowest.

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
    if _RESERVED.search(name) or name.endswith("."):
        raise BadValueError(
            'ends with a dot, or holds one of < > : " | ? *, which not every system takes; rename it',
            where=where,
        )
    if _DEVICE.fullmatch(name):
        raise BadValueError("is the name of a device; choose another", where=where)
    return name


def _is_unseen(character: str) -> bool:
    """Whether it is not shown, or moves what is: then a name may read as another one.

    That is blank letters, Unicode's categories C (control, format, among them what turns the
    reading direction, unassigned) and of Z all but the space itself: separators of lines and
    paragraphs, and spaces of other widths.
    """
    category = unicodedata.category(character)
    is_blank = category[0] == "C" or _BLANK.match(character) is not None
    return is_blank or (category[0] == "Z" and character not in _SPACES)
