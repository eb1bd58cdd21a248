"""A dossier of the running service carries the time stamps that its worker obtained."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.reports import text_of
from fixtures.tsa import Authority, serving
from fixtures.waiting import eventually
from fixtures.written import member, opened, write_dossier
from provenance.anchor.authority import TimestampAuthority
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.stamping import Stamping, StampRhythm
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.chain.types import Address
from provenance.evidence.dossier.build import build_dossier
from provenance.evidence.dossier.content import DossierContent
from provenance.evidence.dossier.log import LogEvidence, gather_from_log
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.report import DossierReport
from provenance.verify.dossier.run import judge_dossier, verify_dossier
from provenance.verify.dossier.tokens import read_certificates, trusting
from provenance.wiring.chain import file_keys
from provenance.wiring.logs import signer_for

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
PARCEL = parcel()


async def record(service: ServiceUnderTest, number: int) -> int:
    """An event of the parcel, anchored; returns its entry's index."""
    carrier = await service.new_carrier()
    body = event(PARCEL, eventID=f"urn:uuid:stamped-{number}")
    answer = (await carrier.post("/epcis/events", json=body)).json()
    await service.anchor()
    return int(answer["first_index"])


async def stamp(service: ServiceUnderTest, tsa: Authority) -> None:
    """Have the newest checkpoint stamped."""
    assert service.settings.database_url
    registry = CollectorRegistry()
    stamping = Stamping(
        TimestampAuthority(tsa.url, roots=tsa.root.read_bytes),
        database_url=service.settings.database_url,
        log_id=service.services.log.log_id,
        metrics=AnchorMetrics(registry),
        rhythm=StampRhythm(interval=0.0, poll=0.01),
    )
    async with stamping.beside():
        await eventually(
            lambda: (registry.get_sample_value("provenance_anchor_timestamps_total") or 0) >= 1
        )


async def gather(service: ServiceUnderTest, indexes: Sequence[int]) -> LogEvidence:
    assert service.settings.rpc_url
    log = (await service.services.trust()).logs[-1]
    chain = ChainClient(service.settings.rpc_url)
    try:
        return await gather_from_log(
            indexes,
            prover=service.services.prover,
            registry=registry_at(chain, Address(log.contract), start_block=log.start),
            origins=(log.origin,),
        )
    finally:
        await chain.aclose()


async def verify(service: ServiceUnderTest, evidence: LogEvidence, tsa: Authority) -> DossierReport:
    content = DossierContent(
        origins=evidence.origins,
        subjects=(PARCEL,),
        receipts=evidence.receipts,
        closing=evidence.chain.closing,
        anchors=evidence.chain.anchors,
        timestamps=evidence.chain.timestamps,
    )
    file = io.BytesIO()
    signer = signer_for(content.origins[0], file_keys(service.settings))
    build_dossier(file, content, signer=signer, created_at=1)
    return verify_dossier(
        file,
        trust=await service.services.trust(),
        vouches=named([content.closing.anchor.block_hash]),
        check_token=trusting(read_certificates(tsa.root.read_bytes())),
    )


async def test_each_entry_comes_with_the_first_time_stamp_over_it(
    service: ServiceUnderTest, authority: Authority
) -> None:
    with serving(authority) as tsa:
        first = await record(service, 0)
        second = await record(service, 1)
        await stamp(service, tsa)
        third = await record(service, 2)
        none_over_the_third = await gather(service, [first, second, third])
        report = await verify(service, none_over_the_third, tsa)
        assert report.checks[-1].reason.startswith("2 of 3 entries existed by ")
        await stamp(service, tsa)
        last = await record(service, 3)
    evidence = await gather(service, [first, second, third, last])
    sizes = [stamp.parsed.size for stamp in evidence.chain.timestamps]
    assert sizes == [second + 1, third + 1]
    assert evidence.chain.closing.anchor.size == last + 1
    report = await verify(service, evidence, authority)
    assert report.checks[-1].outcome.value == "VALID", report.checks
    assert report.checks[-1].reason.startswith("3 of 4 entries existed by ")
    assert [stamp.parsed.size for stamp in (await gather(service, [third])).chain.timestamps] == [
        third + 1
    ]


async def test_the_dossier_of_a_shipment_carries_them_and_its_report_says_so(
    service: ServiceUnderTest, authority: Authority, tmp_path: Path
) -> None:
    await record(service, 4)
    with serving(authority) as tsa:
        await stamp(service, tsa)
    claims = await service.as_role("claims")
    data = await write_dossier(claims, f"shipments/{PARCEL}")
    dossier = opened(data)
    assert dossier.timestamps
    report = judge_dossier(
        dossier,
        trust=await service.services.trust(),
        vouches=named([dossier.closing.anchor.block_hash]),
        check_token=trusting(read_certificates(authority.root.read_bytes())),
    )
    assert report.outcome.value == "VALID", report.to_json()
    assert report.checks[-1].reason.startswith(f"all {len(dossier.receipts)} entries existed by ")
    said = text_of(member(data, "case.pdf"), tmp_path)
    size = dossier.timestamps[-1].parsed.size
    assert f"says that entries below {size} existed by" in said, said
