"""A long time at a steady rate: nothing rises, and the log is clean afterwards."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.services


def endure(output: Path, *, minutes: float, rate: int) -> dict[str, Any]:
    run = subprocess.run(
        [
            *(sys.executable, ROOT / "scripts/endurance.py", "--output", output),
            *("--minutes", str(minutes), "--rate", str(rate)),
        ],
        stdout=None,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60 * minutes + 3_600,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(output.read_text())
    return found


def check(found: dict[str, Any]) -> None:
    assert {how: report["outcome"] for how, report in found["audits"].items()} == {
        "by URL": "VALID",
        "by database": "VALID",
    }
    assert found["entries"] == found["events"]


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_a_short_run_leaves_a_clean_log(tmp_path: Path) -> None:
    found = endure(tmp_path / "endurance.json", minutes=0.2, rate=100)
    check(found)
    assert found["events"] >= 1_000
    assert all(one["last"] >= 0 for one in found["steadiness"])
    assert len(found["steadiness"]) == 9


@pytest.mark.soak
@pytest.mark.timeout(9_000)
def test_an_hour_at_500_events_a_second_is_flat(tmp_path: Path) -> None:
    found = endure(tmp_path / "endurance.json", minutes=60, rate=500)
    check(found)
    assert found["reached_per_second"] == pytest.approx(500, rel=0.02)
    assert [one["name"] for one in found["steadiness"] if one["flat"] is False] == []
