"""Whatever somebody wrote, a report is made of it: no text keeps a dossier from being written."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fixtures.debian import install
from fixtures.reports import pages_of, places_of, text_of
from provenance.evidence.dossier.letters import Letters
from provenance.evidence.dossier.report import (
    FONTS,
    Clock,
    Found,
    Item,
    Line,
    ListedDocument,
    ReportContent,
    Section,
    make_report,
)

EMOJI, WIDE, ARABIC = "\U0001f600", "東京都千代田区", "نورا عبد الله"
HASH = "298ca5f08be9f3c7182ece9dc40c5b1b2d74b13ea17186c26747f083880d2c82"
ACTS = ("No.", "Recorded (UTC)", "Act", "Says", "Entry")

letters = st.one_of(
    st.characters(codec=None),
    st.sampled_from([EMOJI, "W", " ", "\n", "\r\n", "\t", "\0", "\u202e", "\u00ad", "\ufdfd"]),
    st.sampled_from([WIDE, ARABIC, "{nb}", "**", "e\u0301", "\u3000", "\\", "\ud800", "[a](b)"]),
)
texts = st.one_of(
    st.text(max_size=200),
    st.builds(
        lambda parts, times: "".join(parts) * times,
        st.lists(letters, max_size=8),
        st.sampled_from([1, 3, 70, 300, 2_000]),
    ),
)


def report_with(text: str, *, other: str = "x") -> ReportContent:
    """A report that says ``text`` wherever it says something that somebody wrote."""
    return ReportContent(
        title=text,
        operator=text,
        created_at=1_767_225_600_000,
        facts=[("Claimant", text), (text, other), (other, text)],
        block_number=1234,
        block_hash=HASH,
        verifier_sha256=HASH,
        verdicts=[Found(text, "VALID", text)],
        timeline=[Line(1_767_100_000_000 + number, text, number) for number in range(3)],
        checklist=[Item(text, "missing", text), Item(other, text, text)],
        clocks=[Clock(text, 1_768_000_000_000, text, text), Clock(text, None, other, text)],
        sections=[
            Section(text, ("What", "Result", "Said by"), [(text, other, text)], (26, 18, 56)),
            Section("Acts", ACTS, [("0", text, text, text, "5")], (6, 20, 18, 46, 10)),
        ],
        documents=[ListedDocument(text, text, HASH, 5)],
    )


@pytest.fixture(scope="module")
def cjk() -> Path:
    if not FONTS[0].exists():
        install("fonts-noto-cjk")
    return FONTS[0]


SOME = settings(
    max_examples=5,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@example(EMOJI * 300, "W" * 2_000)
@example("line of an e-mail\n" * 70, "\n" * 2_000)
@SOME
@given(texts, texts)
def test_a_report_is_made_of_any_text_in_latin_letters(text: str, other: str) -> None:
    assert make_report(report_with(text, other=other), font=None).startswith(b"%PDF")


@example(EMOJI * 2_000, "line of an e-mail\n" * 70)
@SOME
@given(texts, texts)
def test_a_report_is_made_of_any_text_in_every_script(cjk: Path, text: str, other: str) -> None:
    assert make_report(report_with(text, other=other), font=cjk).startswith(b"%PDF")


@given(texts, st.integers(min_value=20, max_value=400), st.booleans())
def test_no_text_is_shown_longer_than_it_may_be(text: str, longest: int, lines: bool) -> None:
    for known in (None, frozenset(range(0x20, 0x3000))):
        shown = Letters(known).shown(text, longest=longest, lines=lines)
        assert len(shown) <= longest
        assert lines or "\n" not in shown
        assert "{nb}" not in shown
        assert all(letter == "\n" or letter.isprintable() for letter in shown)


def test_a_long_text_goes_on_over_pages_and_says_where_the_rest_is(tmp_path: Path) -> None:
    note = "".join(f"line {number} of an e-mail\n" for number in range(60))
    section = Section("Acts", ACTS, [("0", "then", "note", note, "77")], (6, 20, 18, 46, 10))
    content = report_with("short")
    made = make_report(replace(content, sections=[section]), font=None)
    said = text_of(made, tmp_path)
    assert "line 0 of an e-mail" in said
    assert "line 45 of an e-mail" in said
    assert "line 59 of an e-mail" not in said
    assert "(entry 77 has all of it)" in said


@pytest.mark.parametrize("beside", [1, 4, 5, 6, 7, 11])
def test_a_long_cell_has_no_gap_where_another_of_its_row_ends(tmp_path: Path, beside: int) -> None:
    # Seven lines are divided after four: what stands beside them must be, too.
    other = "\n".join(f"left{number}" for number in range(beside))
    long = "\n".join(f"right{number}" for number in range(7))
    section = Section("Clocks", ("Clock", "Assumed"), [(other, long)], (50, 50))
    made = make_report(replace(report_with("short"), sections=[section]), font=None)
    places = places_of(made, tmp_path)
    tops = [places[f"right{number}"] for number in range(7)]
    assert len({page for page, _ in tops}) == 1
    # A line of 4.6 mm is 13 points; the space around a row is no part of it.
    steps = {round(below - above) for (_, above), (_, below) in pairwise(tops)}
    assert steps == {13}


def _tabled(facts: int, rows: int) -> ReportContent:
    return replace(
        report_with("short"),
        facts=[("fact", "x")] * facts,
        verdicts=[Found(f"check{number}", "VALID", "fine") for number in range(rows)],
    )


@pytest.mark.parametrize("facts", range(11, 15))
def test_a_short_table_stays_on_one_page_with_its_title(tmp_path: Path, facts: int) -> None:
    places = places_of(make_report(_tabled(facts, 5), font=None), tmp_path)
    assert len({places[f"check{number}"][0] for number in range(5)} | {places["Verdicts"][0]}) == 1


@pytest.mark.parametrize("facts", range(11, 15))
def test_a_long_table_begins_with_more_than_one_row(tmp_path: Path, facts: int) -> None:
    places = places_of(make_report(_tabled(facts, 60), font=None), tmp_path)
    assert places["Verdicts"][0] == places["check0"][0] == places["check1"][0]
    assert places["check59"][0] > places["check0"][0]


@pytest.mark.soak
def test_many_long_rows_stay_a_report_that_can_be_printed(tmp_path: Path) -> None:
    rows = [(str(n), "then", "note", "word " * 400, str(n)) for n in range(200)]
    section = Section("Acts", ACTS, rows, (6, 20, 18, 46, 10))
    made = make_report(replace(report_with("short"), sections=[section]), font=None)
    assert pages_of(made, tmp_path) < 70
    assert "(entry 199 has all of it)" in text_of(made, tmp_path)


def test_scripts_that_need_shaping_are_escaped_rather_than_shown_from_left_to_right() -> None:
    shown = Letters(frozenset(range(0x1_1000))).shown(f"Nora {ARABIC[:2]} กข e\u0301", longest=99)
    assert shown == r"Nora \u0646\u0648 \u0e01\u0e02 é"
