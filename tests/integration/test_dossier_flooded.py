"""Whoever floods a shipment with documents keeps nobody from a dossier of what matters."""

from dataclasses import dataclass
from urllib.parse import quote

import pytest
import pytest_asyncio
from sqlalchemy import update

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.dossier_orders import writers
from fixtures.flooding import flood
from fixtures.written import member, opened, verified, write_dossier
from provenance.core.verdict import Outcome
from provenance.db.tables import trails
from provenance.evidence.cases.extent import CASE_LIMITS
from provenance.evidence.dossier.redaction import MAX_DOCUMENTS

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
MORE = MAX_DOCUMENTS + 15


@dataclass(frozen=True)
class Flooded:
    """A case on a parcel with one document that matters, and more of others than are listed."""

    desk: Desk
    epc: str
    case: str
    photo: int
    others: tuple[int, ...]

    @property
    def paths(self) -> tuple[str, str]:
        return f"cases/{self.case}", f"shipments/{quote(self.epc, safe='')}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def flooded(service: ServiceUnderTest) -> Flooded:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "accepting", epc, disposition="damaged"))
    photo = (await upload(desk.claims, pdf(mark="photo"), epc, type="49")).json()["first_index"]
    case = await desk.open(epc, "damage")
    services = service.services
    submitter = (await services.accounts.keys())[0].organisation_id
    others = await flood(service, epc, MORE, by=submitter)
    await service.anchor()
    return Flooded(desk, epc, case, photo, tuple(others))


async def refusal(flooded: Flooded, path: str, **body: object) -> Json:
    answer = await flooded.desk.claims.post(f"/v1/{path}/dossier", json=body, timeout=120)
    assert answer.status_code == 422, answer.text
    found: Json = answer.json()
    return found


async def test_more_documents_than_a_dossier_lists_are_counted_before_anything_is_read(
    flooded: Flooded,
) -> None:
    # Those that another test has started wait for more.
    before = writers()
    for path in flooded.paths:
        told = await refusal(flooded, path)
        assert told["code"] == "dossier-too-many-documents"
        for words in (str(MORE + 1), str(MAX_DOCUMENTS), "--record"):
            assert words in told["detail"]
    assert set(writers()) <= set(before), "no process was started for it"


@pytest.mark.soak
async def test_a_dossier_of_chosen_records_is_written_and_proven_all_the_same(
    service: ServiceUnderTest, flooded: Flooded
) -> None:
    case, _ = flooded.paths
    data = await write_dossier(flooded.desk.claims, case, records=[flooded.photo], case=True)
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.checks
    dossier = opened(data)
    (line,) = [file for file in dossier.manifest.files if file.role == "document"]
    assert (line.record, line.state) == (flooded.photo, None)
    withheld = {item.index for item in dossier.receipts if item.state == "withheld"}
    assert withheld >= set(flooded.others), "the trail is whole"
    assert f"\n{MORE} documents that are withheld" in member(data, "README.txt").decode()


async def test_more_chosen_documents_than_are_listed_are_refused(flooded: Flooded) -> None:
    _, shipment = flooded.paths
    told = await refusal(flooded, shipment, only={"statements": flooded.others})
    assert told["code"] == "dossier-too-many-documents"


async def test_a_trail_that_is_too_long_is_refused_before_it_is_read(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "accepting", epc))
    case = await desk.open(epc, "damage")
    await service.anchor()
    before = writers()
    for length, only in ((CASE_LIMITS.records + 1, False), (50_001, True)):
        async with service.services.engine.connect() as connection:
            # As if so much had been recorded.
            await connection.execute(
                update(trails).where(trails.c.subject == epc).values(count=length)
            )
        answer = await desk.claims.post(
            f"/v1/cases/{case}/dossier", json={"only": {"case": True}} if only else {}
        )
        assert (answer.status_code, answer.json()["code"]) == (422, "dossier-too-large")
        assert str(length) in answer.json()["detail"] or only
        assert "for each parcel" in answer.json()["detail"]
    assert set(writers()) <= set(before)
