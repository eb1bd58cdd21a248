"""The report for people: ``case.pdf``, a readable account of what the dossier holds.

Rules: it proves nothing by itself and says so on its first page; every line names the entry that
proves it. Equal content, time and font give equal bytes. A character that the font does not have
is written as its escape, never dropped: a name must not read differently from what was recorded.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import segno
from fpdf import FPDF, FontFace
from fpdf.enums import TableBordersLayout, XPos, YPos

FONTS: Final = (
    Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc"),
    Path("/usr/share/fonts/opentype/noto/NotoSansCJKsc-Regular.otf"),
    Path("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf"),
    Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"),
)
"""Fonts that are looked for, those that cover most first (Debian: fonts-noto-cjk)."""

PROVES: Final = (
    "what was recorded in the operator's log, byte for byte, and by which submitter",
    "where each record stands in its parcel's history, which is gapless up to a signed end",
    "when it was recorded, within the times of two blocks of the chain",
)
PROVES_NOT: Final = (
    "that what was recorded is true, or that all that happened was recorded",
    "anything, where the operator runs the chain alone: that is a demonstration",
    "the content of what is withheld or erased: of it only place and order",
)
THIS_PAGE: Final = (
    "This report is for reading. What proves is beside it in the dossier: verify that, with a trust "
    "file and a block hash from elsewhere."
)

_INK = (27, 36, 48)
_SOFT = (85, 96, 110)
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
_MARGIN = 18.0
_QR_MM = 34.0
_LONGEST: Final = 2_000
"""Characters of one cell: a report is an account, the record has all of it."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline: when it happened or was recorded, what, and the entry."""

    at: int
    what: str
    entry: int


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the checklist: what is asked for, present, missing, late or unverifiable."""

    what: str
    state: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Clock:
    """One legal clock: what runs, until when, by which rule, and what is left of it."""

    what: str
    ends: int | None
    source: str
    left: str


@dataclass(frozen=True, slots=True)
class Found:
    """A verdict as it was when the report was written."""

    check: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document of the dossier, by its member's name."""

    name: str
    what: str
    sha256: str
    entry: int


@dataclass(frozen=True, slots=True)
class Section:
    """A table of its own; ``widths`` are those of the columns, in hundredths of the line."""

    title: str
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    widths: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReportContent:
    """What the report tells; times in milliseconds since the epoch, UTC.

    ``block_number`` and ``block_hash`` are of the closing anchor, ``verifier_sha256`` of the
    published page. ``sections`` stand between the clocks and the timeline.
    """

    title: str
    operator: str
    created_at: int
    facts: Sequence[tuple[str, str]]
    block_number: int
    block_hash: str
    verifier_sha256: str
    verdicts: Sequence[Found] = ()
    timeline: Sequence[Line] = ()
    checklist: Sequence[Item] = ()
    clocks: Sequence[Clock] = ()
    sections: Sequence[Section] = ()
    documents: Sequence[ListedDocument] = ()


def find_font(candidates: Iterable[Path] = FONTS) -> Path | None:
    """Return the first font that is installed; without one, only Latin letters are shown."""
    return next((path for path in candidates if path.is_file()), None)


def make_report(content: ReportContent, *, font: Path | None) -> bytes:
    """Return the PDF of ``content`` in ``font``."""
    return _Report(content, font).bytes()


