"""A record that is erased while its dossier is written: it is told so, and the next one has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import at, new_desk
from fixtures.documents import pdf, upload
from fixtures.erasing import erase
from fixtures.written import opened, verified, write_dossier
from provenance.api.dossiers.collecting import Collected
from provenance.api.dossiers.order import Begins, Line, Order
from provenance.api.dossiers.refusals import ErasedMeanwhileError, refused
from provenance.api.dossiers.writing import DossierWriter, WriterParts
from provenance.chain.client import ChainClient
from provenance.core.verdict import Outcome
from provenance.evidence.dossier.content import DossierContent
from provenance.evidence.dossier.log import LogEvidence
from provenance.evidence.timelines.contexts import Contexts, ContextStore
from provenance.wiring.chain import file_keys
from provenance.wiring.logs import signer_for

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


class Kept:
    """What a dossier's writer sends."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.data = b""

    def tell(self, line: Line) -> None:
        self.lines.append(line)

    def write(self, data: bytes, /) -> None:
        self.data += data


@asynccontextmanager
async def writer(service: ServiceUnderTest) -> AsyncIterator[DossierWriter]:
    services, settings = service.services, service.settings
    assert settings.rpc_url is not None
    chain = ChainClient(settings.rpc_url)
    try:
        yield DossierWriter(
            WriterParts(
                services=services,
                contexts=Contexts(ContextStore(services.engine), limits=services.intake),
                chain=chain,
                signer=signer_for(services.log.origin, file_keys(settings)),
            )
        )
    finally:
        await chain.aclose()


@pytest.mark.parametrize("before", [True, False], ids=["unseen", "opened"])
async def test_a_document_that_goes_meanwhile_is_not_told_as_one_that_is_gone_for_ever(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, *, before: bool
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "accepting", epc))
    document = (await upload(desk.claims, pdf(mark=epc, size=200_000), epc)).json()["first_index"]
    await service.anchor()
    content = DossierWriter._content

    async def erased(
        self: DossierWriter, collected: Collected, evidence: LogEvidence
    ) -> DossierContent:
        if before:
            await erase(service, records=[document])
        found = await content(self, collected, evidence)
        if not before:
            await erase(service, records=[document])
        return found

    monkeypatch.setattr(DossierWriter, "_content", erased)
    channel = Kept()
    order = Order(role="admin", organisation=UUID(int=0), reference="r", shipment=epc)
    async with writer(service) as dossiers:
        with pytest.raises(ErasedMeanwhileError, match="write it again") as raised:
            await dossiers.write(order, channel)
    assert not any(isinstance(line, Begins) for line in channel.lines)
    told = refused(raised.value, "r")
    assert (told.status, told.headers["retry-after"]) == (503, "2")
    assert b'"erased-meanwhile"' in bytes(told.problem)
    monkeypatch.undo()
    await service.anchor()
    data = await write_dossier(desk.claims, f"shipments/{epc.replace('/', '%2F')}")
    assert (await verified(service, data)).outcome is Outcome.VALID
    states = {item.index: item.state for item in opened(data).receipts}
    assert states[document] == "erased"
