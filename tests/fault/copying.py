"""Folders of a stopped service that are copied and put back, and a service that finds them old."""

import contextlib
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from fault.submitters import HEADERS, Promise, documents
from fixtures.service import PATIENCE, RunningService


@dataclass(frozen=True, slots=True)
class Disaster:
    """A stopped service whose database is yesterday's: it has ``kept``, and lacks ``missing``."""

    data_dir: Path
    kept: list[Promise]
    missing: list[Promise]
    receipts: list[bytes]

    @property
    def kept_end(self) -> int:
        """Size of the log that yesterday's database holds."""
        return max(promise.end for promise in self.kept)

    @property
    def size(self) -> int:
        """Size of the log before the disaster, all of it anchored."""
        return max(promise.end for promise in self.missing)


def until_refused(service: RunningService) -> str:
    """Return why the service stays read-only, once it says so; nothing may be taken before."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            answer = write(service)
            assert answer.status_code == 503, answer.text
            if "forked" in answer.text:
                return str(answer.json()["detail"])
        time.sleep(0.05)
    raise AssertionError("it did not say why it takes no writes")


def write(service: RunningService) -> httpx.Response:
    with service.client() as client:
        return client.post(
            "/epcis/capture", content=documents(1, events=1)[0].body, headers=HEADERS
        )


def copy_folder(source: Path, target: Path) -> None:
    """Copy with owners and modes, as a backup of files would."""
    subprocess.run(["cp", "-a", source, target], check=True)
