"""The largest case that is planned for: a thousand documents and ten thousand events."""

import asyncio
import json
import os
import resource
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.application import ServiceUnderTest, document, event, parcel
from fixtures.documents import pdf, upload
from fixtures.embedded import ChainFixture
from fixtures.large_dossier import BATCHES, SUBJECTS, make_large_case
from provenance.api.dossiers.order import LINES
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.reading import read_dossier
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services
DOCUMENTS = 1_000
EVENTS = 10_000


@pytest.mark.soak
def test_a_large_case_is_written_and_verified_in_time(anvil: ChainFixture, tmp_path: Path) -> None:
    case = make_large_case(anvil, documents=DOCUMENTS)
    told: list[tuple[str, int, int]] = []
    path = tmp_path / "dossier.zip"
    with path.open("w+b") as file:
        started = time.process_time()
        case.write(file, progress=lambda *said: told.append(said))
        written = time.process_time() - started
    assert told[-1][1] == told[-1][2] == len(told) - 1
    block = case.content.closing.anchor.block_hash
    with path.open("rb") as file:
        started = time.process_time()
        report = verify_dossier(file, trust=case.log.trust(), vouches=named([block]))
        verified = time.process_time() - started
    assert report.outcome is Outcome.VALID, report.refusal or report.checks
    assert report.about["entries"] == DOCUMENTS + EVENTS
    assert written < 60, written
    assert verified < 10, verified
    print(f"\nwritten {written:.1f} s, verified {verified:.1f} s, {path.stat().st_size} bytes")


async def recorded(service: ServiceUnderTest, share: int) -> tuple[httpx.AsyncClient, str]:
    """A waybill of a hundred parcels with everything about it, anchored in some batches."""
    carrier, claims = await service.new_carrier(), await service.as_role("claims")
    parcels = [parcel() for _ in range(SUBJECTS)]
    waybill = f"urn:provenance:shipment:acme:{os.urandom(5).hex()}"
    bol = [{"type": "bol", "bizTransaction": waybill}]
    step = EVENTS // share // BATCHES
    for batch in range(BATCHES):
        events = [
            scan(
                parcels[number % SUBJECTS],
                number,
                **({} if number >= SUBJECTS else {"bizTransactionList": bol}),
            )
            for number in range(batch * step, (batch + 1) * step)
        ]
        answer = await carrier.post("/epcis/capture", json=document(*events), timeout=60)
        assert answer.status_code == 202, answer.text
        files = range(DOCUMENTS // share // BATCHES)
        for start in range(0, len(files), 10):
            await asyncio.gather(
                *(add(claims, waybill, f"{batch}-{number}") for number in files[start : start + 10])
            )
        await service.anchor()
    body = {"claim": "damage", "shipments": [waybill], "claimant": "Nora", "zone": "Europe/Berlin"}
    opened = (await claims.post("/v1/cases", json=body)).json()
    await service.anchor()
    return claims, opened["case"]


async def add(claims: httpx.AsyncClient, waybill: str, name: str) -> None:
    """Upload a document."""
    data = pdf(size=2_000, mark=f"document {name}")
    added = await upload(claims, data, waybill, type="380", filename=f"{name}.pdf")
    assert added.status_code == 201, added.text


def scan(epc: str, number: int, **fields: Any) -> dict[str, Any]:
    """A scan, one second after the other."""
    at = datetime.fromtimestamp(1_767_225_600 + number, UTC).isoformat()
    step = "accepting" if number % 1_000 >= 900 else "departing"
    return event(epc, eventTime=at, eventTimeZoneOffset="+00:00", bizStep=step, **fields)


def children_cpu() -> float:
    """Seconds that processes which were started from here, and have ended, were at work."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.timeout(900)
@pytest.mark.soak
@pytest.mark.parametrize("share", [1, 10])
@pytest.mark.asyncio(loop_scope="module")
async def test_a_large_case_is_written_by_the_service_in_time(
    service: ServiceUnderTest, tmp_path: Path, share: int
) -> None:
    assert service.services.dossiers is not None
    await service.services.dossiers.aclose()
    claims, case = await recorded(service, share)
    before = children_cpu()
    started = time.perf_counter()
    path, told = tmp_path / "case.zip", []
    async with claims.stream(
        "POST", f"/v1/cases/{case}/dossier", json={}, headers={"accept": LINES}, timeout=300
    ) as answer:
        assert answer.status_code == 200
        rest, size = b"", None
        with path.open("wb") as file:
            async for piece in answer.aiter_bytes():
                rest += piece
                while size is None and b"\n" in rest:
                    line, _, rest = rest.partition(b"\n")
                    said = json.loads(line)
                    size = said.get("size")
                    told += [said] if size is None else []
                if size is not None:
                    file.write(rest)
                    rest = b""
    elapsed = time.perf_counter() - started
    await service.services.dossiers.aclose()
    written = children_cpu() - before
    assert path.stat().st_size == size
    assert written > 1, "starting the process alone takes longer"
    proofs = [said["done"] for said in told if said["doing"] == "gathering proofs"]
    assert len(proofs) > 1
    assert proofs == sorted(proofs)
    with path.open("rb") as file:
        closing = read_dossier(file).closing
    trust = await service.services.trust()
    with path.open("rb") as file:
        started = time.process_time()
        report = verify_dossier(file, trust=trust, vouches=named([closing.anchor.block_hash]))
        verified = time.process_time() - started
    assert report.outcome is Outcome.VALID, report.refusal or report.checks
    print(
        f"\nwritten in {elapsed:.1f} s, {written:.1f} s of them at work; "
        f"verified {verified:.1f} s, {size} bytes, {report.about['entries']} entries"
    )
    assert report.about["entries"] == (EVENTS + DOCUMENTS) // share + SUBJECTS + 2
    assert written < 10 + 50 / share, written
    assert verified < 1 + 9 / share, verified
