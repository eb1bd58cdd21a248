"""A dossier of what the running service recorded: its own prover, its own chain."""

import io
from dataclasses import replace

import pytest
import pytest_asyncio

from fixtures.application import ServiceUnderTest, event, parcel
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.core.verdict import Outcome
from provenance.evidence.dossier.build import build_dossier
from provenance.evidence.dossier.content import DossierContent, DossierEvent
from provenance.evidence.dossier.log import LogEvidence, gather_from_log
from provenance.evidence.dossier.redaction import Choice, redact
from provenance.prove.errors import EntryNotFoundError
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.report import NO_TIMES, DossierReport
from provenance.verify.dossier.run import verify_dossier
from provenance.wiring.chain import file_keys
from provenance.wiring.logs import signer_for

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
PARCEL, NEIGHBOUR = parcel(), parcel()


async def evidence_of(service: ServiceUnderTest, *indexes: int) -> LogEvidence:
    assert service.settings.rpc_url
    chain = ChainClient(service.settings.rpc_url)
    trust = await service.services.trust()
    log = trust.logs[-1]
    try:
        return await gather_from_log(
            indexes,
            prover=service.services.prover,
            registry=registry_at(chain, log.contract, start_block=log.start),  # type: ignore[arg-type]
            origins=(log.origin,),
        )
    finally:
        await chain.aclose()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def content(service: ServiceUnderTest) -> DossierContent:
    """Three events of a parcel, the second of two parcels, anchored one by one."""
    carrier = await service.new_carrier()
    indexes, events = [], []
    for number, epcs in enumerate([(PARCEL,), (PARCEL, NEIGHBOUR), (PARCEL,)]):
        body = event(*epcs, eventID=f"urn:uuid:d-{number}")
        answer = (await carrier.post("/epcis/events", json=body)).json()
        entries = range(answer["first_index"], answer["first_index"] + answer["count"])
        indexes += entries
        payload = await carrier.get(f"/v1/records/{entries[0]}/payload")
        events.append(DossierEvent(entries[0], payload.content))
        await service.anchor()
    evidence = await evidence_of(service, *indexes)
    return DossierContent(
        origins=evidence.origins,
        subjects=(PARCEL,),
        receipts=evidence.receipts,
        closing=evidence.chain.closing,
        anchors=evidence.chain.anchors,
        events=tuple(events),
    )


async def verify(service: ServiceUnderTest, content: DossierContent) -> DossierReport:
    file = io.BytesIO()
    signer = signer_for(content.origins[0], file_keys(service.settings))
    build_dossier(file, content, signer=signer, created_at=1_767_225_600_000)
    return verify_dossier(
        file,
        trust=await service.services.trust(),
        vouches=named([content.closing.anchor.block_hash]),
    )


async def test_one_block_hash_proves_what_the_service_recorded(
    service: ServiceUnderTest, content: DossierContent
) -> None:
    report = await verify(service, content)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert NO_TIMES not in report.qualifications
    assert report.receipts is not None
    assert len(report.receipts.receipts) == 4
    assert len(content.closing.consistency) == 2


async def test_a_variant_shows_fields_and_withholds_the_neighbour(
    service: ServiceUnderTest, content: DossierContent
) -> None:
    first, mine, neighbours, last = (receipt.index for receipt in content.receipts)
    shown = await service.services.prover.receipt(mine, pointers=["/epcList/0"])
    choice = Choice(
        whole=frozenset([first]), statements=frozenset([last]), fields={mine: shown.fields}
    )
    variant = redact(content, choice)
    file = io.BytesIO()
    signer = signer_for(content.origins[0], file_keys(service.settings))
    build_dossier(file, variant, signer=signer, created_at=1)
    assert NEIGHBOUR.encode() not in file.getvalue()
    report = await verify(service, variant)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert report.receipts is not None
    states = {item.receipt.index: item.receipt.state for item in report.receipts.receipts}
    assert states[neighbours] == "withheld"
    assert "1 of 4 entries are withheld or erased: place and order only" in report.qualifications
    disclosed = next(
        item.receipt for item in report.receipts.receipts if item.receipt.index == mine
    )
    assert [item.field.token for item in disclosed.fields] == [f'"{PARCEL}"']


async def test_a_field_that_was_altered_is_invalid(
    service: ServiceUnderTest, content: DossierContent
) -> None:
    mine = content.receipts[1].index
    shown = await service.services.prover.receipt(mine, pointers=["/epcList/0"])
    false = replace(shown.fields[0], field=replace(shown.fields[0].field, token='"other"'))
    variant = redact(content, Choice(fields={mine: (false,)}))
    assert (await verify(service, variant)).outcome is Outcome.INVALID


async def test_an_entry_that_the_log_does_not_have_is_named(service: ServiceUnderTest) -> None:
    with pytest.raises(EntryNotFoundError, match="no entry 999999"):
        await evidence_of(service, 999_999)
