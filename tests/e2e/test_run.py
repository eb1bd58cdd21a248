"""``provenance run``: started, killed, started again, stopped."""

import concurrent.futures
import secrets
import time
from pathlib import Path

import httpx
import psutil
import pytest

from fixtures.service import RunningService
from provenance.core.digests import LeafHash
from provenance.core.notes import Acknowledgement, open_note
from provenance.core.receipt import Receipt
from provenance.core.tree import root_of
from provenance.core.trustfile import TrustFile
from provenance.demo.bulk import bulk_events, in_documents
from provenance.embedded.files import random_free_port

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

LD_JSON = {"content-type": "application/ld+json"}


def documents(events: int, *, each: int) -> list[bytes]:
    now = time.time_ns() // 1_000_000
    made = bulk_events(events, seed=secrets.randbits(32), start=now - 3_600_000)
    return list(in_documents(made, at=now, events_per_document=each))


def acknowledged(service: RunningService, notes: list[str]) -> list[Acknowledgement]:
    """The acknowledgements in ``notes``, their signatures checked with the trust file's keys."""
    trust = TrustFile.decode((service.data_dir / "trust.json").read_bytes())
    keys = trust.logs[0].keys
    return [Acknowledgement.parse(open_note(note, keys).text) for note in notes]


def leaf_hash(client: httpx.Client, index: int) -> LeafHash:
    answer = client.get(f"/v1/receipts/{index}")
    assert answer.status_code == 200, answer.text
    return Receipt.decode(answer.content).entry.leaf_hash()


@pytest.mark.soak
def test_a_second_start_finds_everything_and_a_stop_leaves_no_process(tmp_path: Path) -> None:
    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        with service.client() as client:
            [document] = documents(5, each=5)
            job = client.post("/epcis/capture", content=document, headers=LD_JSON).json()
        service.wait_for_anchor(job["first_index"] + job["count"])
        port = (tmp_path / "data" / "run" / "worker-metrics.port").read_text().strip()
        names = httpx.get(f"http://127.0.0.1:{port}/metrics").text
        assert "provenance_anchor_worker_active 1.0" in names
        # The writer for heartbeats is closed most of the time, which is no alarm.
        assert "provenance_log_writer_open" not in names
        children = psutil.Process(service.process.pid).children(recursive=True)
        before = service.credentials
        assert service.stop() == 0
        assert not [child for child in children if child.is_running()]
    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        assert service.credentials == before
        assert (tmp_path / "data" / "credentials.json").stat().st_mode & 0o777 == 0o600
        with service.client() as client:
            again = client.get(f"/epcis/capture/{job['captureID']}").json()
            assert again["first_index"] == job["first_index"]
            assert leaf_hash(client, job["first_index"])


@pytest.mark.soak
def test_a_port_that_is_asked_for_goes_before_that_of_last_time(tmp_path: Path) -> None:
    with RunningService(tmp_path / "data") as service:
        last = service.credentials.api_url
    wanted = random_free_port()
    with RunningService(tmp_path / "data", PROVENANCE_API_PORT=str(wanted)) as service:
        service.wait_until_ready()
        assert service.credentials.api_url == f"http://127.0.0.1:{wanted}" != last
    with RunningService(tmp_path / "data") as service:
        assert service.credentials.api_url == f"http://127.0.0.1:{wanted}"


@pytest.mark.soak
def test_what_was_acknowledged_survives_kill_9_during_a_capture(tmp_path: Path) -> None:
    """The supervisor is killed, and with it everything, while four clients capture."""
    notes: list[str] = []

    def capture(service: RunningService, mine: list[bytes]) -> None:
        with service.client() as client:
            for document in mine:
                try:
                    answer = client.post("/epcis/capture", content=document, headers=LD_JSON)
                except httpx.TransportError:
                    return
                if answer.status_code == 202:
                    notes.append(answer.json()["acknowledgement"])

    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            running = [pool.submit(capture, service, documents(2_000, each=20)) for _ in range(4)]
            while len(notes) < 40:
                assert not all(task.done() for task in running)
                time.sleep(0.01)
            service.kill()
            for task in running:
                task.result()
    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        acks = acknowledged(service, notes)
        end = max(ack.first_index + ack.count for ack in acks)
        service.wait_for_anchor(end)
        with service.client() as client:
            for ack in acks[:: max(len(acks) // 10, 1)]:
                indexes = range(ack.first_index, ack.first_index + ack.count)
                assert root_of(leaf_hash(client, index) for index in indexes) == ack.root
            [document] = documents(1, each=1)
            more = client.post("/epcis/capture", content=document, headers=LD_JSON).json()
        service.wait_for_anchor(more["first_index"] + more["count"])


@pytest.mark.soak
def test_killed_parts_are_started_again(tmp_path: Path) -> None:
    with RunningService(tmp_path / "data") as service:
        service.wait_until_ready()
        for part in ("provenance.api", "provenance.worker"):
            old = service.child(part)
            old.kill()
            old.wait()
            service.wait_until_ready()
            with service.client() as client:
                [document] = documents(2, each=2)
                job = client.post("/epcis/capture", content=document, headers=LD_JSON).json()
            service.wait_for_anchor(job["first_index"] + job["count"])
            assert service.child(part).pid != old.pid


@pytest.mark.soak
def test_a_second_service_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    with (
        RunningService(tmp_path / "data"),
        pytest.raises(AssertionError, match="already runs on"),
        RunningService(tmp_path / "data"),
    ):
        pass
