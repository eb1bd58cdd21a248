"""``make bench`` at its smallest: every figure is there. How large they are is for an idle machine."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


@pytest.mark.soak
def test_the_bench_measures_every_kind_of_figure(tmp_path: Path) -> None:
    output = tmp_path / "bench.json"
    command = [sys.executable, str(ROOT / "scripts/bench.py"), "--quick", "--output", str(output)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(output.read_text())
    assert result["machine"]["cores"] >= 1
    assert {kind: len(found) for kind, found in result["figures"].items()} == {
        "bulk": 4,
        "single": 3,
        "receipts": 2,
        "delay": 2,
        "memory": 1,
        "documents": 3,
        "dossiers": 2,
        "trees": 4,
        "gas": 2,
    }
    for figure in itertools.chain(*result["figures"].values()):
        assert figure["value"] > 0
        assert figure["limit"]
        assert figure["ratio"] == pytest.approx(figure["value"] / figure["baseline"])
