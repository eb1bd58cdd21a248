"""Documents while everything is killed: each that was acknowledged is there whole, once."""

import hashlib
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from fault.harness import Harness
from fault.killing import Part
from fixtures.application import parcel
from fixtures.documents import pdf
from fixtures.service import PATIENCE
from provenance.db.engine import create_engine
from provenance.sealing.sweep import GRACE_MS, Swept
from provenance.wiring.sealing import sweeper

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

DOCUMENTS = 150
CLIENTS = 4
BLOWS = (Part.API, Part.POSTGRES, Part.API, Part.SUPERVISOR, Part.API)


@dataclass(slots=True)
class Uploads:
    """Clients that upload until they are acknowledged; ``taken`` holds the places by subject."""

    harness: Harness
    taken: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    unexpected: list[str] = field(default_factory=list)
    give_up: threading.Event = field(default_factory=threading.Event)

    def send(self, number: int) -> None:
        """Upload one document of its own."""
        about, data = parcel(), pdf(size=300_000 + 20_000 * number, mark=str(number))
        with self.harness.service.client() as client:
            while not self.give_up.is_set():
                try:
                    answer = client.post(
                        "/v1/documents",
                        params={"subject": about, "type": "380"},
                        content=data,
                        headers={"idempotency-key": f"upload-{number}"},
                    )
                except httpx.TransportError:
                    continue
                if answer.status_code == 201:
                    self.taken[about] = (data, answer.headers["location"])
                    return
                if answer.status_code != 503:
                    self.unexpected.append(f"{answer.status_code}: {answer.text}")
                self.give_up.wait(0.05)

    def under_fire(self, parts: Sequence[Part]) -> None:
        """Upload everything while each of ``parts`` is killed."""
        moments = sorted(self.harness.random.randrange(DOCUMENTS * 8 // 10) for _ in parts)
        with ThreadPoolExecutor(CLIENTS) as pool:
            tasks = [pool.submit(self.send, number) for number in range(DOCUMENTS)]
            try:
                for part, moment in zip(parts, moments, strict=True):
                    self._wait_for(moment)
                    self.harness.strike(part)
            except BaseException:
                self.give_up.set()
                raise
            for task in tasks:
                task.result()

    def _wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 300
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"{len(self.taken)} of {count}: {self.unexpected}"
            time.sleep(0.002)


@pytest.mark.soak
async def test_what_was_acknowledged_is_whole_and_there_once(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    uploads = Uploads(harness)
    with harness.running():
        uploads.under_fire(BLOWS)
        harness.service.wait_until_ready()
        assert uploads.unexpected == []
        with harness.service.client() as client:
            firsts = [_whole(client, about, *taken) for about, taken in uploads.taken.items()]
        assert len(set(firsts)) == DOCUMENTS
        harness.service.wait_for_anchor(max(firsts) + 1)
        # Both audits find nothing: every sealed payload is opened and read to its end.
        await harness.check(repeat=0)
        assert await _swept(harness) == 2 * DOCUMENTS


@pytest.mark.soak
def test_what_a_killed_upload_left_is_gone_once_the_service_is_back(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    sealed = harness.data_dir / "blobs" / "sealed"
    enough, about = threading.Event(), parcel()

    def slowly() -> Iterator[bytes]:
        yield pdf(size=12 << 20, mark="never whole")[:-1000]
        enough.wait(PATIENCE)

    def send() -> None:
        with harness.service.client() as client, suppress(httpx.TransportError):
            client.post("/v1/documents", params={"subject": about, "type": "380"}, content=slowly())

    with harness.running(), ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send)
        try:
            deadline = time.monotonic() + PATIENCE
            while not _parts(sealed):
                assert time.monotonic() < deadline, "no upload has begun"
                time.sleep(0.01)
            harness.strike(Part.API)
        finally:
            enough.set()
        sending.result()
        harness.service.wait_until_ready()
        assert _parts(sealed) == []


def _parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*#*") if path.stat().st_size]


def _whole(client: httpx.Client, about: str, data: bytes, place: str) -> int:
    """First index of the one document about ``about``, whose bytes are ``data``."""
    assert client.get(place).content == data
    listed = client.get("/v1/documents", params={"subject": about}).json()["documents"]
    assert len(listed) == 1, f"{about} has {len(listed)} documents"
    assert place == f"/v1/documents/{listed[0]['first_index']}"
    assert hashlib.sha256(data).hexdigest() in client.get(place).headers["etag"]
    return int(listed[0]["first_index"])


async def _swept(harness: Harness) -> int:
    """Objects and segments that are left once everything old was swept."""
    sealed = [harness.data_dir / part for part in ("blobs/sealed", "keys/sealed")]
    engine = create_engine(harness.stores.database_url)
    try:
        sweeps = sweeper(
            harness.stores.settings,
            engine,
            now_ms=lambda: time.time_ns() // 1_000_000 + 2 * GRACE_MS,
        )
        found = await sweeps.sweep()
        print(f"the blows had left {found}")
        assert await sweeps.sweep() == Swept()
    finally:
        await engine.dispose()
    return len(_files(sealed))


def _files(folders: Sequence[Path]) -> list[Path]:
    return [
        path
        for folder in folders
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    ]
