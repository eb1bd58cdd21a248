"""``provenance run`` with a time-stamping authority: it stamps, and may fail without harm."""

import re
import time
from pathlib import Path

import httpx
import pytest

from fixtures.application import event, parcel
from fixtures.service import PATIENCE, RunningService
from fixtures.tsa import Authority, serving

pytestmark = [pytest.mark.soak, pytest.mark.services, pytest.mark.timeout(600)]


def metric(service: RunningService, name: str) -> float:
    """A metric of the worker; 0 where it counts nothing yet."""
    port = (service.data_dir / "run" / "worker-metrics.port").read_text().strip()
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").text
    found = re.search(rf"^provenance_anchor_{name} (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def wait_for(service: RunningService, name: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not metric(service, name):
        assert time.monotonic() < deadline, name
        time.sleep(0.1)


def record(service: RunningService) -> None:
    with service.client() as client:
        answer = client.post("/epcis/events", json=event(parcel()))
        service.wait_for_anchor(answer.json()["first_index"] + answer.json()["count"])


def test_the_worker_stamps_and_an_authority_that_hangs_holds_up_nothing(
    tmp_path: Path, authority: Authority
) -> None:
    with serving(authority) as tsa:
        named = {
            "PROVENANCE_TIMESTAMP_URL": tsa.url,
            "PROVENANCE_TIMESTAMP_CERTIFICATE": str(tsa.root),
            "PROVENANCE_TIMESTAMP_INTERVAL_S": "1",
        }
        with RunningService(tmp_path / "data", **named) as service:
            service.wait_until_ready()
            record(service)
            wait_for(service, "timestamps_total")
            assert metric(service, "timestamp_size") >= 1
            tsa.fault = "hangs"
            record(service)
            assert tsa.waiting.wait(PATIENCE)
            record(service)
            assert service.stop() == 0
