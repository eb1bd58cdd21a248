"""The report for people: what it says, in which letters, and that it is the same each time."""

from dataclasses import replace
from pathlib import Path

from fixtures.debian import install
from fixtures.reports import text_of
from provenance.evidence.dossier.report import (
    FONTS,
    Clock,
    Found,
    Item,
    Line,
    ListedDocument,
    ReportContent,
    find_font,
    make_report,
)

CONTENT = ReportContent(
    title="Case 2026-0042: damaged parcel",
    operator="Example Parcels",
    created_at=1_767_225_600_000,
    facts=[
        ("Shipment", "urn:provenance:shipment:example:WB-1001"),
        ("Claimant", "Ольга Иванова, 東京都千代田区"),
        ("Amount", "412.50 EUR"),
    ],
    block_number=1234,
    block_hash="298ca5f08be9f3c7182ece9dc40c5b1b2d74b13ea17186c26747f083880d2c82",
    verifier_sha256="a49baeb3a78b9ed35a158ed67f37308f983a5bf91106bf0c6fb7ffc2d24194a4",
    verdicts=[
        Found("closing", "VALID", "all 12 entries are in the log of size 40"),
        Found("timing", "UNKNOWN", "nobody vouches for block 7"),
        Found("files", "INVALID", "documents/0001.pdf: its SHA-256 is another"),
    ],
    timeline=[
        Line(1_767_100_000_000, "departing, 上海", 3),
        Line(1_767_000_000_000, "commissioning, Köln", 0),
    ],
    checklist=[
        Item("Commercial invoice (380)", "present", "entry 5"),
        Item("Inspection report", "missing"),
        Item("Notice of damage", "late", "3 days after the 14 days of MC99, article 31"),
        Item("Proof of delivery", "unverifiable", "its entry is withheld"),
    ],
    clocks=[
        Clock("Notice of damage", 1_768_000_000_000, "MC99, article 31 (2)", "2 days"),
        Clock("Action", None, "MC99, article 35", "not begun"),
    ],
    documents=[
        ListedDocument("documents/0001-invoice.pdf", "380 commercial invoice", "ab" * 32, 5)
    ],
)


def test_equal_content_gives_equal_bytes() -> None:
    font = find_font()
    assert make_report(CONTENT, font=font) == make_report(CONTENT, font=font)
    assert make_report(CONTENT, font=None) == make_report(CONTENT, font=None)
    later = replace(CONTENT, created_at=CONTENT.created_at + 1000)
    assert make_report(later, font=None) != make_report(CONTENT, font=None)


def test_the_report_says_what_it_proves_and_what_not(tmp_path: Path) -> None:
    text = text_of(make_report(CONTENT, font=None), tmp_path)
    for said in (
        "What the dossier proves",
        "What it does not prove",
        "that what was recorded is true",
        "Case 2026-0042: damaged parcel",
        "298ca5f08be9f3c7182ece9dc40c5b1b",
        "2 days",
        "MC99, article 35",
        "unverifiable",
        "nobody vouches for block 7",
    ):
        assert said in text, said
    assert text.index("commissioning") < text.index("departing")


def test_a_letter_that_the_font_lacks_is_escaped_and_not_dropped(tmp_path: Path) -> None:
    text = text_of(make_report(CONTENT, font=None), tmp_path)
    assert "Köln" in text
    assert r"\u4e0a\u6d77" in text


def test_every_script_is_shown_where_a_font_has_it(tmp_path: Path) -> None:
    if not FONTS[0].exists():
        install("fonts-noto-cjk")
    font = FONTS[0]
    text = text_of(make_report(CONTENT, font=font), tmp_path)
    for name in ("Ольга Иванова", "東京都千代田区", "上海"):
        assert name in text
