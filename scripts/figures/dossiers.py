"""A dossier out of the running log, and its verification, against zipping and hashing its bytes."""

import asyncio
import hashlib
import io
import tempfile
import time
import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import httpx
import msgspec

from figures.result import Figure
from figures.service import PATIENCE_S, Service
from provenance.api.server import open_services
from provenance.api.services import Services
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.chain.types import Address
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.demo.events import CONTEXT
from provenance.evidence.dossier.build import build_dossier
from provenance.evidence.dossier.content import DossierContent, DossierDocument, DossierEvent
from provenance.evidence.dossier.log import gather_from_log
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier
from provenance.wiring.chain import file_keys
from provenance.wiring.logs import signer_for

_SUBJECTS: Final = 100
_EVENTS_EACH: Final = 10
"""Events for each document, as in the largest case that is planned for."""
_DOCUMENT_BYTES: Final = 20_000
_AT_ONCE: Final = 500
_LARGEST_CASE: Final = 1_000
_WRITING_S, _VERIFYING_S = 60, 10
_BASELINE: Final = "the same members hashed (SHA-256) and stored in a ZIP file by zipfile"


@dataclass(frozen=True, slots=True)
class _Case:
    """What was recorded: entries ``[start, end)``, and the documents by their first entry."""

    start: int
    end: int
    subjects: tuple[str, ...]
    documents: Mapping[int, bytes]


async def dossier_figures(service: Service, *, documents: int) -> list[Figure]:
    """Write and verify a dossier of so many documents and ten times as many events."""
    case = await _record(service, documents)
    await _wait_until_final(service, case.end)
    with tempfile.TemporaryDirectory(prefix="provenance-bench-") as folder:
        path = Path(folder) / "dossier.zip"
        async with open_services(service.settings) as services:
            trust = await services.trust()
            began = time.perf_counter()
            content = await _gather(service, services, case)
            gathered = time.perf_counter()
            with path.open("w+b") as file:
                _write(file, content, service)
            written = time.perf_counter()
        seconds = {"gathering_s": gathered - began, "building_s": written - gathered}
        block = content.closing.anchor.block_hash
        verifying = await asyncio.to_thread(_verify, path, trust, block)
        baseline = await asyncio.to_thread(_baseline, path)
        size = path.stat().st_size
    more = {"entries": case.end - case.start, "bytes": size}
    name = f"{documents:,} documents and {documents * _EVENTS_EACH:,} events"
    return [
        _figure(
            f"dossier of {name}, written",
            written - began,
            baseline,
            most=_WRITING_S if documents >= _LARGEST_CASE else None,
            limit="receipts: paths, trail heads and canonical JSON, in Python",
            more=more | seconds,
        ),
        _figure(
            f"dossier of {name}, verified",
            verifying,
            baseline,
            most=_VERIFYING_S if documents >= _LARGEST_CASE else None,
            limit="reading canonical JSON strictly, and hashing paths, in Python",
            more=more,
        ),
    ]


def _figure(
    name: str,
    seconds: float,
    baseline: float,
    *,
    most: float | None,
    limit: str,
    more: Mapping[str, float],
) -> Figure:
    return Figure(
        name=name,
        value=seconds,
        unit="s",
        baseline=baseline,
        baseline_name=_BASELINE,
        target=f"< {most} s" if most is not None else "",
        met=seconds < most if most is not None else None,
        limit=limit,
        more=dict(more),
    )


async def _record(service: Service, documents: int) -> _Case:
    start = await service.size()
    subjects = tuple(
        f"https://id.gs1.org/8004/9521141D{start}X{number}" for number in range(_SUBJECTS)
    )
    events = [_event(subjects[n % _SUBJECTS], n) for n in range(documents * _EVENTS_EACH)]
    requests = [
        service.request("POST", "/epcis/capture", _capture(events[at : at + _AT_ONCE]))
        for at in range(0, len(events), _AT_ONCE)
    ]
    await service.send(tuple(requests), clients=1, expected=202)
    recorded = await asyncio.to_thread(_upload, service, subjects, documents)
    return _Case(start, await service.size(), subjects, recorded)


