"""The report for people: ``case.pdf``, a readable account of what the dossier holds.

Rules: it proves nothing by itself and says so on its first page; every line names the entry that
proves it. Equal content, time and font give equal bytes, and there is no text that cannot be set
(:mod:`provenance.evidence.dossier.sheet`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.evidence.dossier.sheet import ENTRY, SOFT, Sheet, spelled_time

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
    """Return the PDF of ``content`` in ``font``, whatever its texts are."""
    sheet = Sheet(content.title, created_at=content.created_at, font=font)
    sheet.add_page()
    _opening(sheet, content)
    _assessment(sheet, content)
    for section in content.sections:
        sheet.rows(section.title, section.heads, section.rows, section.widths)
    _records(sheet, content)
    return bytes(sheet.output())


def _opening(sheet: Sheet, content: ReportContent) -> None:
    sheet.text_of(content.title, size=20)
    sheet.text_of(f"Dossier of {content.operator}", size=11, colour=SOFT)
    sheet.ln(3)
    sheet.text_of(THIS_PAGE)
    sheet.rows("", ("", ""), [(name, text) for name, text in content.facts], (32, 68))
    sheet.heading("To verify it")
    block = (
        f"Hash of block {content.block_number}, which holds the closing anchor. Compare it with "
        "what your own node or explorer says of that number."
    )
    page = (
        "SHA-256 of the verifier's page, as published with the release. Use a copy of your own, "
        "not the one in the dossier."
    )
    sheet.codes([(content.block_hash, block), (content.verifier_sha256, page)])
    for title, lines in (
        ("What the dossier proves", PROVES),
        ("What it does not prove", PROVES_NOT),
    ):
        sheet.heading(title)
        for line in lines:
            sheet.text_of(f"-  {line}")


def _assessment(sheet: Sheet, content: ReportContent) -> None:
    sheet.rows(
        "Verdicts when this was written",
        ("Check", "Verdict", "Found"),
        [(item.check, item.outcome, item.reason) for item in content.verdicts],
        (18, 14, 68),
    )
    sheet.rows(
        "Checklist",
        ("Document", "State", "Note"),
        [(item.what, item.state, item.note) for item in content.checklist],
        (42, 16, 42),
    )
    sheet.rows(
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


def _records(sheet: Sheet, content: ReportContent) -> None:
    sheet.rows(
        "Timeline",
        ("Time (UTC)", "What", ENTRY),
        [
            (spelled_time(item.at), item.what, str(item.entry))
            for item in sorted(content.timeline, key=lambda item: (item.at, item.entry))
        ],
        (24, 65, 11),
    )
    sheet.rows(
        "Documents",
        ("File", "What", ENTRY, "SHA-256"),
        [(item.name, item.what, str(item.entry), item.sha256) for item in content.documents],
        (33, 22, 8, 37),
    )
