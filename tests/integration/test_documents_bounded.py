"""One organisation records a bounded number of documents about one subject."""

import httpx
import pytest

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import pdf, upload
from fixtures.flooding import flood

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def member(service: ServiceUnderTest, name: str) -> httpx.AsyncClient:
    return await service.as_role("member", organisation=name)


async def about(service: ServiceUnderTest) -> str:
    epc = parcel()
    carrier = await service.as_role("carrier", organisation="Acme")
    assert (await carrier.post("/epcis/events", json=event(epc))).status_code == 201
    return epc


async def test_the_one_after_the_last_is_refused_and_nobody_elses(
    service: ServiceUnderTest,
) -> None:
    epc, limit = await about(service), service.services.limits.max_documents_per_subject
    flooder, neighbour = await member(service, "Flooder"), await member(service, "Neighbour")
    by = await service.services.accounts.organisation("Flooder")
    await flood(service, epc, limit - 1, by=by)
    last = await upload(flooder, pdf(mark="last"), epc)
    assert last.status_code == 201, last.text
    refused = await upload(flooder, pdf(mark="one more"), epc)
    assert (refused.status_code, refused.json()["code"]) == (409, "too-many-documents")
    for words in (f"{limit} documents", epc, "one PDF", "PROVENANCE_DOCUMENTS_PER_SUBJECT"):
        assert words in refused.json()["detail"]
    description = await flooder.post(
        f"/v1/documents/{last.json()['first_index']}/description",
        params={"subject": epc},
        json={
            "v": 1,
            "document": {key: last.json()[key] for key in ("first_index", "sha256")},
            "pieces": 1,
        },
    )
    assert (description.status_code, description.json()["code"]) == (409, "too-many-documents")
    # Who repeats what was taken gets the first answer; others, and other subjects, are not full.
    again = await upload(flooder, pdf(mark="last"), epc)
    assert (again.status_code, again.json()["repeated"]) == (201, True)
    assert (await upload(neighbour, pdf(mark="mine"), epc)).status_code == 201
    assert (await upload(flooder, pdf(mark="one more"), await about(service))).status_code == 201
    assert (await upload(flooder, pdf(), await about(service), epc)).status_code == 409


async def test_a_carrier_records_papers_for_all_parcels_of_a_waybill(
    service: ServiceUnderTest,
) -> None:
    epc, limit = await about(service), service.services.limits.max_documents_per_subject
    carrier = await service.as_role("carrier", organisation="Acme")
    by = await service.services.accounts.organisation("Acme")
    await flood(service, epc, limit, by=by)
    assert (await upload(carrier, pdf(mark="one more"), epc)).status_code == 201
