"""Evidence that was erased: checklist and clocks say so, for shipments and for what was linked."""

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Json, at, new_desk
from fixtures.documents import PDF, upload
from fixtures.erasing import erase

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


def line(found: Json, line_id: str) -> Json:
    (one,) = [one for one in found["assessment"]["checklist"] if one["id"] == line_id]
    assert isinstance(one, dict)
    return one


async def test_an_erased_delivery_is_unverifiable_and_not_missing(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    _, delivered = await desk.capture(
        at("2025-06-01T09:00:00Z", "collecting", epc), at("2025-06-10T09:00:00Z", "accepting", epc)
    )
    case = await desk.open(epc, "damage", carriage=["air"])
    await erase(service, records=[delivered])
    await service.anchor()
    found = await desk.read(case)
    told = line(found, "delivered")
    assert told["state"] == "unverifiable"
    assert f"record {delivered} was erased at 20" in told["remark"]
    assert "ground: data subject request" in told["remark"]
    assert [one["proof"] for one in told["filled_by"]] == ["erased"]
    assert told["filled_by"][0]["logged_before"] > 0
    assert line(found, "taken-over")["state"] == "present"
    clock = next(one for one in found["assessment"]["clocks"] if one["id"] == "montreal-31-damage")
    assert f"record {delivered} was erased" in clock["reason"]


async def test_linked_evidence_that_was_erased_is_unverifiable_too(
    service: ServiceUnderTest,
) -> None:
    desk, epc, elsewhere = await new_desk(service), parcel(), parcel()
    [delivered] = await desk.capture(at("2025-06-10T09:00:00Z", "accepting", elsewhere))
    report = await desk.document(elsewhere, "809")
    case = await desk.open(epc, "damage")
    links = [
        {"first_index": delivered, "line": "delivered", "subject": elsewhere},
        {"first_index": report, "line": "damage-report", "subject": elsewhere},
    ]
    linked = await desk.act(case, 1, "evidence_linked", evidence=links)
    assert linked.status_code == 201, linked.text
    await erase(service, records=[delivered, report])
    found = await desk.read(case)
    for name, record in (("delivered", delivered), ("damage-report", report)):
        told = line(found, name)
        assert told["state"] == "unverifiable"
        assert f"record {record} was erased" in told["remark"]
    assert line(found, "invoice")["state"] == "missing"


async def test_an_erased_description_is_named_where_an_older_one_stands_again(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    answer = await upload(desk.carrier, PDF, epc, type="740")
    document = answer.json()
    path = f"/v1/documents/{document['first_index']}/description"
    place = {"first_index": document["first_index"], "sha256": document["sha256"]}
    firsts = []
    for weight in (2_500, 3_000):
        said = {"v": 1, "document": place, "weight_g": weight}
        firsts.append((await desk.carrier.post(path, json=said)).json()["first_index"])
    case = await desk.open(epc, "damage", carriage=["air"])
    await erase(service, records=firsts[1:])
    found = await desk.read(case)
    (check,) = [one for one in found["assessment"]["cross_checks"] if one["id"] == "erased"]
    assert [one["first_index"] for one in check["stated"]] == firsts[1:]
    assert "an earlier description may stand" in check["explanation"]
    assert line(found, "invoice")["state"] == "missing"
