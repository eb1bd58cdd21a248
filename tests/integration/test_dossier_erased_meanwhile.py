"""A record that is erased while its dossier is written: it is told so, and the next one has it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import quote
from uuid import UUID

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.dossier_orders import writers
from fixtures.erasing import canary, erase
from fixtures.rotation import sampled
from fixtures.written import opened, verified, write_dossier
from provenance.api.dossiers import writing
from provenance.api.dossiers.collecting import Collected, Collector
from provenance.api.dossiers.order import Begins, Line, Order
from provenance.api.dossiers.refusals import ErasedMeanwhileError, refused
from provenance.api.dossiers.spool import Spooled
from provenance.api.dossiers.store import DossierStore
from provenance.api.dossiers.writing import DossierWriter, WriterParts
from provenance.chain.client import ChainClient
from provenance.core.verdict import Outcome
from provenance.evidence.dossier.content import DossierContent
from provenance.evidence.dossier.log import LogEvidence
from provenance.evidence.timelines.contexts import Contexts, ContextStore
from provenance.prove.errors import NotAnchoredError
from provenance.prove.prover import Prover
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


@pytest.mark.parametrize(
    "before",
    [pytest.param(True, id="unseen"), pytest.param(False, id="opened", marks=pytest.mark.soak)],
)
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


WINDOWS = {
    "timeline read": (DossierStore, "entries", 1),
    "entries read": (DossierStore, "records", 1),
    "records read": (Prover, "materials_as_of", 1),
    "materials read": (Collector, "receipt", 1),
    "receipts made": (DossierWriter, "_content", 1),
    "content gathered": (writing, "check_still_there", 1),
    "report made": (writing, "check_still_there", 2),
}
"""What was done when something is erased; the step before which it is, and how often that is taken."""
EARLY = ("timeline read", "entries read")
"""When what is linked from elsewhere was told of, and is not read as a record yet."""


@contextmanager
def erasing_in(window: str, service: ServiceUnderTest, record: int) -> Iterator[pytest.MonkeyPatch]:
    """Erase a record when ``window`` is there; what is erased in vain fails."""
    owner, name, wanted = WINDOWS[window]
    step, calls = getattr(owner, name), 0

    async def taken(*given: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == wanted:
            await erase(service, records=[record])
        return await step(*given, **named)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(owner, name, taken)
        yield patched
    assert calls >= wanted


async def case_that_names(service: ServiceUnderTest, name: str) -> tuple[Desk, str, dict[str, int]]:
    """A case, and records that a dossier of it shows and that hold ``name``."""
    desk, epc, other = await new_desk(service), parcel(), parcel()
    place = {"readPoint": {"id": f"https://places.example/{name}"}}
    [event] = await desk.capture(at("2026-06-02T09:00:00Z", "departing", epc, **place))
    [linked] = await desk.capture(at("2026-06-02T09:00:00Z", "departing", other, **place))
    added = await upload(desk.claims, pdf(mark=name), epc, filename=f"{name}.pdf")
    invoice = (await upload(desk.claims, pdf(mark=other), other, type="380")).json()
    of_invoice = {"first_index": invoice["first_index"], "sha256": invoice["sha256"]}
    described = await desk.claims.post(
        f"/v1/documents/{invoice['first_index']}/description",
        params={"subject": other},
        json={"v": 1, "document": of_invoice, "signer": name},
    )
    description = described.json()["first_index"]
    case = await desk.open(epc, "damage")
    links = [
        {"first_index": one, "subject": other}
        for one in (linked, invoice["first_index"], description)
    ]
    assert (await desk.act(case, 1, "evidence_linked", evidence=links)).status_code == 201
    moved = await desk.act(case, 2, "state_changed", to="collecting", author=name)
    await service.anchor()
    return (
        desk,
        case,
        {
            "event": event,
            "document": added.json()["first_index"],
            "linked": linked,
            "linked description": description,
            "act": moved.json()["first_index"],
        },
    )


@pytest.mark.parametrize("window", sampled(WINDOWS, every=8))
async def test_what_goes_between_two_steps_leaves_no_dossier(
    service: ServiceUnderTest, window: str
) -> None:
    name = canary()
    desk, case, named = await case_that_names(service, name)
    order = Order(role="admin", organisation=UUID(int=0), reference="r", case=case)
    kinds = [kind for kind in named if window in EARLY or not kind.startswith("linked")]
    for kind, record in [(kind, named[kind]) for kind in kinds]:
        channel = Kept()
        async with writer(service) as dossiers:
            with (
                erasing_in(window, service, record),
                pytest.raises((ErasedMeanwhileError, NotAnchoredError)) as raised,
            ):
                await dossiers.write(order, channel)
        # Where the record of the erasure is found first, that is what is waited for.
        is_waited_for = window == "timeline read" and not kind.startswith("linked")
        assert raised.type is (NotAnchoredError if is_waited_for else ErasedMeanwhileError), kind
        assert not any(isinstance(line, Begins) for line in channel.lines)
        await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    states = {item.index: item.state for item in opened(data).receipts}
    assert {states[named[kind]] for kind in kinds} == {"erased"}
    if len(kinds) == len(named):
        assert name.encode() not in data


async def test_an_erasure_beside_what_a_dossier_is_of_is_no_matter(
    service: ServiceUnderTest,
) -> None:
    _, case, _ = await case_that_names(service, canary())
    _, _, others = await case_that_names(service, canary())
    channel = Kept()
    order = Order(role="admin", organisation=UUID(int=0), reference="r", case=case)
    with erasing_in("materials read", service, others["event"]):
        async with writer(service) as dossiers:
            await dossiers.write(order, channel)
    assert (await verified(service, channel.data)).outcome is Outcome.VALID


async def test_a_document_that_goes_after_the_first_byte_ends_in_the_same_answer(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "accepting", epc))
    # More than lies in pipes and buffers, so that the next one is not read yet.
    await upload(desk.claims, pdf(mark="large", size=8 << 20), epc)
    gone = (await upload(desk.claims, pdf(mark=epc), epc)).json()["first_index"]
    await service.anchor()
    write, erased = Spooled.write, list[int]()

    async def first(self: Spooled, data: bytes) -> None:
        if not erased:
            erased.append(gone)
            await erase(service, records=[gone])
        await write(self, data)

    monkeypatch.setattr(Spooled, "write", first)
    path = f"/v1/shipments/{quote(epc, safe='')}/dossier"
    answer = await desk.claims.post(path, json={}, timeout=120)
    assert erased == [gone]
    assert (answer.status_code, answer.json()["code"]) == (503, "erased-meanwhile"), answer.text
    assert answer.headers["retry-after"] == "2"
    assert writers() == []
    await service.anchor()
    data = await write_dossier(desk.claims, f"shipments/{quote(epc, safe='')}")
    assert (await verified(service, data)).outcome is Outcome.VALID