def spelled_time(milliseconds: int) -> str:
    """A time to the second, in UTC."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class _Report(FPDF):
    def __init__(self, content: ReportContent, font: Path | None) -> None:
        super().__init__(format="A4")
        self._content = content
        self._known: frozenset[int] | None = None
        if font is None:
            self._family = "helvetica"
        else:
            self._family = "report"
            self.add_font(self._family, fname=font)
            self._known = frozenset(self.fonts[self._family].cmap)  # type: ignore[union-attr]
        self.set_margins(_MARGIN, _MARGIN)
        self.set_auto_page_break(auto=True, margin=22)
        self.set_creation_date(datetime.fromtimestamp(content.created_at / 1000, UTC))
        self.set_title(self._shown(content.title))
        self.set_producer("provenance")
        self.set_lang("en")

    def header(self) -> None:
        """Title and time on every page but the first."""
        if self.page_no() == 1:
            return
        self._text(self._content.title, size=8, colour=_SOFT)
        self.ln(3)

    def footer(self) -> None:
        """Number of the page, and what a report is not."""
        self.set_y(-14)
        said = (
            f"{self.page_no()} / {{nb}}   ·   written {spelled_time(self._content.created_at)} UTC"
        )
        self._text(f"{said}   ·   a report is no proof: verify the dossier", size=7, colour=_SOFT)

    def bytes(self) -> bytes:
        """Write everything."""
        content = self._content
        self.add_page()
        self._text(content.title, size=20)
        self._text(f"Dossier of {content.operator}", size=11, colour=_SOFT)
        self.ln(3)
        self._text(THIS_PAGE)
        self._table("", ("", ""), [(name, text) for name, text in content.facts], (32, 68))
        self._codes()
        self._bullets("What the dossier proves", PROVES)
        self._bullets("What it does not prove", PROVES_NOT)
        self._table(
            "Verdicts when this was written",
            ("Check", "Verdict", "Found"),
            [(item.check, item.outcome, item.reason) for item in content.verdicts],
            (18, 14, 68),
        )
        self._table(
            "Checklist",
            ("Document", "State", "Note"),
            [(item.what, item.state, item.note) for item in content.checklist],
            (42, 16, 42),
        )
        self._table(
            "Clocks",
            ("Clock", "Ends (UTC)", "Left", "Source"),
            [
                (
                    item.what,
                    "-" if item.ends is None else spelled_time(item.ends),
                    item.left,
                    item.source,
                )
                for item in content.clocks
            ],
            (30, 21, 17, 32),
        )
        for section in content.sections:
            self._table(section.title, section.heads, section.rows, section.widths)
        self._table(
            "Timeline",
            ("Time (UTC)", "What", "Entry"),
            [
                (spelled_time(item.at), item.what, str(item.entry))
                for item in sorted(content.timeline, key=lambda item: (item.at, item.entry))
            ],
            (24, 65, 11),
        )
        self._table(
            "Documents",
            ("File", "What", "Entry", "SHA-256"),
            [(item.name, item.what, str(item.entry), item.sha256) for item in content.documents],
            (28, 24, 10, 38),
        )
        return bytes(self.output())

    def _codes(self) -> None:
        """Block and page as QR codes, so that nobody has to type 64 digits."""
        content = self._content
        self._heading("To verify it")
        top = self.get_y() + 1
        codes = (
            (content.block_hash, (f"Hash of block {content.block_number}, which holds the closing "
             "anchor. Compare it with what your own node or explorer says of that number.")),
            (content.verifier_sha256, ("SHA-256 of the verifier's page, as published with the "
             "release. Use a copy of your own, not the one in the dossier.")),
        )  # fmt: skip
        width = self.epw / 2
        for number, (value, said) in enumerate(codes):
            left = _MARGIN + number * width
            self._qr(value, left, top)
            self.set_xy(left + _QR_MM + 3, top + 1)
            self._text(said, size=8, width=width - _QR_MM - 7)
            self.set_x(left + _QR_MM + 3)
            self._text(value, size=7, colour=_SOFT, width=width - _QR_MM - 7)
        self.set_xy(_MARGIN, top + _QR_MM + 3)

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

    def _bullets(self, title: str, lines: Sequence[str]) -> None:
        self._heading(title)
        for line in lines:
            self._text(f"-  {line}")

    def _table(
        self,
        title: str,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        widths: tuple[int, ...],
    ) -> None:
        if not rows:
            return
        if title:
            self._heading(title)
        self.ln(1)
        self._font(8.5, _INK)
        self.set_draw_color(*_LINE)
        with self.table(
            col_widths=widths,
            text_align="LEFT",
            line_height=4.6,
            padding=(1.2, 1.6),
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            first_row_as_headings=bool(title),
            headings_style=FontFace(color=_SOFT, fill_color=_HEAD, emphasis=""),
        ) as table:
            for cells in [heads, *rows] if title else rows:
                row = table.row()
                for cell in cells:
                    style = FontFace(color=_tone(cell)) if cell in _STATES else None
                    row.cell(self._shown(cell), style=style)
        self.ln(2)

    def _heading(self, title: str) -> None:
        self.ln(3)
        if self.will_page_break(30):
            self.add_page()
        self._text(title, size=13)

    def _text(
        self,
        text: str,
        *,
        size: float = 10,
        colour: tuple[int, int, int] = _INK,
        width: float = 0,
    ) -> None:
        self._font(size, colour)
        self.multi_cell(
            width, size * 0.5, self._shown(text), align="L", new_x=XPos.LMARGIN, new_y=YPos.NEXT
        )

    def _font(self, size: float, colour: tuple[int, int, int]) -> None:
        self.set_font(self._family, size=size)
        self.set_text_color(*colour)

    def _shown(self, text: str) -> str:
        cut = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
        return "".join(letter if self._has(letter) else _escape(letter) for letter in cut)

    def _has(self, letter: str) -> bool:
        if not letter.isprintable():
            return letter == "\n"
        code = ord(letter)
        return (
            code in self._known if self._known is not None else code < 0x7F or 0xA0 <= code < 0x100
        )


_STATES: Final = frozenset(
    {"VALID", "INVALID", "UNKNOWN", "present", "missing", "late", "unverifiable"}
)


def _tone(state: str) -> tuple[int, int, int]:
    return _TONES.get(state, _DOUBT)


def _escape(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode() if ord(letter) > 0x7E else "?"