def _event(subject: str, number: int) -> dict[str, object]:
    return {
        "type": "ObjectEvent",
        "eventTime": f"2026-07-22T06:{number // 60 % 60:02}:{number % 60:02}Z",
        "eventTimeZoneOffset": "+00:00",
        "eventID": f"urn:uuid:00000000-0000-4000-8000-{number:012}",
        "action": "OBSERVE",
        "bizStep": "departing",
        "epcList": [subject],
    }


def _capture(events: Sequence[dict[str, object]]) -> bytes:
    return msgspec.json.encode(
        {
            "@context": CONTEXT,
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-07-22T07:00:00Z",
            "epcisBody": {"eventList": events},
        }
    )


def _upload(service: Service, subjects: Sequence[str], count: int) -> dict[int, bytes]:
    with httpx.Client(
        base_url=f"http://{service.host}:{service.port}",
        headers={
            "authorization": f"Bearer {service.tokens['carrier']}",
            "content-type": "application/pdf",
        },
        timeout=PATIENCE_S,
    ) as client:

        def upload(number: int) -> tuple[int, bytes]:
            data = b"%%PDF-1.7\n%d\n" % number + bytes(_DOCUMENT_BYTES) + b"\n%%EOF\n"
            query = {"subject": subjects[number % _SUBJECTS], "type": "380"}
            answer = client.post("/v1/documents", params=query, content=data)
            answer.raise_for_status()
            return answer.json()["first_index"], data

        with ThreadPoolExecutor(4) as threads:
            return dict(threads.map(upload, range(count)))


async def _wait_until_final(service: Service, size: int) -> None:
    """A dossier is closed by an anchor that the chain cannot take back."""
    query = "SELECT 1 FROM anchors WHERE size >= %s AND state = 'final'"
    async with service.database() as connection, asyncio.timeout(PATIENCE_S):
        while not await (await connection.execute(query, (size,))).fetchone():
            await connection.rollback()
            await asyncio.sleep(0.05)


async def _gather(service: Service, services: Services, case: _Case) -> DossierContent:
    log = (await services.trust()).logs[-1]
    chain = ChainClient(service.rpc_url)
    try:
        evidence = await gather_from_log(
            range(case.start, case.end),
            prover=services.prover,
            registry=registry_at(chain, Address(log.contract), start_block=log.start),
            origins=(log.origin,),
        )
    finally:
        await chain.aclose()
    query = (
        "SELECT first_index, payload FROM records"
        " WHERE first_index >= %s AND kind = 'event' ORDER BY first_index"
    )
    async with service.database() as connection:
        rows = await (await connection.execute(query, (case.start,))).fetchall()
    return DossierContent(
        origins=evidence.origins,
        subjects=case.subjects,
        receipts=evidence.receipts,
        closing=evidence.chain.closing,
        anchors=evidence.chain.anchors,
        timestamps=evidence.chain.timestamps,
        events=tuple(DossierEvent(index, payload) for index, payload in rows),
        documents=tuple(
            DossierDocument(index, "application/pdf", lambda data=data: [data], code="380")
            for index, data in sorted(case.documents.items())
        ),
    )


def _write(file: IO[bytes], content: DossierContent, service: Service) -> None:
    signer = signer_for(content.origins[0], file_keys(service.settings))
    build_dossier(file, content, signer=signer, created_at=time.time_ns() // 1_000_000)


def _verify(path: Path, trust: TrustFile, block: bytes) -> float:
    began = time.perf_counter()
    with path.open("rb") as file:
        report = verify_dossier(file, trust=trust, vouches=named([block]))
    seconds = time.perf_counter() - began
    assert report.outcome is Outcome.VALID, report.refusal or report.checks
    return seconds


def _baseline(path: Path) -> float:
    """Seconds to hash and to store what the dossier holds."""
    with zipfile.ZipFile(path) as file:
        members = [(name, file.read(name)) for name in file.namelist()]
    began = time.perf_counter()
    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_STORED) as made:
        for name, data in members:
            hashlib.sha256(data).digest()
            made.writestr(name, data)
    return time.perf_counter() - began
