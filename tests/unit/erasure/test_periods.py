"""How long records are kept, with dates worked out by hand."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from provenance.erasure.errors import RetentionError
from provenance.erasure.periods import Periods, read_periods

TEXT = """v = 1
default = { years = 3 }
events = { months = 18 }
cases = { years = 5 }

[documents]
"380" = { years = 10 }
"""


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("kind", "code", "recorded", "ends"),
    [
        # 15 May 2023 + 18 months = 15 November 2024, kept to its end.
        ("event", None, "2023-05-15T10:00", "2024-11-16T00:00"),
        # 31 August 2023 + 18 months has no 31 February: 28 February 2025.
        ("event", None, "2023-08-31T23:59", "2025-03-01T00:00"),
        # 29 February 2024 + 3 years: 28 February 2027.
        ("document", "730", "2024-02-29T00:00", "2027-03-01T00:00"),
        # 28 February 2021 + 3 years: 28 February 2024, although that month has a 29th.
        ("document", None, "2021-02-28T12:00", "2024-02-29T00:00"),
        ("document", "380", "2020-01-01T00:00", "2030-01-02T00:00"),
        ("case", None, "2023-12-31T23:59", "2029-01-01T00:00"),
    ],
)
def test_a_period_ends_with_its_last_day(
    tmp_path: Path, kind: str, code: str | None, recorded: str, ends: str
) -> None:
    path = tmp_path / "retention.toml"
    path.write_text(TEXT, encoding="utf-8")
    assert read_periods(path).end(kind, code, ms(recorded)) == ms(ends)


def test_without_a_file_everything_is_kept_for_three_years() -> None:
    # 26 November 2026 + 3 years = 26 November 2029.
    periods = read_periods(None)
    for kind in ("event", "document", "case"):
        assert periods.end(kind, None, ms("2026-11-26T03:00")) == ms("2029-11-27T00:00")


def test_the_bound_of_a_search_leaves_out_nothing_that_has_ended() -> None:
    periods = Periods.model_validate({"default": {"years": 3}, "events": {"months": 1}})
    now = ms("2027-03-01T00:00")
    for recorded in ("2027-01-31T23:59", "2027-01-28T00:00", "2026-12-31T00:00"):
        assert periods.end("event", None, ms(recorded)) <= now
        assert ms(recorded) < periods.nothing_after(now)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("default = 3\n", "line 1: default"),
        ("v = 1\n[documents]\n'380' = { years = 3, days = 1 }\n", "exactly one of"),
        ("[documents]\n'9999' = { years = 3 }\n", "no code of UNTDID 1001"),
        ("events = { days = 0 }\n", "at least one day"),
        ("v = 2\n", "line 1: v"),
        ("evnets = { years = 3 }\n", "line 1: evnets"),
        ("years =\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "retention.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(RetentionError, match=said):
        read_periods(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RetentionError, match="PROVENANCE_RETENTION"):
        read_periods(tmp_path / "nothing.toml")
