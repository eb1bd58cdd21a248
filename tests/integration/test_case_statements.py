"""Who speaks for a document: its sender, and beside it, under their own name, whoever else describes it."""

from typing import Any

import httpx
import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.documents import pdf, upload

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def described(client: httpx.AsyncClient, document: Json, about: str, **members: Any) -> int:
    """Describe a document; returns the record of the description."""
    first = document["first_index"]
    answer = await client.post(
        f"/v1/documents/{first}/description",
        params={"subject": about},
        json={
            "v": 1,
            "document": {"first_index": first, "sha256": document["sha256"]},
            **members,
        },
    )
    assert answer.status_code == 201, answer.text
    found: int = answer.json()["first_index"]
    return found


async def sent(client: httpx.AsyncClient, about: str, code: str) -> Json:
    answer = await upload(client, pdf(size=2_000, mark=code), about, type=code)
    assert answer.status_code == 201, answer.text
    found: Json = answer.json()
    return found


def check(found: Json, check_id: str) -> Json:
    (one,) = [one for one in found["assessment"]["cross_checks"] if one["id"] == check_id]
    assert isinstance(one, dict)
    return one


async def damaged(service: ServiceUnderTest) -> tuple[Desk, str]:
    """A desk, and a parcel that was delivered damaged."""
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2025-06-01T09:00:00Z", "collecting", epc),
        at("2025-06-10T09:00:00Z", "accepting", epc, disposition="damaged"),
    )
    return desk, epc


async def test_a_member_cannot_change_what_anothers_document_says(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await damaged(service)
    waybill, policy = await sent(desk.carrier, epc, "740"), await sent(desk.carrier, epc, "530")
    own = await described(desk.carrier, waybill, epc, weight_g=2_500)
    issued = [{"role": "issued", "at": "2025-06-20"}]
    await described(desk.carrier, policy, epc, dates=issued)
    member = await service.as_role("member", organisation="Member")
    theirs = await described(member, waybill, epc, weight_g=99_000)
    early = [{"role": "issued", "at": "2025-01-01"}]
    await described(member, policy, epc, dates=early)
    case = await desk.open(epc, "damage", carriage=["air"])
    await service.anchor()
    found = await desk.read(case)
    (limit,) = found["assessment"]["limits"]
    assert limit["computation"] == "2.5 kg x 26 SDR = 65.0 SDR"
    assert any("(Member) says 99000 g" in note for note in limit["assumptions"])
    weight = check(found, "weight")
    assert weight["verdict"] == "differs"
    assert [
        (one["first_index"], one["document"], one["value"], one.get("standing", "own"))
        for one in weight["stated"]
    ] == [
        (own, waybill["first_index"], "2500 g", "own"),
        (theirs, waybill["first_index"], "99000 g", "other"),
    ]
    assert weight["stated"][1]["organisation"] == "Member"
    # The policy's own day is after the loss, whatever a member says of it.
    assert check(found, "policy-after-loss")["verdict"] == "differs"


async def test_who_sent_a_document_may_describe_it_anew_and_the_old_word_stays_in_sight(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await damaged(service)
    waybill = await sent(desk.carrier, epc, "740")
    old = await described(desk.carrier, waybill, epc, weight_g=2_500)
    new = await described(desk.carrier, waybill, epc, weight_g=3_000)
    case = await desk.open(epc, "damage", carriage=["air"])
    found = await desk.read(case)
    (limit,) = found["assessment"]["limits"]
    assert limit["computation"] == "3 kg x 26 SDR = 78 SDR"
    revised = check(found, "revised")
    assert (revised["verdict"], revised["explanation"]) == (
        "revised",
        f"superseded by record {new}",
    )
    assert [(one["first_index"], one["value"]) for one in revised["stated"]] == [
        (new, "3000 g"),
        (old, "2500 g"),
    ]


async def test_terms_of_a_cover_are_those_that_the_policys_sender_describes(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2025-06-03T09:00:00Z", "holding", epc),
        at("2025-06-06T09:00:00Z", "inspecting", epc, disposition="conformant"),
    )
    policy = await sent(desk.claims, epc, "530")
    terms = {
        "agreed_clearance_hours": 48,
        "stated_sum": {"currency": "EUR", "value": "250.00"},
    }
    record = await described(desk.claims, policy, epc, **terms)
    case = await desk.open(epc, "customs_delay_cover")
    await service.anchor()
    cover = (await desk.read(case))["assessment"]["cover"]
    assert (cover["policy"], cover["sum"], cover["by_claims"]) == (
        policy["first_index"],
        "250.00",
        "payable",
    )
    assert f"as record {record} describes it (Insurer)" in cover["terms_from"]
    assert any("recorded" in doubt and "days after" in doubt for doubt in cover["doubts"])
    assert not any("no policy in the log" in doubt for doubt in cover["doubts"])


async def test_terms_that_are_no_terms_are_refused(service: ServiceUnderTest) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    policy = await sent(carrier, epc, "530")
    for wrong, pointer in (
        ({"agreed_clearance_hours": 0}, "/agreed_clearance_hours"),
        ({"stated_sum": {"currency": "JPY", "value": "1.5"}}, "/stated_sum/value"),
    ):
        answer = await carrier.post(
            f"/v1/documents/{policy['first_index']}/description",
            json={
                "v": 1,
                "document": {"first_index": policy["first_index"], "sha256": policy["sha256"]},
                **wrong,
            },
        )
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["pointer"] == pointer
