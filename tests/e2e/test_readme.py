"""The README's commands, as they stand there, against a service as the README starts it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from fixtures.service import RunningService
from provenance.demo.events import PLACES, document, scan

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return README.partition(f"## {title}\n")[2].partition("\n## ")[0]


def shell_block(text: str) -> str:
    found = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert found, "the section has no commands"
    return found[1]


def parcel_of(commands: str) -> str:
    """SSCC that the commands ask for, as the EPC URN of company prefix 952114111."""
    digits = re.search(r"https://id\.gs1\.org/00/(\d{18})", commands)
    assert digits
    return f"https://id.gs1.org/00/{digits[1]}"


def test_the_commands_under_using_it_work(tmp_path: Path) -> None:
    commands = shell_block(section("Using it"))
    now = time.time_ns() // 1_000_000
    event = scan(
        Random(1),
        at=now - 60_000,
        where=PLACES["local"],
        step="arriving",
        disposition="in_progress",
        epcs=[parcel_of(commands)],
        waybills=["README1"],
    )
    (tmp_path / "events.json").write_bytes(document([event], at=now))
    with RunningService(tmp_path / ".provenance") as service:
        service.wait_until_ready()
        lines = commands.replace("http://127.0.0.1:8545", service.credentials.rpc_url)
        lines = lines.replace("http://127.0.0.1:8080", service.credentials.api_url)
        lines = lines.replace(". .venv/bin/activate\n", "")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
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
    assert "in the log: 1 event of 1 file" in done.stdout
    assert "INVALID" not in done.stdout
    assert done.stdout.count("\nVALID: nothing differs") == 2
    assert list((tmp_path / "receipts").glob("entry-*.json"))
    assert list((tmp_path / "acks").glob("*.ack"))


def test_the_two_commands_are_targets_that_install_what_they_need() -> None:
    commands = shell_block(section("Two commands")).split("\n")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert commands == ["make demo", "make test", ""]
    assert "demo: $(RUNTIME) $(NPM)" in makefile
    assert "test: check contracts" in makefile


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]
