"""Claims cases over HTTP: acts, states, concurrency, who sees what."""

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import update

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import at, new_desk
from fixtures.tampering import reseal
from provenance.db.tables import records
from provenance.evidence.cases.acts import Act

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_a_case_goes_its_way_and_its_history_tells_it(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    case = await desk.open(
        epc,
        "damage",
        carriage=["air"],
        zone="Europe/Berlin",
        amounts=[{"role": "claimed", "currency": "EUR", "value": "120.50"}],
        note="box crushed",
        author="N. Example",
    )
    steps: list[tuple[str, dict[str, Any]]] = [
        ("state_changed", {"to": "collecting"}),
        ("note_added", {"note": "asked for photos"}),
        (
            "amounts_changed",
            {"amounts": [{"role": "claimed", "currency": "EUR", "value": "99.00"}]},
        ),
        ("facts_changed", {"facts": {"agreed_delivery_on": "2026-07-01"}}),
        ("hold_placed", {"reason": "court case", "author": "N. Example"}),
        ("state_changed", {"to": "submitted", "reason": "complete"}),
        ("state_changed", {"to": "accepted"}),
        ("hold_released", {"reason": "settled"}),
        ("state_changed", {"to": "closed"}),
        ("note_added", {"note": "paid"}),
    ]
    for seq, (act, members) in enumerate(steps, 1):
        answer = await desk.act(case, seq, act, **members)
        assert answer.status_code == 201, answer.text
        assert answer.json()["seq"] == seq + 1
        assert "acknowledgement" in answer.json()
    found = await desk.read(case)
    assert [one["act"] for one in found["history"]] == ["opened", *(act for act, _ in steps)]
    assert (found["state"], found["moves"], found["seq"]) == ("closed", [], 11)
    assert found["amounts"] == [{"role": "claimed", "currency": "EUR", "value": "99.00"}]
    assert found["facts"] == {"agreed_delivery_on": "2026-07-01"}
    assert found["history"][0]["says"]["note"] == "box crushed"
    assert found["history"][5]["author"] == "N. Example"
    assert "hold" not in found


async def test_each_act_is_a_record_about_the_case_and_its_shipments(
    service: ServiceUnderTest,
) -> None:
    desk, epc, other = await new_desk(service), parcel(), parcel()
    case = await desk.open(epc, "delay", shipments=[epc, "WB 77", other, epc])
    found = await desk.read(case)
    assert found["shipments"] == [epc, "urn:provenance:shipment:acme:WB%2077", other]
    first = found["history"][0]["first_index"]
    await service.anchor()
    admin = await service.as_role("admin")
    receipts = (await admin.get(f"/v1/records/{first}/receipts")).json()
    assert [one["statement"]["subject"] for one in receipts] == [case, *found["shipments"]]
    assert {one["statement"]["kind"] for one in receipts} == {"case"}
    assert {one["statement"]["type"] for one in receipts} == {"opened"}
    payload = (await admin.get(f"/v1/records/{first}/payload")).content
    assert Act.decode(payload).subjects == (case, *found["shipments"])
    assert Act.decode(payload).encode() == payload
    verdicts = (
        await admin.post("/v1/verify", json={"receipts": [{"receipt": receipts[0]}]})
    ).json()
    assert verdicts["outcome"] == "VALID"


async def test_an_unlawful_move_is_refused_and_names_the_lawful_ones(
    service: ServiceUnderTest,
) -> None:
    desk = await new_desk(service)
    case = await desk.open(parcel(), "damage")
    answer = await desk.act(case, 1, "state_changed", to="accepted")
    assert (answer.status_code, answer.json()["code"]) == (409, "unlawful-move")
    assert "collecting or submitted or withdrawn" in answer.json()["detail"]
    await desk.act(case, 1, "state_changed", to="withdrawn")
    await desk.act(case, 2, "state_changed", to="closed")
    answer = await desk.act(case, 3, "amounts_changed", amounts=[])
    assert (answer.status_code, answer.json()["code"]) == (409, "case-closed")
    answer = await desk.act(case, 3, "state_changed", to="opened")
    assert "nothing follows it" in answer.json()["detail"]
    answer = await desk.act(case, 3, "hold_released", reason="none stands")
    assert answer.json()["code"] == "case-closed"


async def test_of_two_acts_that_expect_the_same_number_one_is_logged(
    service: ServiceUnderTest,
) -> None:
    desk = await new_desk(service)
    case = await desk.open(parcel(), "damage")
    answers = await asyncio.gather(
        *(desk.act(case, 1, "note_added", note=f"note {number}") for number in range(8))
    )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] + [409] * 7
    assert {one.json()["code"] for one in answers if one.status_code == 409} == {"stale-case"}
    assert len((await desk.read(case))["history"]) == 2
    ahead = await desk.act(case, 5, "note_added", note="from the future")
    assert (ahead.status_code, ahead.json()["code"]) == (409, "stale-case")


