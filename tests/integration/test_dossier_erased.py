"""What a dossier says of records that were erased: that they were, when and why; all else proves."""

import json
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.erasing import erase
from fixtures.reports import text_of
from fixtures.written import member, opened, verified, write_dossier
from provenance.core.verdict import Outcome

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
KEPT, GONE = pdf(size=20_000, mark="kept"), pdf(size=20_000, mark="gone")


async def described(desk: Desk, document: Json, subject: str, **says: object) -> int:
    """Describe a document; returns the record."""
    answer = await desk.claims.post(
        f"/v1/documents/{document['first_index']}/description",
        params={"subject": subject},
        json={
            "v": 1,
            "document": {"first_index": document["first_index"], "sha256": document["sha256"]},
            **says,
        },
    )
    assert answer.status_code == 201, answer.text
    first: int = answer.json()["first_index"]
    return first


async def test_an_erased_act_and_an_erased_description_say_when_and_why(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00+08:00", "collecting", epc))
    invoice = (await upload(desk.claims, KEPT, epc, type="380")).json()
    inspection = (await upload(desk.claims, GONE, epc, type="49", filename="report.pdf")).json()
    description = await described(desk, invoice, epc, signer="Secret Signer")
    case = await desk.open(epc, "damage", carriage=["air"], zone="Europe/Berlin")
    linked = [{"first_index": inspection["first_index"], "subject": epc, "line": "damage-report"}]
    answer = await desk.act(case, 1, "evidence_linked", evidence=linked)
    assert answer.status_code == 201, answer.text
    note = (await desk.act(case, 2, "note_added", note="Secret note")).json()["first_index"]
    gone = {description, note, inspection["first_index"]}
    done = await erase(service, records=sorted(gone))
    erasure = done["erasures"][0]["first_index"]
    await service.anchor()
    told = (await desk.claims.get(f"/v1/shipments/{quote(epc, safe='')}/timeline")).json()
    events = {one["first_index"]: one for one in told["events"]}
    erased_at = events[erasure]["recorded_at"]
    assert {index for index, one in events.items() if one.get("erased")} == gone
    for index in gone:
        assert events[index]["erased_at"] == erased_at
        assert events[index]["erased_ground"] == "data_subject_request"

    shown = await desk.read(case)
    act = shown["history"][2]
    assert (act["proof"], "says" in act) == ("erased", False)
    assert (act["erased_at"], act["erased_ground"]) == (erased_at, "data_subject_request")
    assert "erased_at" not in shown["history"][1]
    lines = {line["id"]: line for line in shown["assessment"]["checklist"]}
    (filled,) = lines["damage-report"]["filled_by"]
    assert (filled["first_index"], filled["state"]) == (inspection["first_index"], "unverifiable")
    assert (filled["erased_at"], filled["erased_ground"]) == (erased_at, "data_subject_request")

    data = await write_dossier(desk.claims, f"cases/{case}")
    assert (await verified(service, data)).outcome is Outcome.VALID
    states = {receipt.index: receipt.state for receipt in opened(data).receipts}
    assert {index for index, state in states.items() if state == "erased"} >= gone
    case_file = json.loads(member(data, "case.json"))
    assert case_file["history"][2]["erased_ground"] == "data_subject_request"
    said = text_of(member(data, "case.pdf"), tmp_path)
    when = f"{datetime.fromtimestamp(erased_at / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC"
    # Timeline: three. Documents: two. Checklist and acts: one each.
    assert said.count("data subject request") >= 7
    assert f"erased at {when}: data subject request" in said
    assert "erasure: data subject request" in said
    whole = b"".join(member(data, file.name) for file in opened(data).manifest.files if file.size)
    assert b"Secret" not in whole


async def test_the_dossier_of_a_case_goes_on_without_what_was_erased(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc = await new_desk(service), parcel()
    scans = await desk.capture(
        at("2026-06-01T09:00:00+08:00", "collecting", epc),
        at("2026-06-10T14:00:00+02:00", "accepting", epc, disposition="damaged"),
    )
    kept, gone = [
        (await upload(desk.claims, data, epc, type=code, filename=f"{code}.pdf")).json()[
            "first_index"
        ]
        for data, code in ((KEPT, "380"), (GONE, "270"))
    ]
    case = await desk.open(epc, "damage", carriage=["air"], zone="Europe/Berlin")
    await service.anchor()
    before = await write_dossier(desk.claims, f"cases/{case}")

    await erase(service, records=[gone, scans[1]])
    await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert any("2 of " in said and "erased" in said for said in report.qualifications)
    dossier = opened(data)
    states = {receipt.index: receipt.state for receipt in dossier.receipts}
    assert {index for index, state in states.items() if state == "erased"} == {gone, scans[1]}
    documents = {file.record: file for file in dossier.manifest.files if file.role == "document"}
    assert (documents[gone].state, documents[gone].sha256) == ("erased", None)
    assert member(data, documents[kept].name) == KEPT
    # The erasure is a record in the parcel's own trail, and the dossier proves it.
    statements = [one.statement for one in dossier.receipts if one.statement is not None]
    named = {ref.leaf for one in statements for ref in one.refs if ref.rel == "erases"}
    erased = {one.entry.leaf_hash() for one in dossier.receipts if one.state == "erased"}
    assert named == erased
    shown = json.loads(member(data, "case.json"))
    assert "270.pdf" not in json.dumps(shown)
    said = text_of(member(data, "case.pdf"), tmp_path)
    # In the timeline both, and the document among the documents.
    assert said.count("UTC: data subject request") == 3, said

    # A dossier that was handed out before holds what it held, and is as true as it was.
    assert (await verified(service, before)).outcome is Outcome.VALID
    listed = (await desk.claims.get("/v1/documents", params={"subject": epc})).json()["documents"]
    (item,) = [one for one in listed if one["first_index"] == gone]
    assert item["state"] == "erased"
    assert item["erased_ground"] == "data_subject_request"
    answer = await desk.claims.get(f"/v1/documents/{gone}", params={"subject": epc})
    assert answer.status_code == 410
    assert "ground data_subject_request" in answer.json()["detail"]


@pytest.mark.soak
async def test_who_ordered_an_erasure_and_why_is_for_the_operator(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc = await new_desk(service), parcel()
    gone, _ = await desk.capture(
        at("2026-06-01T09:00:00+08:00", "collecting", epc),
        at("2026-06-02T09:00:00+08:00", "departing", epc),
    )
    answer = await erase(service, records=[gone], note="ticket 4711")
    [erasure] = answer["erasures"]
    await service.anchor()
    operator = await service.as_role("admin", organisation="Operator")
    path, first = f"shipments/{epc}", erasure["first_index"]
    for reader, is_told in (
        (await service.as_role("member", organisation="Somebody else"), False),
        (desk.claims, False),
        (operator, True),
    ):
        data = await write_dossier(reader, path)
        assert (b"A. Officer" in data, b"ticket 4711" in data) == (is_told, is_told)
        (receipt,) = [one for one in opened(data).receipts if one.index == first]
        assert receipt.statement is not None
        assert (receipt.statement.kind, receipt.statement.type) == ("erasure", erasure["ground"])
        assert [ref.rel for ref in receipt.statement.refs] == ["erases"]
        assert (receipt.payload is not None) == is_told
        assert (await verified(service, data)).outcome is Outcome.VALID
        said = text_of(member(data, "case.pdf"), tmp_path)
        assert "erasure: data subject request" in said
        payload = await reader.get(f"/v1/records/{first}/payload", params={"subject": epc})
        assert payload.status_code == (200 if is_told else 404)
        if is_told:
            assert payload.json()["note"] == "ticket 4711"
        shown = await reader.get(f"/v1/receipts/{first}", params={"subject": epc})
        assert ("payload" in shown.json()) == is_told
        assert shown.json()["statement"]["kind"] == "erasure"
        timeline = await reader.get(f"/v1/{path}/timeline", params={"payloads": "include"})
        assert "4711" not in timeline.text
        assert "Officer" not in timeline.text


@pytest.mark.parametrize("role", ["carrier", "claims", "admin"])
async def test_an_erased_payload_is_said_to_be_erased_to_who_may_read_the_record(
    service: ServiceUnderTest, role: str
) -> None:
    desk, epc = await new_desk(service), parcel()
    [gone] = await desk.capture(at("2026-06-01T09:00:00+08:00", "collecting", epc))
    await erase(service, records=[gone])
    reader = {
        "carrier": desk.carrier,
        "claims": desk.claims,
        "admin": await service.as_role("admin", organisation="Operator"),
    }[role]
    url = f"/v1/records/{gone}/payload"
    answer = await reader.get(url, params={"subject": epc})
    assert (answer.status_code, answer.json()["code"]) == (410, "erased"), answer.text
    assert "the event's content was erased at 20" in answer.json()["detail"]
    assert "ground data_subject_request" in answer.json()["detail"]
    for other, named in ((await service.new_carrier(), epc), (desk.claims, parcel())):
        refused = await other.get(url, params={"subject": named})
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")


async def test_an_erased_case_is_said_to_be_erased_and_its_shipment_goes_on(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00+08:00", "collecting", epc))
    case = await desk.open(epc, "damage")
    await desk.act(case, 1, "note_added", note="the box was wet")
    kept = await desk.open(epc, "delay")
    await erase(service, subjects=[case])
    await service.anchor()
    stranger = await service.as_role("claims", organisation="Another insurer")
    for method, path, body in (
        ("GET", f"/v1/cases/{case}", None),
        ("POST", f"/v1/cases/{case}/dossier", {}),
        ("POST", f"/v1/cases/{case}/acts", {"act": "note_added", "expected_seq": 2, "note": "x"}),
    ):
        answer = await desk.claims.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (410, "erased"), answer.text
        assert "the case was erased at 20" in answer.json()["detail"]
        assert "ground data_subject_request" in answer.json()["detail"]
        assert (await stranger.request(method, path, json=body)).status_code == 404
    listed = (await desk.claims.get("/v1/cases", params={"shipment": epc})).json()
    assert [one["case"] for one in listed["cases"]] == [kept]
    [gone] = listed["erased"]
    assert (gone["case"], gone["seq"]) == (case, 2)
    assert gone["erased_ground"] == "data_subject_request"
    assert gone["erased_at"] >= gone["changed_at"]
    assert "erased" not in (await stranger.get("/v1/cases", params={"shipment": epc})).json()
    data = await write_dossier(desk.claims, f"shipments/{epc}")
    assert [one.state for one in opened(data).receipts].count("erased") == 2
    assert (await verified(service, data)).outcome is Outcome.VALID
    of_case = await write_dossier(desk.claims, f"cases/{kept}")
    assert (await verified(service, of_case)).outcome is Outcome.VALID
