"""The commands of docs/claims.md, in their order, against a service as people start it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from fixtures.documents import JPEG, pdf
from fixtures.service import RunningService
from provenance.demo.events import PLACES, document, scan

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

PAGE = (Path(__file__).parents[2] / "docs" / "claims.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## From damage to dossier\n")[2].partition("\n## ")[0]


@pytest.mark.soak
def test_the_way_from_damage_to_dossier_works_as_it_is_written(tmp_path: Path) -> None:
    commands = "".join(re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL))
    (tmp_path / "photo.jpg").write_bytes(JPEG)
    for name in ("waybill", "notice", "report"):
        (tmp_path / f"{name}.pdf").write_bytes(pdf(mark=name))
    now = time.time_ns() // 1_000_000
    events = [
        scan(
            Random(number),
            at=now - minutes * 60_000,
            where=PLACES["local"],
            step=step,
            disposition=disposition,
            epcs=["https://id.gs1.org/00/095211411234567895"],
            waybills=["WB-4711"],
        )
        for number, (minutes, step, disposition) in enumerate(
            [(50, "collecting", "in_transit"), (10, "accepting", "damaged")]
        )
    ]
    (tmp_path / "events.json").write_bytes(document(events, at=now))
    with RunningService(tmp_path / ".provenance") as service:
        service.wait_until_ready()
        lines = commands.replace("http://127.0.0.1:8545", service.credentials.rpc_url)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"provenance capture events.json\n{lines}"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
                "PROVENANCE_DATA": str(tmp_path / ".provenance"),
            },
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 730  Road consignment note" in done.stdout
    assert "present       required  Transport document [transport-document]" in done.stdout
    assert "missing       required  Damage or inspection report [damage-report]" in done.stdout
    assert "2.5 kg x 8.33 SDR" in done.stdout
    assert "counts from Delivered" in done.stdout
    assert (tmp_path / "case.zip").stat().st_size > 0
    assert "INVALID" not in done.stdout
    assert re.search(r"^urn:provenance:case:\w+  closed", done.stdout, re.MULTILINE)
