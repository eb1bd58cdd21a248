"""Large documents: constant memory both ways, nothing of them in the clear, nothing by halves."""

import asyncio
import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from fixtures.application import parcel
from fixtures.service import PATIENCE, RunningService
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.sealing.shelf import day_of
from provenance.sealing.sweep import GRACE_MS

pytestmark = pytest.mark.services

MIB = 1 << 20
GROWTH = 64 * MIB
"""Bytes by which the API's peak memory may rise."""
CANARY = b"The quick brown fox of the canary document jumps over the lazy dog. "


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with RunningService(tmp_path_factory.mktemp("documents")) as running:
        running.wait_until_ready()
        yield running


class Pdf:
    """A PDF of ``size`` bytes that says the canary over and over, made as it is sent."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sha256 = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        page = (CANARY * (MIB // len(CANARY) + 1))[:MIB]
        left = self.size - 9 - 7
        for data in (b"%PDF-1.7\n", *(page[: min(MIB, left - at)] for at in range(0, left, MIB))):
            self.sha256.update(data)
            yield data
        self.sha256.update(b"\n%%EOF\n")
        yield b"\n%%EOF\n"


def send(client: httpx.Client, source: Iterator[bytes] | Pdf, about: str) -> httpx.Response:
    return client.post(
        "/v1/documents",
        params={"subject": about, "type": "380"},
        content=iter(source),
        headers={"content-type": "application/pdf"},
        timeout=600,
    )


def peak(process: psutil.Process) -> int:
    """Largest resident memory of a process since :func:`forget_peak`, in bytes."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def forget_peak(process: psutil.Process) -> int:
    """Start measuring anew; returns what is resident now."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
    return peak(process)


def finds(folder: Path, word: bytes) -> list[Path]:
    """Files below ``folder`` that hold ``word``, read in pieces."""
    found = []
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                before = b""
                while piece := file.read(MIB):
                    if word in before + piece:
                        found.append(path)
                        break
                    before = piece[-len(word) :]
    return found


@pytest.mark.parametrize(
    "size", [32 * MIB, pytest.param(500 * MIB, marks=[pytest.mark.soak, pytest.mark.timeout(900)])]
)
def test_a_large_document_streams_both_ways_in_constant_memory(
    service: RunningService, size: int
) -> None:
    api, document = service.child("provenance.api"), Pdf(size)
    with service.client() as client:
        # What the first document of a process brings into memory stays there.
        send(client, Pdf(8 * MIB), parcel()).raise_for_status()
        before = forget_peak(api)
        answer = send(client, document, parcel())
        answer.raise_for_status()
        after_upload = peak(api) - before
        digest = hashlib.sha256()
        with client.stream("GET", answer.headers["location"], timeout=600) as back:
            assert back.headers["content-length"] == str(size)
            for data in back.iter_bytes():
                digest.update(data)
        after_download = peak(api) - before
    assert answer.json()["sha256"] == document.sha256.hexdigest() == digest.hexdigest()
    print(f"peak memory rose by {after_upload / MIB:.1f}, then {after_download / MIB:.1f} MiB")
    assert after_upload < GROWTH
    assert after_download < GROWTH
    assert finds(service.data_dir, CANARY) == []


def date_back(service: RunningService, *, days: int) -> None:
    dsn = asyncio.run(EmbeddedPostgres(service.data_dir).start()).dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("UPDATE logs SET created_at = created_at - %s", (days * 86_400_000,))


def test_an_api_that_is_killed_in_the_middle_leaves_no_entry_and_no_document(
    service: RunningService,
) -> None:
    about = parcel()
    blobs, keys = service.data_dir / "blobs" / "sealed", service.data_dir / "keys" / "sealed"

    def cut_off() -> Iterator[bytes]:
        for at, data in enumerate(Pdf(40 * MIB)):
            if at == 25:
                service.child("provenance.api").kill()
            yield data

    with service.client() as client:
        send(client, Pdf(MIB), parcel()).raise_for_status()
        before = whole(blobs), whole(keys)
        # Nothing from before the log is swept, and it has to be old enough.
        earlier = time.time() - 2 * GRACE_MS / 1000
        date_back(service, days=2)
        orphan = blobs / day_of(int(earlier * 1000)) / ("0" * 32)
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"what an earlier crash left")
        os.utime(orphan, (earlier, earlier))
        with pytest.raises(httpx.TransportError):
            send(client, cut_off(), about)
    service.wait_until_ready()
    deadline = time.monotonic() + PATIENCE
    while orphan.exists():
        assert time.monotonic() < deadline, "nothing was swept after the start"
        time.sleep(0.1)
    with service.client() as client:
        listed = client.get("/v1/documents", params={"subject": about})
        assert listed.json() == {"documents": []}
        assert (whole(blobs), whole(keys)) == before
        assert finds(service.data_dir, CANARY) == []
        again = send(client, Pdf(40 * MIB), about)
        assert (again.status_code, again.json().get("repeated", False)) == (201, False)


def test_a_sender_who_goes_away_leaves_nothing(service: RunningService) -> None:
    blobs, keys = service.data_dir / "blobs" / "sealed", service.data_dir / "keys" / "sealed"
    about = parcel()

    def broken() -> Iterator[bytes]:
        for at, data in enumerate(Pdf(40 * MIB)):
            if at == 25:
                raise ConnectionAbortedError
            yield data

    with service.client() as client:
        send(client, Pdf(MIB), parcel()).raise_for_status()
        before = whole(blobs), whole(keys)
        with pytest.raises(ConnectionAbortedError):
            send(client, broken(), about)
        listed = client.get("/v1/documents", params={"subject": about})
        assert listed.json() == {"documents": []}
        assert (whole(blobs), whole(keys)) == before


def whole(folder: Path) -> set[Path]:
    """Objects and key segments below ``folder``; what is being written has another name."""
    return {
        path
        for path in folder.rglob("*")
        if path.is_file() and "#" not in path.name and not path.name.startswith(".")
    }


@pytest.mark.soak
def test_the_command_line_adds_lists_and_fetches_and_the_receipt_verifies(
    service: RunningService, tmp_path: Path
) -> None:
    about, file = parcel(), tmp_path / "Rechnung.pdf"
    file.write_bytes(b"".join(Pdf(3 * MIB)))
    said = tmp_path / "said.json"
    said.write_text('{"signer": "A. Muster", "pieces": 2}')
    added = command(
        service,
        *("document", "add", str(file), "--subject", about, "--type", "380"),
        *("--description", str(said), "--ack", str(tmp_path / "acks")),
    )
    assert hashlib.sha256(file.read_bytes()).hexdigest() in added
    again = command(service, "document", "add", str(file), "--subject", about, "--type", "380")
    assert "the same as before" in again
    listed = command(service, "document", "list", about)
    assert "Commercial invoice  Rechnung.pdf" in listed
    first = int(listed.split()[0])
    out = tmp_path / "back.pdf"
    command(service, "document", "get", str(first), "--out", str(out))
    assert out.read_bytes() == file.read_bytes()
    assert {path.name for path in (tmp_path / "acks").iterdir()} == {
        f"document-{first}.ack",
        f"document-{first + 1}.ack",
    }
    service.wait_for_anchor(first + 1)
    command(service, "receipt", "--index", str(first), "--out", str(tmp_path))
    told = command(
        service,
        *("verify", str(tmp_path / f"entry-{first}.json"), "--payload", str(out)),
        *("--trust", str(service.data_dir / "trust.json"), "--rpc", service.credentials.rpc_url),
    )
    assert "INVALID" not in told
    assert "content" in told


def command(service: RunningService, *arguments: str) -> str:
    """What ``provenance`` prints."""
    done = subprocess.run(
        [sys.executable, "-m", "provenance.cli.main", *arguments],
        env=service.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
