"""``provenance demo``: what a newcomer sees first."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def demonstrate(data: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", "demo", "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demonstration_finds_the_tampering_and_can_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        transcript = demonstrate(tmp_path / "data")
        assert "held by customs: INVALID" in transcript
        assert "audit: by database: payload of record" in transcript
        assert "every entry, trail, tile, checkpoint and anchor: clean" in transcript
        assert "a demonstration, not evidence" in transcript