async def test_the_same_act_sent_again_gets_the_first_answer(service: ServiceUnderTest) -> None:
    desk = await new_desk(service)
    case = await desk.open(parcel(), "damage")
    first = await desk.act(case, 1, "state_changed", to="submitted")
    await desk.act(case, 2, "state_changed", to="rejected")
    again = await desk.act(case, 1, "state_changed", to="submitted")
    assert again.status_code == 201
    assert again.json()["repeated"] is True
    assert again.json()["acknowledgement"] == first.json()["acknowledgement"]
    other = await desk.act(case, 1, "state_changed", to="withdrawn")
    assert other.json()["code"] == "stale-case"


async def test_opening_again_with_the_same_key_opens_one_case(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    body = {"claim": "damage", "shipments": [epc], "claimant": "N"}
    headers = {"idempotency-key": f"open-{epc}"}
    first = await desk.claims.post("/v1/cases", json=body, headers=headers)
    again = await desk.claims.post("/v1/cases", json=body, headers=headers)
    assert first.json()["case"] == again.json()["case"]
    assert again.json()["repeated"] is True
    other = await desk.claims.post("/v1/cases", json={**body, "claimant": "M"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    fresh = await desk.claims.post("/v1/cases", json=body)
    assert fresh.json()["case"] != first.json()["case"]


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


async def test_evidence_is_linked_by_its_leaf_and_fills_the_line_it_is_put_to(
    service: ServiceUnderTest,
) -> None:
    desk, epc, elsewhere = await new_desk(service), parcel(), parcel()
    case = await desk.open(epc, "damage")
    report = await desk.document(elsewhere, "380")
    hidden = await desk.act(case, 1, "evidence_linked", evidence=[{"first_index": report}])
    assert (hidden.status_code, hidden.json()["code"]) == (422, "unknown-evidence")
    link = {"first_index": report, "subject": elsewhere, "line": "damage-report"}
    wrong = await desk.act(case, 1, "evidence_linked", evidence=[{**link, "line": "nothing"}])
    assert wrong.json()["errors"][0]["pointer"] == "/evidence/0/line"
    linked = await desk.act(case, 1, "evidence_linked", evidence=[link])
    assert linked.status_code == 201, linked.text
    await service.anchor()
    found = await desk.read(case)
    assert found["evidence"] == [{"first_index": report, "line": "damage-report"}]
    line = next(one for one in found["assessment"]["checklist"] if one["id"] == "damage-report")
    assert (line["state"], line["filled_by"][0]["first_index"]) == ("present", report)
    admin = await service.as_role("admin")
    (receipt, *_) = (await admin.get(f"/v1/records/{linked.json()['first_index']}/receipts")).json()
    leaf = found["history"][1]["says"]["evidence"][0]["leaf"]
    assert receipt["statement"]["refs"] == [{"rel": "relies_on", "leaf": leaf}]
    gone = await desk.act(case, 2, "evidence_unlinked", evidence=[report], reason="wrong parcel")
    assert gone.status_code == 201
    assert "evidence" not in await desk.read(case)
    never = await desk.act(case, 3, "evidence_unlinked", evidence=[1], reason="never was")
    assert never.json()["code"] == "unknown-evidence"
    missing = await desk.act(case, 3, "evidence_linked", evidence=[{"first_index": 10**9}])
    assert missing.json()["code"] == "unknown-evidence"


async def test_another_insurer_does_not_see_the_case_and_the_operator_does(
    service: ServiceUnderTest,
) -> None:
    desk, other = await new_desk(service), await new_desk(service, insurer="Other insurer")
    epc = parcel()
    case = await desk.open(epc, "damage")
    assert (await other.claims.get(f"/v1/cases/{case}")).status_code == 404
    assert (await other.act(case, 1, "note_added", note="hello")).status_code == 404
    listed = await other.claims.get("/v1/cases", params={"shipment": epc})
    assert listed.json() == {"cases": []}
    admin = await service.as_role("admin")
    assert (await admin.get(f"/v1/cases/{case}")).status_code == 200
    short = case.rpartition(":")[2]
    assert (await desk.claims.get(f"/v1/cases/{short}")).json()["case"] == case
    assert (await desk.claims.get("/v1/cases/nothing")).status_code == 404


async def test_what_a_claimant_says_is_not_for_the_carrier_nor_for_customs(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-07-01T10:00:00Z", "collecting", epc))
    case = await desk.open(epc, "damage", note="confidential")
    first = (await desk.read(case))["history"][0]["first_index"]
    assert (await desk.carrier.get(f"/v1/cases/{case}")).status_code == 403
    for role in ("customs", "member", "claims"):
        client = await service.as_role(role, organisation="Curious")
        answer = await client.get(f"/v1/records/{first}/payload", params={"subject": epc})
        assert answer.status_code in {403, 404}, role
    own = await desk.claims.get(f"/v1/records/{first}/payload", params={"subject": epc})
    assert json.loads(own.content)["note"] == "confidential"
    timeline = await desk.carrier.get(f"/v1/shipments/{epc.replace('/', '%2F')}/timeline")
    assert [one.get("withheld", False) for one in timeline.json()["events"]].count(True) == 1
    assert "confidential" not in timeline.text


async def test_cases_are_listed_by_shipment_and_state_in_pages(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service, insurer="Lister"), parcel()
    cases = [await desk.open(epc, "damage") for _ in range(5)]
    elsewhere = await desk.open(parcel(), "delay", reference="R 1")
    await desk.act(cases[0], 1, "state_changed", to="submitted")
    await desk.act(cases[0], 2, "note_added", note="moves it to the front")

    async def listed(**query: Any) -> list[str]:
        answer = await desk.claims.get("/v1/cases", params=query)
        assert answer.status_code == 200, answer.text
        return [one["case"] for one in answer.json()["cases"]]

    assert await listed(shipment=epc) == [cases[0], *reversed(cases[1:])]
    assert await listed(state="submitted") == [cases[0]]
    assert await listed(shipment=epc, state="opened") == list(reversed(cases[1:]))
    assert elsewhere in await listed()
    found, token, pages = [], None, 0
    while pages == 0 or token:
        query = {"shipment": epc, "perPage": 2} | ({"nextPageToken": token} if token else {})
        answer = (await desk.claims.get("/v1/cases", params=query)).json()
        found += [one["case"] for one in answer["cases"]]
        token, pages = answer.get("nextPageToken"), pages + 1
    assert (found, pages) == ([cases[0], *reversed(cases[1:])], 3)
    wrong = await desk.claims.get("/v1/cases", params={"state": "lost"})
    assert wrong.status_code == 400


async def test_an_event_from_elsewhere_fills_the_line_it_is_put_to(
    service: ServiceUnderTest,
) -> None:
    desk, epc, pallet = await new_desk(service), parcel(), parcel()
    (first,) = await desk.capture(at("2025-06-10T09:00:00+02:00", "accepting", pallet))
    case = await desk.open(epc, "damage", carriage=["air"])
    link = {"first_index": first, "subject": pallet, "line": "delivered"}
    assert (await desk.act(case, 1, "evidence_linked", evidence=[link])).status_code == 201
    await service.anchor()
    assessment = (await desk.read(case))["assessment"]
    line = next(one for one in assessment["checklist"] if one["id"] == "delivered")
    assert (line["state"], line["filled_by"][0]["first_index"]) == ("present", first)
    clock = next(one for one in assessment["clocks"] if one["id"] == "montreal-31-damage")
    # 10 June + 14 = 24 June 2025.
    assert (clock["last_day"], clock["start"]["zone"]) == ("2025-06-24", "+02:00")
    correction = {"declarationTime": "2025-06-11T00:00:00Z", "reason": "did_not_occur"}
    wrong = at("2025-06-10T09:00:00+02:00", "accepting", pallet)
    wrong["eventID"] = f"urn:example:wrong:{pallet}"
    (second,) = await desk.capture(wrong)
    await desk.capture({**wrong, "errorDeclaration": correction})
    await desk.act(case, 2, "evidence_unlinked", evidence=[first], reason="another parcel's")
    link = {"first_index": second, "subject": pallet, "line": "delivered"}
    await desk.act(case, 3, "evidence_linked", evidence=[link])
    assessment = (await desk.read(case))["assessment"]
    line = next(one for one in assessment["checklist"] if one["id"] == "delivered")
    assert line["state"] == "missing"


async def test_an_act_that_was_altered_is_disproven(service: ServiceUnderTest) -> None:
    desk = await new_desk(service)
    amounts = [{"role": "claimed", "currency": "EUR", "value": "100.00"}]
    case = await desk.open(parcel(), "damage", amounts=amounts)
    await desk.act(case, 1, "note_added", note="nothing")
    pending = (await desk.read(case))["history"]
    assert [one["proof"] for one in pending] == ["pending", "pending"]
    await service.anchor()
    found = await desk.read(case)
    assert [one["proof"] for one in found["history"]] == ["proven", "proven"]
    first = found["history"][0]["first_index"]
    await reseal(service, first, b"100.00", b"900.00")
    found = await desk.read(case)
    assert found["amounts"][0]["value"] == "900.00"
    assert [one["proof"] for one in found["history"]] == ["disproven", "proven"]
    assert "opening" in found["history"][0]["remark"]


async def test_an_erased_act_stays_in_its_place(service: ServiceUnderTest) -> None:
    desk = await new_desk(service)
    case = await desk.open(parcel(), "damage")
    note = await desk.act(case, 1, "note_added", note="a phone number")
    await desk.act(case, 2, "state_changed", to="submitted")
    await erase(service, note.json()["first_index"])
    found = await desk.read(case)
    assert [one.get("act", "erased") for one in found["history"]] == [
        "opened",
        "erased",
        "state_changed",
    ]
    assert (found["state"], found["seq"]) == ("submitted", 3)
    await erase(service, found["history"][0]["first_index"])
    gone = await desk.claims.get(f"/v1/cases/{case}")
    assert (gone.status_code, gone.json()["code"]) == (410, "erased")


async def test_a_case_on_what_nobody_recorded_is_noted_or_refused(
    service: ServiceUnderTest,
) -> None:
    desk, known, never = await new_desk(service), parcel(), parcel()
    await desk.capture(at("2025-06-10T09:00:00Z", "accepting", known))
    body = {
        "claim": "damage",
        "shipments": [known, never],
        "claimant": "N",
        "expect_recorded": True,
    }
    refused = await desk.claims.post("/v1/cases", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "nothing-recorded")
    assert never in refused.json()["detail"]
    assert known not in refused.json()["detail"]
    noted = await desk.claims.post("/v1/cases", json={**body, "expect_recorded": False})
    assert (noted.status_code, noted.json()["unrecorded"]) == (201, [never])
    # A case about it is no record of it.
    again = await desk.claims.post("/v1/cases", json=body)
    assert again.json()["code"] == "nothing-recorded"
    fine = await desk.claims.post("/v1/cases", json={**body, "shipments": [known]})
    assert fine.status_code == 201
    assert "unrecorded" not in fine.json()


async def erase(service: ServiceUnderTest, first_index: int) -> None:
    """What an erasure leaves of a record's row."""
    statement = (
        update(records)
        .where(records.c.first_index == first_index)
        .values(payload=None, payload_salt=None, statement_head=None, statement_tail=None)
    )
    async with service.services.engine.connect() as connection:
        await connection.execute(statement)
