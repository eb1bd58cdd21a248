"""A sheet of paper for reports: pages, text, tables and codes, in one font.

Rules: whatever text comes, it is set. A text is bounded in letters, a cell of a table in lines, and
so is a table; a cell that is longer than a part of a page goes on over the next ones. What was cut
off says where all of it is.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Final

import segno
from fpdf import FPDF, FontFace
from fpdf.enums import (
    CellBordersLayout,
    MethodReturnValue,
    TableBordersLayout,
    VAlign,
    XPos,
    YPos,
)
from fpdf.util import Padding

from provenance.evidence.dossier.letters import Letters

INK = (27, 36, 48)
SOFT = (85, 96, 110)
MARGIN: Final = 18.0
ENTRY: Final = "Entry"
"""Head of the column that names the entry which has all of what a row tells."""

_LINE = (213, 219, 227)
_HEAD = (238, 241, 245)
_TONES: Final = {
    "VALID": (15, 107, 60),
    "present": (15, 107, 60),
    "INVALID": (163, 23, 42),
    "missing": (163, 23, 42),
    "late": (163, 23, 42),
}
_DOUBT = (122, 77, 0)
_STATES: Final = frozenset({*_TONES, "UNKNOWN", "unverifiable"})
_QR_MM = 34.0
_LINE_MM: Final = 4.6
_CELL_SIZE: Final = 8.5
_HEADING_MM: Final = 12.0
_ABOVE: Final = 1.2
_BESIDE: Final = 1.6
_LONGEST: Final = 2_000
"""Letters of one cell: a report is an account, the record has all of it."""
_LONGEST_TEXT: Final = 240
"""Letters of a title or another text that is no cell: half a page of the widest and largest."""
_LONGEST_HEADER: Final = 90
"""Letters above every page: two lines of the widest."""
_PART: Final = 6
"""Lines of a cell that stay together: what is left empty at the end of a page is less."""
_MOST_LINES: Final = 48
_FEWEST_LINES: Final = 6
"""Lines of one cell, in a table of few rows and of many."""
_TABLE_LINES: Final = 2_000
"""Lines of one table, where its rows are so long: fifty pages, beyond which nobody reads on."""
_SHORT: Final = 8
_SHORT_MM: Final = 90.0
"""Parts and millimetres of a table that stays together: a third of a page."""
_SURE_TO_FIT: Final = 60
"""Letters that are never more lines than stay together, however wide."""


class Sheet(FPDF):
    """Pages in one font; ``created_at`` in milliseconds since the epoch. Without a font, Latin."""

    def __init__(self, title: str, *, created_at: int, font: Path | None) -> None:
        super().__init__(format="A4")
        self._heading_of_pages = title
        self._written = f"written {spelled_time(created_at)} UTC"
        known: frozenset[int] | None = None
        self._family = "helvetica"
        if font is not None:
            self._family = "report"
            self.add_font(self._family, fname=font)
            known = frozenset(self.fonts[self._family].cmap)  # type: ignore[union-attr]
        self._letters = Letters(known)
        self.set_margins(MARGIN, MARGIN)
        self.set_auto_page_break(auto=True, margin=22)
        self.set_creation_date(datetime.fromtimestamp(created_at / 1000, UTC))
        self.set_title(self._letters.shown(title, longest=_LONGEST_TEXT, lines=False))
        self.set_producer("provenance")
        self.set_lang("en")

    def header(self) -> None:
        """Title on every page but the first."""
        if self.page_no() == 1:
            return
        title = self._letters.shown(self._heading_of_pages, longest=_LONGEST_HEADER, lines=False)
        self._set(title, size=8, colour=SOFT)
        self.ln(3)

    def footer(self) -> None:
        """Number of the page, and what a report is not."""
        self.set_y(-14)
        said = f"{self.page_no()} / {{nb}}   ·   {self._written}"
        self._set(f"{said}   ·   a report is no proof: verify the dossier", size=7, colour=SOFT)

    def heading(self, title: str, *, before: float = 18) -> None:
        """Set the heading of what follows, on the page that has room for ``before`` mm of that."""
        self.ln(3)
        if self.will_page_break(before + _HEADING_MM):
            self.add_page()
        self.text_of(title, size=13)

    def text_of(
        self, text: str, *, size: float = 10, colour: tuple[int, int, int] = INK, width: float = 0
    ) -> None:
        """Set a text of a few lines."""
        shown = self._letters.shown(text, longest=_LONGEST_TEXT, lines=False)
        self._set(shown, size=size, colour=colour, width=width)

    def codes(self, codes: Sequence[tuple[str, str]]) -> None:
        """Set two values beside each other, each as a QR code and with what it is."""
        top = self.get_y() + 1
        width = self.epw / 2
        for number, (value, said) in enumerate(codes):
            left = MARGIN + number * width
            self._qr(value, left, top)
            self.set_xy(left + _QR_MM + 3, top + 1)
            self.text_of(said, size=8, width=width - _QR_MM - 7)
            self.set_x(left + _QR_MM + 3)
            self.text_of(value, size=7, colour=SOFT, width=width - _QR_MM - 7)
        self.set_xy(MARGIN, top + _QR_MM + 3)

    def rows(
        self,
        title: str,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: tuple[int, ...],
    ) -> None:
        """Set a table under its title, or without both; nothing where it has no rows.

        ``widths`` are those of the columns, in hundredths of the line.
        """
        if not rows:
            return
        self._font(_CELL_SIZE, INK)
        most = max(_FEWEST_LINES, min(_MOST_LINES, _TABLE_LINES // len(rows)))
        columns = _Columns(tuple(heads), tuple(width * self.epw / 100 for width in widths), most)
        if title:
            self.heading(title, before=self._height(heads, columns) + self._kept(rows, columns))
        self.ln(1)
        self._font(_CELL_SIZE, INK)
        self.set_draw_color(*_LINE)
        with self.table(
            col_widths=widths,
            text_align="LEFT",
            v_align=VAlign.T,
            line_height=_LINE_MM,
            borders_layout=TableBordersLayout.NONE,
            first_row_as_headings=bool(title),
            headings_style=FontFace(color=SOFT, fill_color=_HEAD, emphasis=""),
        ) as table:
            if title:
                row = table.row()
                for head in heads:
                    row.cell(head, border=CellBordersLayout.BOTTOM, padding=_padding())
            for cells in rows:
                for part in self._parts(cells, columns):
                    row = table.row()
                    for cell in part.cells:
                        row.cell(
                            cell,
                            style=FontFace(color=_tone(cell)) if cell in _STATES else None,
                            border=part.border,
                            padding=part.padding,
                        )
        self.ln(2)

    def _kept(self, rows: Sequence[Sequence[str]], columns: "_Columns") -> float:
        """Height of what stays together below heads: a short table, else its first two parts."""
        parts = islice((part for row in rows for part in self._parts(row, columns)), _SHORT + 1)
        heights = [self._height(part.cells, columns) for part in parts]
        whole = sum(heights)
        if len(heights) <= _SHORT and whole <= _SHORT_MM:
            return whole
        return sum(heights[:2])

    def _parts(self, cells: Sequence[str], columns: "_Columns") -> Iterator["_Part"]:
        """Divide a row so that each part of it fits on a page.

        All cells are divided after the same number of lines: none has a gap where another goes on.
        """
        mark = columns.mark(cells)
        shown = [self._letters.shown(cell, longest=_LONGEST, mark=mark) for cell in cells]
        if all(len(cell) <= _SURE_TO_FIT and cell.count("\n") < _PART for cell in shown):
            yield _Part(tuple(shown), is_first=True, is_last=True)
            return
        divided = [
            self._lines(cell, width, columns.most, mark)
            for cell, width in zip(shown, columns.widths, strict=True)
        ]
        longest = max(map(len, divided))
        count = math.ceil(longest / _PART)
        even = math.ceil(longest / count)
        for number in range(count):
            start = number * even
            part = tuple("\n".join(lines[start : start + even]) for lines in divided)
            yield _Part(part, is_first=number == 0, is_last=number == count - 1)

    def _lines(self, shown: str, width: float, most: int, mark: str) -> list[str]:
        lines = self.multi_cell(
            # A hair narrower: each line is one when it is set by itself, too.
            width - 0.1,
            _LINE_MM,
            shown,
            align="L",
            padding=_padding(),
            dry_run=True,
            output=MethodReturnValue.LINES,
        )
        assert isinstance(lines, list)
        return [*lines[: most - 1], mark] if len(lines) > most else lines

    def _height(self, cells: Sequence[str], columns: "_Columns") -> float:
        """Height of a row, in millimetres."""
        heights = [
            self.multi_cell(
                width,
                _LINE_MM,
                cell,
                align="L",
                padding=_padding(),
                dry_run=True,
                output=MethodReturnValue.HEIGHT,
            )
            for cell, width in zip(cells, columns.widths, strict=True)
        ]
        return max(height for height in heights if isinstance(height, float))

    def _set(
        self, shown: str, *, size: float, colour: tuple[int, int, int], width: float = 0
    ) -> None:
        self._font(size, colour)
        self.multi_cell(width, size * 0.5, shown, align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _font(self, size: float, colour: tuple[int, int, int]) -> None:
        self.set_font(self._family, size=size)
        self.set_text_color(*colour)

    def _qr(self, value: str, left: float, top: float) -> None:
        rows = list(segno.make(value, error="m", micro=False).matrix_iter(border=2))
        side = _QR_MM / len(rows)
        self.set_fill_color(0, 0, 0)
        for row, modules in enumerate(rows):
            for column, dark in enumerate(modules):
                if dark:
                    # A hair wider than the module: viewers show seams otherwise.
                    place = (left + column * side, top + row * side)
                    self.rect(*place, side + 0.02, side + 0.02, style="F")


@dataclass(frozen=True, slots=True)
class _Columns:
    """Columns of a table: heads, widths in millimetres, and the lines that a cell may have."""

    heads: tuple[str, ...]
    widths: tuple[float, ...]
    most: int

    def mark(self, cells: Sequence[str]) -> str:
        """What ends a cell that was cut: where all of it is."""
        if ENTRY in self.heads:
            return f"... (entry {cells[self.heads.index(ENTRY)]} has all of it)"
        return "... (shortened; the records have all of it)"


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a row that stays on one page."""

    cells: tuple[str, ...]
    is_first: bool
    is_last: bool

    @property
    def border(self) -> CellBordersLayout:
        """A line below the row, none within it."""
        return CellBordersLayout.BOTTOM if self.is_last else CellBordersLayout.NONE

    @property
    def padding(self) -> Padding:
        """Space around it: none between the parts."""
        return _padding(above=self.is_first, below=self.is_last)


def spelled_time(milliseconds: int) -> str:
    """A time to the second, in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


def _padding(*, above: bool = True, below: bool = True) -> Padding:
    return Padding(_ABOVE * above, _BESIDE, _ABOVE * below, _BESIDE)


def _tone(state: str) -> tuple[int, int, int]:
    return _TONES.get(state, _DOUBT)
