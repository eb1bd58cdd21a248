"""What is refused of a claims case and its acts, and which member the refusal names."""

from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import new_desk

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("currency", "value", "code"),
    [
        ("EUR", "-412.50", "bad-amount"),
        ("EUR", "-0", "bad-amount"),
        ("EUR", "412.505", "bad-amount"),
        ("JPY", "1.5", "bad-amount"),
        ("EUR", "1" + "0" * 15, "bad-amount"),
        ("XAU", "1", "unknown-currency"),
    ],
)
async def test_an_amount_that_nobody_can_pay_is_refused_wherever_it_stands(
    service: ServiceUnderTest, currency: str, value: str, code: str
) -> None:
    desk, epc = await new_desk(service), parcel()
    money = {"currency": currency, "value": value}
    amounts, facts = [{"role": "claimed", **money}], {"stated_sum": money}
    case = await desk.open(epc, "damage", amounts=[{**amounts[0], "currency": "EUR", "value": "0"}])
    opening = {"claim": "damage", "shipments": [epc], "claimant": "N"}
    refused = [
        await desk.claims.post("/v1/cases", json={**opening, "amounts": amounts}),
        await desk.claims.post("/v1/cases", json={**opening, "facts": facts}),
        await desk.act(case, 1, "amounts_changed", amounts=amounts),
        await desk.act(case, 1, "facts_changed", facts=facts),
    ]
    member = "currency" if code == "unknown-currency" else "value"
    assert [one.status_code for one in refused] == [400] * 4
    faults = [one.json()["errors"][0] for one in refused]
    assert [(one["code"], one["pointer"]) for one in faults] == [
        (code, f"{where}/{member}") for where in ("/amounts/0", "/facts/stated_sum") * 2
    ]
    assert (await desk.read(case))["seq"] == 1


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"claim": "theft"}, "/claim", "bad-value"),
        ({"claimant": ""}, "/claimant", "bad-value"),
        ({"claimant": "x" * 257}, "/claimant", "too-large"),
        ({"shipments": []}, "/shipments", "bad-value"),
        ({"shipments": [7]}, "/shipments/0", "bad-value"),
        ({"shipments": ["x"] * 17}, "/shipments", "too-large"),
        ({"shipments": ["urn:provenance:case:" + "0" * 32]}, "/shipments/0", "reserved-subject"),
        ({"carriage": ["rail"]}, "/carriage", "bad-value"),
        ({"carriage": [{}]}, "/carriage", "bad-value"),
        ({"zone": "Mars/Base"}, "/zone", "unknown-zone"),
        ({"amounts": [{"role": "claimed", "currency": "EUR", "value": "1e3"}]}, "/amounts/0/value", "bad-amount"),
        ({"amounts": [{"role": "claimed", "currency": "EUX", "value": "1"}]}, "/amounts/0/currency", "unknown-currency"),
        ({"facts": {"arrived_on": "2026-02-30"}}, "/facts/arrived_on", "bad-value"),
        ({"facts": {"agreed_clearance_hours": 0}}, "/facts/agreed_clearance_hours", "bad-value"),
        ({"surprise": 1}, "/surprise", "unknown-member"),
        ({"note": None}, "/note", "null"),
    ],
)  # fmt: skip
async def test_a_wrong_opening_names_the_member(
    service: ServiceUnderTest, change: dict[str, Any], pointer: str, code: str
) -> None:
    desk = await new_desk(service)
    body = {"claim": "damage", "shipments": ["WB1"], "claimant": "N", **change}
    answer = await desk.claims.post("/v1/cases", json=body)
    assert answer.status_code == 400, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == (pointer, code)


async def test_wrong_acts_name_the_member(service: ServiceUnderTest) -> None:
    desk = await new_desk(service)
    case = await desk.open(parcel(), "damage")
    for act, members, pointer in (
        ("shouted", {}, "/act"),
        ("note_added", {}, "/note"),
        ("note_added", {"note": "n", "to": "closed"}, "/to"),
        ("evidence_linked", {"evidence": []}, "/evidence"),
        ("evidence_unlinked", {"evidence": ["x"], "reason": "r"}, "/evidence/0/index"),
        ("facts_changed", {"facts": {}}, "/facts"),
    ):
        answer = await desk.act(case, 1, act, **members)
        assert answer.status_code == 400, (act, answer.text)
        assert answer.json()["errors"][0]["pointer"] == pointer
    assert (await desk.act(case, 1, "opened", claim="delay", claimant="N")).json()["code"] == (
        "case-closed"
    )
    assert (await desk.read(case))["seq"] == 1
