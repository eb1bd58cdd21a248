"""A dossier is written though its report cannot be: what proves does not wait for what is read."""

import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import at, new_desk
from fixtures.reports import text_of
from fixtures.written import member, opened, verified
from provenance.api.dossiers import writing
from provenance.api.dossiers.order import Begins, Line, Order, Told
from provenance.api.dossiers.writing import DossierWriter, WriterParts
from provenance.chain.client import ChainClient
from provenance.core.verdict import Outcome
from provenance.evidence.timelines.contexts import Contexts, ContextStore
from provenance.wiring.chain import file_keys
from provenance.wiring.logs import signer_for

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


class Kept:
    """Keeps what a writer tells and writes."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.file = io.BytesIO()

    def tell(self, line: Line) -> None:
        """Keep a line."""
        self.lines.append(line)

    def write(self, data: bytes, /) -> None:
        """Keep a part of the dossier."""
        self.file.write(data)


@pytest_asyncio.fixture(loop_scope="module")
async def writer(service: ServiceUnderTest) -> AsyncIterator[DossierWriter]:
    services, settings = service.services, service.settings
    assert settings.rpc_url is not None
    chain = ChainClient(settings.rpc_url)
    parts = WriterParts(
        services=services,
        contexts=Contexts(ContextStore(services.engine), limits=services.intake),
        chain=chain,
        signer=signer_for(services.log.origin, file_keys(settings)),
    )
    yield DossierWriter(parts)
    await chain.aclose()


async def case_of(service: ServiceUnderTest) -> Order:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00+08:00", "collecting", epc))
    case = await desk.open(epc, "damage", claimant="東京 Example")
    await service.anchor()
    organisation = await service.services.accounts.organisation("Insurer")
    return Order(role="claims", organisation=organisation, reference="test", case=case)


async def test_a_font_that_cannot_be_used_costs_the_letters_and_not_the_report(
    service: ServiceUnderTest,
    writer: DossierWriter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(writing, "find_font", lambda: tmp_path / "gone.ttf")
    kept = Kept()
    with capture_logs() as logs:
        await writer.write(await case_of(service), kept)
    said = text_of(member(kept.file.getvalue(), "case.pdf"), tmp_path)
    assert r"\u6771\u4eac Example" in said
    (warned,) = [one for one in logs if one["event"] == "report_not_made"]
    assert warned["font"] == "gone.ttf"


async def test_a_dossier_is_whole_without_its_report_and_says_so(
    service: ServiceUnderTest, writer: DossierWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> bytes:
        raise ValueError("a row is too high")

    monkeypatch.setattr(writing, "make_report", fails)
    kept = Kept()
    with capture_logs() as logs:
        await writer.write(await case_of(service), kept)
    data = kept.file.getvalue()
    (begins,) = [line for line in kept.lines if isinstance(line, Begins)]
    assert begins.size == len(data)
    names = {file.name for file in opened(data).manifest.files}
    assert "case.pdf" not in names
    assert "case.json" in names
    assert "could not be made" in member(data, "README.txt").decode()
    assert any(isinstance(line, Told) and "report" in line.doing for line in kept.lines[-3:])
    assert {one["error"] for one in logs if one["event"] == "report_not_made"} == {"ValueError"}
    assert (await verified(service, data)).outcome is Outcome.VALID
