"""Acts of a claims case: others see that something stands in a trail, and not what it says."""

from typing import Any

import httpx
import pytest

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.cases import Desk, new_desk
from provenance.core.receipt import Receipt

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

WAYBILL = "4712"
SUBJECT = f"urn:provenance:shipment:acme:{WAYBILL}"
OTHERS = ["customs", "claims", "member"]


async def opened(service: ServiceUnderTest) -> tuple[Desk, str, int]:
    """A case about a waybill and a parcel; with the first index of its first act, anchored."""
    desk, epc = await new_desk(service), parcel()
    await desk.capture(event(epc))
    case = await desk.open(
        WAYBILL,
        "damage",
        shipments=[WAYBILL, epc],
        amounts=[{"role": "claimed", "currency": "EUR", "value": "412.50"}],
    )
    first: int = (await desk.read(case))["history"][0]["first_index"]
    await service.anchor()
    return desk, case, first


async def receipts_for(
    reader: httpx.AsyncClient, first: int, subject: str
) -> tuple[list[dict[str, Any]], str]:
    answer = await reader.get(f"/v1/records/{first}/receipts", params={"subject": subject})
    assert answer.status_code == 200, answer.text
    return answer.json(), answer.text


def says_nothing(text: str, case: str) -> bool:
    hidden = (case, '"statement"', '"salt"', '"payload"', '"payload_size"', "opened")
    return not any(one in text for one in hidden)


@pytest.mark.parametrize("role", OTHERS)
async def test_others_get_the_receipt_of_an_act_withheld(
    service: ServiceUnderTest, role: str
) -> None:
    _, case, first = await opened(service)
    reader = await service.as_role(role, organisation="Another")
    url = f"/v1/receipts/{first + 1}"
    answer = await reader.get(url, params={"subject": WAYBILL})
    assert answer.status_code == 200, answer.text
    receipt = Receipt.decode(answer.content)
    assert (receipt.state, receipt.statement, receipt.salt) == ("withheld", None, None)
    assert (receipt.payload, receipt.fields) == (None, ())
    assert says_nothing(answer.text, case)
    checked = await service.anonymous.post(
        "/v1/verify", content=answer.content, headers={"content-type": "application/json"}
    )
    assert checked.json()["outcome"] != "INVALID", checked.text


@pytest.mark.parametrize("role", OTHERS)
async def test_of_an_act_others_get_the_entries_that_they_name(
    service: ServiceUnderTest, role: str
) -> None:
    _, case, first = await opened(service)
    reader = await service.as_role(role, organisation="Another")
    listed, text = await receipts_for(reader, first, WAYBILL)
    assert [(one["index"], one["state"]) for one in listed] == [(first + 1, "withheld")]
    assert says_nothing(text, case)
    listed, text = await receipts_for(reader, first, case)
    assert [(one["index"], one["state"]) for one in listed] == [(first, "withheld")]
    assert '"statement"' not in text
    payload = await reader.get(f"/v1/records/{first}/payload", params={"subject": WAYBILL})
    assert payload.status_code == 404


async def test_what_an_act_says_is_not_for_a_member_of_the_same_organisation(
    service: ServiceUnderTest,
) -> None:
    _, _, first = await opened(service)
    member = await service.as_role("member", organisation="Insurer")
    answer = await member.get(f"/v1/records/{first}/payload", params={"subject": WAYBILL})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), answer.text
    assert "parcels" not in answer.json()["detail"]


@pytest.mark.parametrize("first_reader", ["insurer", "stranger"])
async def test_what_one_reader_was_given_is_not_given_to_another(
    service: ServiceUnderTest, first_reader: str
) -> None:
    desk, _, first = await opened(service)
    stranger = await service.as_role("claims", organisation="Another")
    readers = [(desk.claims, None), (stranger, "withheld")]
    for reader, state in (readers if first_reader == "insurer" else readers[::-1]) * 2:
        answer = await reader.get(f"/v1/receipts/{first + 1}", params={"subject": WAYBILL})
        assert Receipt.decode(answer.content).state == state


async def test_who_opened_a_case_and_the_operator_see_the_acts_of_both(
    service: ServiceUnderTest,
) -> None:
    desk, case, first = await opened(service)
    admin = await service.as_role("admin", organisation="Operator")
    body = {"act": "note_added", "expected_seq": 1, "note": "seen by the operator"}
    noted = (await admin.post(f"/v1/cases/{case}/acts", json=body)).json()["first_index"]
    await service.anchor()
    for reader in (desk.claims, admin):
        for index in (first, noted):
            listed, _ = await receipts_for(reader, index, case)
            assert [one["statement"]["kind"] for one in listed] == ["case"] * 3
            url = f"/v1/records/{index}/payload"
            assert (await reader.get(url, params={"subject": case})).status_code == 200
    stranger = await service.as_role("claims", organisation="Another")
    listed, text = await receipts_for(stranger, noted, SUBJECT)
    assert [one["state"] for one in listed] == ["withheld"]
    assert says_nothing(text, case)


@pytest.mark.parametrize("role", OTHERS)
async def test_a_timeline_tells_others_nothing_of_an_act(
    service: ServiceUnderTest, role: str
) -> None:
    _, case, first = await opened(service)
    reader = await service.as_role(role, organisation="Another")
    answer = await reader.get(f"/v1/shipments/{WAYBILL}/timeline", params={"payloads": "include"})
    assert answer.status_code == 200, answer.text
    [act] = [one for one in answer.json()["events"] if one["first_index"] == first]
    assert act["withheld"] is True
    assert {"kind", "type", "payload", "event_type"}.isdisjoint(act)
    assert case not in answer.text
