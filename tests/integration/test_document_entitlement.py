"""Who may read, add and supersede documents."""

import pytest

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import PDF, SAMPLES, pdf, upload
from provenance.core.receipt import Receipt

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_an_index_alone_entitles_to_nothing(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    place = (await upload(carrier, PDF, about)).headers["location"]
    claims, member = await service.as_role("claims"), await service.as_role("member")
    other = await service.new_carrier()
    assert (await other.get(place, params={"subject": about})).status_code == 404
    for reader in (claims, member):
        assert (await reader.get(place)).status_code == 403
        assert (await reader.get(place, params={"subject": parcel()})).status_code == 404
        assert (await reader.get(place, params={"subject": about})).content == PDF
    assert (await (await service.as_role("auditor")).get(place)).status_code == 403
    assert (await service.anonymous.get(place)).status_code == 401


async def test_a_member_is_not_given_a_document_of_other_parcels_too(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    answer = await upload(carrier, PDF, about, parcel(), filename="both parcels.pdf")
    first, named = answer.json()["first_index"], {"subject": about}
    member = await service.as_role("member")
    assert (await member.get(answer.headers["location"], params=named)).status_code == 403
    [item] = (await member.get("/v1/documents", params=named)).json()["documents"]
    assert (item["first_index"], item.get("filename")) == (first, None)
    await service.anchor()
    receipt = Receipt.decode((await member.get(f"/v1/receipts/{first}", params=named)).content)
    assert receipt.statement is not None
    assert receipt.payload is None


async def test_a_claimant_adds_to_what_is_recorded_and_begins_no_trail(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    member = await service.as_role("member", organisation="Claimant")
    unknown = await upload(member, SAMPLES["image/jpeg"], about, media_type="image/jpeg")
    assert unknown.status_code == 404
    await carrier.post("/epcis/events", json=event(about))
    taken = await upload(member, SAMPLES["image/jpeg"], about, media_type="image/jpeg", type="712")
    assert taken.status_code == 201, taken.text
    timeline = await member.get(f"/v1/shipments/{about}/timeline")
    last = timeline.json()["events"][-1]
    assert (last["kind"], last["type"], last.get("erased", False)) == ("document", "712", False)


async def test_only_its_own_organisation_supersedes_a_document(service: ServiceUnderTest) -> None:
    about = parcel()
    old = (await upload(await service.new_carrier(), PDF, about)).json()
    refused = await upload(
        await service.new_carrier(), pdf(mark="2"), about, supersedes=old["first_index"]
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "no-such-document")
