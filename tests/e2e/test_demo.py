"""``provenance demo``: what a newcomer sees first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.browser import find_chromium

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def demonstrate(data: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", "demo", "--data", str(data)],
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "PROVENANCE_API_PORT": "0", **environment},
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_demonstration_finds_the_tampering_and_can_be_repeated(tmp_path: Path) -> None:
    find_chromium()
    for _ in range(2):
        transcript = demonstrate(tmp_path / "data")
        assert "held by customs: INVALID" in transcript
        assert "audit: by database: payload of record" in transcript
        assert "every entry, trail, tile, checkpoint and anchor: clean" in transcript
        assert "a demonstration, not evidence" in transcript
        assert "command line: VALID" in transcript
        assert "page in Chromium, network off: VALID" in transcript
        assert transcript.count("one bit changed: INVALID, documents/") == 2


@pytest.mark.soak
def test_the_demonstration_goes_on_where_there_is_no_browser(tmp_path: Path) -> None:
    transcript = demonstrate(tmp_path / "data", CHROMIUM="/nowhere/chromium")
    assert "the page could not be shown" in transcript
    assert "command line: VALID" in transcript
