"""One large document over HTTP, in and out, against sealing and opening the same bytes in a file."""

import asyncio
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from figures.result import Figure
from figures.service import Service
from provenance.sealing.stream import KEY_SIZE, DataKey, Opener, Sealer, Span

_MIB = 1 << 20
_MEMORY_TARGET_MB = 64
_SUBJECT = "urn:example:bench:document"
_HEAD, _END = b"%PDF-1.7\n", b"\n%%EOF\n"


async def document_figures(service: Service, *, megabytes: int) -> list[Figure]:
    """Upload and download of a document of so many MiB, and what they add to the API's memory."""
    size = megabytes * _MIB
    sealing, opening = await asyncio.to_thread(_baselines, size)
    uploading, downloading, growth = await asyncio.to_thread(_exchange, service, size)
    return [
        _rate(f"upload of {megabytes} MiB", megabytes, uploading, sealing, "sealed and synced"),
        _rate(f"download of {megabytes} MiB", megabytes, downloading, opening, "opened"),
        Figure(
            name=f"API's peak memory while {megabytes} MiB go in and out",
            value=max(growth, 0.1),
            unit="MB",
            baseline=_MEMORY_TARGET_MB,
            baseline_name="what it may rise by",
            target=f"< {_MEMORY_TARGET_MB} MB",
            met=growth < _MEMORY_TARGET_MB,
            limit="two parts of 5 MiB on their way to the object store, and what the socket holds",
        ),
    ]


def _rate(name: str, megabytes: int, seconds: float, baseline: float, done: str) -> Figure:
    return Figure(
        name=name,
        value=megabytes / seconds,
        unit="MiB/s",
        baseline=megabytes / baseline,
        baseline_name=f"the same bytes hashed, and {done} in one file by one thread",
        limit="hashing and AES-GCM in the API's one thread, and copies between socket and store",
    )


def _baselines(size: int) -> tuple[float, float]:
    """Seconds that sealing into a file and opening it again take."""
    key = DataKey(os.urandom(KEY_SIZE))
    with tempfile.TemporaryFile() as file:
        began = time.perf_counter()
        sealer, digest = Sealer(key, random_bytes=os.urandom), hashlib.sha256()
        file.write(sealer.header)
        for data in _pdf(size):
            digest.update(data)
            file.write(sealer.update(data))
        file.write(sealer.finish())
        file.flush()
        os.fsync(file.fileno())
        sealed = time.perf_counter()
        file.seek(0)
        opener = Opener(key, file.read(len(sealer.header)), Span.of(size))
        while data := file.read(_MIB):
            for _ in opener.update(data):
                pass
        opener.finish()
        return sealed - began, time.perf_counter() - sealed


def _exchange(service: Service, size: int) -> tuple[float, float, float]:
    """Seconds of upload and download, and by how many MB the API's memory rose meanwhile."""
    process = service.stack.programs["api"].pid
    assert process is not None
    with httpx.Client(
        base_url=f"http://{service.host}:{service.port}",
        headers={"authorization": f"Bearer {service.tokens['carrier']}"},
        timeout=600,
    ) as client:
        _upload(client, 8 * _MIB)
        before = _forget_peak(process)
        began = time.perf_counter()
        place = _upload(client, size)
        uploaded = time.perf_counter()
        with client.stream("GET", place) as answer:
            received = sum(len(data) for data in answer.iter_raw())
        downloaded = time.perf_counter()
        assert received == size, "all of the document comes back"
        growth = (_peak(process) - before) / 1e6
    return uploaded - began, downloaded - uploaded, growth


def _upload(client: httpx.Client, size: int) -> str:
    answer = client.post(
        "/v1/documents",
        params={"subject": _SUBJECT, "type": "380"},
        content=_pdf(size),
        headers={"content-type": "application/pdf"},
    )
    answer.raise_for_status()
    return answer.headers["location"]


def _pdf(size: int) -> Iterator[bytes]:
    """A PDF of ``size`` bytes, another one each time."""
    page = os.urandom(_MIB)
    yield _HEAD
    left = size - len(_HEAD) - len(_END)
    for at in range(0, left, _MIB):
        yield page[: min(_MIB, left - at)]
    yield _END


def _forget_peak(process: int) -> int:
    """Start measuring anew where the system can; returns the resident memory."""
    reset = Path(f"/proc/{process}/clear_refs")
    if reset.exists():
        reset.write_text("5", encoding="ascii")
    return psutil.Process(process).memory_info().rss


def _peak(process: int) -> int:
    """Largest resident memory, or the present one where the system keeps no peak."""
    status = Path(f"/proc/{process}/status")
    if status.exists():
        for line in status.read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return psutil.Process(process).memory_info().rss
