"""Which letters a report shows as they are, and how long a text may be: pure, given the font.

Rules: a letter that the font does not have, that cannot be seen, or that would read differently
without a shaping engine (scripts that run from right to left, or whose letters change place) is
written as its escape, never dropped: a name must not read differently from what was recorded. What
is cut off says so.
"""

import unicodedata
from typing import Final

_SHAPED: Final = (
    (0x0590, 0x109F),  # Hebrew and Arabic to Myanmar
    (0x1700, 0x1C7F),  # the Philippines, Khmer, Mongolian to Ol Chiki
    (0xA800, 0xAAFF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFF),
    (0x1_0800, 0x1_1FFF),
    (0x1_E800, 0x1_EFFF),
)
"""Ranges of scripts that a line of letters, one after the other from the left, does not show."""
_PAGES: Final = "{nb}"
"""What the PDF library replaces by the number of pages, wherever it stands."""
_BRACED: Final = "\\x7bnb}"


class Letters:
    """The letters of a font; ``known`` are its code points, None of a standard Latin one."""

    def __init__(self, known: frozenset[int] | None) -> None:
        self._known = known

    def shown(self, text: str, *, longest: int, mark: str = "...", lines: bool = True) -> str:
        """Return ``text`` as it is shown, in at most ``longest`` letters, the mark included.

        Args:
            text: any string at all.
            longest: letters, counted with the escapes; more than the mark has.
            mark: ends what was cut.
            lines: whether line breaks stay; else they are spaces.

        """
        taken = unicodedata.normalize("NFC", text[: longest + 1])
        told = taken.replace("\r\n", "\n").replace("\r", "\n").replace(_PAGES, _BRACED)
        parts = [self._letter(letter) for letter in (told if lines else told.replace("\n", " "))]
        shown = "".join(parts)
        if len(text) <= longest and len(shown) <= longest:
            return shown
        room = longest - len(mark)
        kept: list[str] = []
        for part in parts:
            room -= len(part)
            if room < 0:
                break
            kept.append(part)
        return "".join(kept) + mark

    def _letter(self, letter: str) -> str:
        if letter == "\n" or self._has(letter):
            return letter
        if unicodedata.category(letter) == "Zs":
            return " "
        codec = "unicode_escape" if ord(letter) < 0x100 else "ascii"
        return letter.encode(codec, "backslashreplace").decode("ascii")

    def _has(self, letter: str) -> bool:
        code = ord(letter)
        if not letter.isprintable() or any(start <= code <= end for start, end in _SHAPED):
            return False
        if self._known is not None:
            return code in self._known
        return code < 0x7F or 0xA0 <= code < 0x100
