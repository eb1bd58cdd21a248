"""A claims case written to a file over HTTP, and verified, against zipping and hashing its bytes."""

import asyncio
import hashlib
import io
import time
import zipfile
from dataclasses import dataclass
from random import Random
from typing import Final

import httpx

from figures.result import Figure
from figures.service import Service
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.demo.events import PLACES, document, scan, sscc
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.reading import read_dossier
from provenance.verify.dossier.run import verify_dossier

_LARGEST: Final = 11_000
"""Entries of the largest case that is planned for: 10,000 events and 1,000 documents."""
_WRITTEN_S: Final = 60
_VERIFIED_S: Final = 10
_PARCELS: Final = 100
_PATIENCE_S: Final = 300
_WAYBILL: Final = "BENCHDOSSIER"
_EVENTS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Taken:
    """Seconds, and how many entries the dossier has."""

    written: float
    verified: float
    zipped: float
    entries: int


async def dossier_figures(service: Service, *, events: int, documents: int) -> list[Figure]:
    """Write and verify a dossier of so many events and documents."""
    trust = TrustFile.decode((service.settings.data_dir / "trust.json").read_bytes())
    taken = await asyncio.to_thread(_measure, service, trust, events, documents)
    name = f"{events:,} events and {documents:,} documents"
    return [
        _figure(
            f"dossier of {name}, written",
            taken.written,
            taken,
            _WRITTEN_S,
            "receipts read back and checked for their form, and the report's lines, by one process",
        ),
        _figure(
            f"dossier of {name}, verified",
            taken.verified,
            taken,
            _VERIFIED_S,
            "parsing canonical JSON, hashing paths, and one signature for each checkpoint and trail",
        ),
    ]


def _figure(name: str, seconds: float, taken: _Taken, most: int, limit: str) -> Figure:
    is_largest = taken.entries >= _LARGEST
    return Figure(
        name=name,
        value=seconds,
        unit="s",
        baseline=taken.zipped,
        baseline_name="the same members hashed (SHA-256) and stored in a ZIP file by zipfile",
        target=f"< {most} s" if is_largest else "",
        met=seconds < most if is_largest else None,
        limit=limit,
        more={"entries": taken.entries},
    )


def _measure(service: Service, trust: TrustFile, events: int, documents: int) -> _Taken:
    with _client(service, "carrier") as carrier, _client(service, "claims") as claims:
        _record(carrier, events, documents)
        opened = claims.post(
            "/v1/cases", json={"claim": "damage", "shipments": [_WAYBILL], "claimant": "Nobody"}
        )
        opened.raise_for_status()
        path = f"/v1/cases/{opened.json()['case']}/dossier"
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            began = time.perf_counter()
            answer = claims.post(path, json={})
            if answer.status_code != 409 or time.monotonic() > deadline:
                break
            time.sleep(0.2)
        answer.raise_for_status()
        written = time.perf_counter() - began
    file = io.BytesIO(answer.content)
    block = read_dossier(file).closing.anchor.block_hash
    began = time.perf_counter()
    report = verify_dossier(file, trust=trust, vouches=named([block]))
    verified = time.perf_counter() - began
    assert report.outcome is Outcome.VALID, report.checks
    assert report.receipts is not None
    return _Taken(written, verified, _zipped(answer.content), len(report.receipts.receipts))


def _zipped(dossier: bytes) -> float:
    """Seconds to hash and to store what a dossier holds."""
    with zipfile.ZipFile(io.BytesIO(dossier)) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    began = time.perf_counter()
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_STORED) as made:
        for name, data in members:
            hashlib.sha256(data).digest()
            made.writestr(name, data)
    return time.perf_counter() - began


def _record(carrier: httpx.Client, events: int, documents: int) -> None:
    # No seed of the other figures: events with the same ids and other content are refused.
    random = Random("dossiers")  # noqa: S311 - to be repeatable
    parcels = [sscc(4, random.randrange(10**9)) for _ in range(_PARCELS)]
    now = time.time_ns() // 1_000_000 - 1_000 * events
    scans = [
        scan(
            random,
            at=now + 1_000 * number,
            where=PLACES["transit"],
            step="departing",
            disposition="in_transit",
            epcs=[parcels[number % _PARCELS]],
            waybills=[_WAYBILL] if number < _PARCELS else (),
        )
        for number in range(events)
    ]
    for start in range(0, events, _EVENTS_AT_ONCE):
        body = document(scans[start : start + _EVENTS_AT_ONCE], at=now)
        captured = carrier.post(
            "/epcis/capture", content=body, headers={"content-type": "application/ld+json"}
        )
        captured.raise_for_status()
    for number in range(documents):
        added = carrier.post(
            "/v1/documents",
            params={"subject": _WAYBILL, "type": "380"},
            content=b"%%PDF-1.7\n%%document %d\n%%%%EOF\n" % number,
            headers={"content-type": "application/pdf"},
        )
        added.raise_for_status()


def _client(service: Service, role: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"http://{service.host}:{service.port}",
        headers={"authorization": f"Bearer {service.tokens[role]}"},
        timeout=_PATIENCE_S,
    )
