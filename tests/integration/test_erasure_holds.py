"""What a case rests on stays: under a legal hold whoever asks, in an open case whatever its age."""

from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.erasing import REASON, due_later, erase
from fixtures.holding import held_case, on_waybill, packing, refused, stored, waybill_of
from provenance.evidence.timelines.trails import TrailStore

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_an_event_of_the_parcel_alone_is_held_with_the_waybill(
    service: ServiceUnderTest,
) -> None:
    desk, epc, number = await new_desk(service), parcel(), parcel()[-8:]
    _, alone = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)),
        at("2026-06-02T09:00:00Z", "inspecting", epc, disposition="damaged"),
    )
    (before,) = await desk.capture(at("2026-05-01T09:00:00Z", "commissioning", epc))
    case = await held_case(desk, waybill_of(number))
    lines = {line["id"]: line for line in (await desk.read(case))["assessment"]["checklist"]}
    filled = lines["damage-event"]["filled_by"]
    assert alone in {one["first_index"] for one in filled}, "the case rests on it"
    # The dossier holds the parcel's trail as a whole, also from before the waybill.
    for first in (alone, before):
        assert await refused(service, first) == "under-legal-hold"
    shown: Any = await erase(service, records=[alone], dry_run=True)
    assert shown["erased"] == []
    assert "a suit" in shown["kept"][0]["reason"]
    await desk.act(case, 2, "hold_released", reason="settled")
    assert await refused(service, alone) == ""


async def test_a_container_is_held_for_as_long_as_the_parcel_was_in_it(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    _, before, _, during, _, after = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)),
        at("2026-06-01T10:00:00Z", "departing", bag),
        packing("2026-06-02T09:00:00Z", "ADD", bag, epc),
        at("2026-06-03T09:00:00Z", "departing", bag),
        packing("2026-06-04T09:00:00Z", "DELETE", bag, epc),
        at("2026-06-05T09:00:00Z", "departing", bag),
    )
    await held_case(desk, waybill_of(number))
    assert await refused(service, during) == "under-legal-hold"
    assert await refused(service, before) == ""
    assert await refused(service, after) == ""


async def test_what_goes_back_to_linked_evidence_is_held_with_it(
    service: ServiceUnderTest,
) -> None:
    desk, epc, sister = await new_desk(service), parcel(), parcel()
    scan, _ = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc),
        at("2026-06-01T09:00:00Z", "collecting", sister),
    )
    first = (await upload(desk.claims, pdf(mark="one"), sister)).json()
    newer = (
        await upload(desk.claims, pdf(mark="two"), sister, supersedes=first["first_index"])
    ).json()
    newest = (
        await upload(desk.claims, pdf(mark="three"), sister, supersedes=newer["first_index"])
    ).json()
    other = (await upload(desk.claims, pdf(mark="other"), sister)).json()
    descriptions = [await description(desk, one, sister) for one in (first, newest, other)]
    link = {"first_index": first["first_index"], "subject": sister}
    await held_case(desk, epc, link)
    covered = [one["first_index"] for one in (first, newer, newest)]
    for index in (scan, *covered, *descriptions[:2]):
        assert await refused(service, index) == "under-legal-hold"
    assert await refused(service, descriptions[2]) == ""
    assert await refused(service, other["first_index"]) == ""


async def test_a_linked_description_holds_what_it_describes(service: ServiceUnderTest) -> None:
    desk, epc, sister = await new_desk(service), parcel(), parcel()
    await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc),
        at("2026-06-01T09:00:00Z", "collecting", sister),
    )
    document = (await upload(desk.claims, pdf(mark="four"), sister)).json()
    described = await description(desk, document, sister)
    await held_case(desk, epc, {"first_index": described, "subject": sister})
    assert await refused(service, document["first_index"]) == "under-legal-hold"


async def test_a_correction_of_linked_evidence_is_held_with_it(service: ServiceUnderTest) -> None:
    desk, epc, sister = await new_desk(service), parcel(), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "collecting", epc))
    wrong = at("2026-06-01T09:00:00Z", "inspecting", sister, eventID=f"urn:example:{sister[-9:]}")
    (seen,) = await desk.capture(wrong)
    error = {"declarationTime": "2026-06-02T09:00:00Z", "reason": "did_not_occur"}
    (correction,) = await desk.capture({**wrong, "errorDeclaration": error})
    await held_case(desk, epc, {"first_index": seen, "subject": sister})
    assert await refused(service, correction) == "under-legal-hold"


async def test_retention_keeps_what_an_open_case_rests_on_and_takes_it_once_it_is_closed(
    service: ServiceUnderTest,
) -> None:
    desk, epc, number = await new_desk(service), parcel(), parcel()[-8:]
    sister, bystander = parcel(), parcel()
    both, alone, unconcerned, _ = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)),
        at("2026-06-02T09:00:00Z", "inspecting", epc, disposition="damaged"),
        at("2026-06-02T09:00:00Z", "inspecting", bystander),
        at("2026-06-02T09:00:00Z", "collecting", sister),
    )
    first = (await upload(desk.claims, pdf(mark="five"), sister)).json()
    newer = (
        await upload(desk.claims, pdf(mark="six"), sister, supersedes=first["first_index"])
    ).json()["first_index"]
    described = await description(desk, first, sister)
    case = await desk.open(waybill_of(number), "damage")
    link = {"first_index": first["first_index"], "subject": sister}
    await desk.act(case, 1, "evidence_linked", evidence=[link])
    kept = {both, alone, first["first_index"], newer, described}
    due = await due_later(service)
    assert unconcerned in due
    assert due.isdisjoint(kept)
    await desk.act(case, 2, "state_changed", to="withdrawn")
    await desk.act(case, 3, "state_changed", to="closed")
    assert await due_later(service) >= kept


async def test_nothing_is_erased_while_nobody_can_tell_what_a_hold_covers(
    service: ServiceUnderTest,
) -> None:
    desk, epc, number = await new_desk(service), parcel(), parcel()[-8:]
    (both,) = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number))
    )
    (elsewhere,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", parcel()))
    case = await held_case(desk, waybill_of(number))
    operator = await service.as_role("admin", organisation="Operator")
    asked = {**REASON, "records": [elsewhere]}
    whole = await stored(service, both, b"{")
    answer = await operator.post("/v1/erasures", json=asked)
    assert (answer.status_code, answer.json()["code"]) == (409, "case-not-followed")
    assert case in answer.json()["detail"]
    await stored(service, both, whole)
    assert await refused(service, elsewhere) == ""


async def test_a_timeline_is_followed_once_however_much_is_asked_about(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, epc, number = await new_desk(service), parcel(), parcel()[-8:]
    await desk.capture(at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)))
    await held_case(desk, waybill_of(number))
    elsewhere = await desk.capture(
        *(at("2026-06-01T09:00:00Z", "collecting", parcel()) for _ in range(20))
    )
    read: list[str] = []
    trail = TrailStore.trail

    async def counted(self: TrailStore, subject: str, **bounds: int) -> Any:
        read.append(subject)
        return await trail(self, subject, **bounds)

    monkeypatch.setattr(TrailStore, "trail", counted)
    eraser = service.services.eraser
    keepers = await eraser.keepers.read()
    assert read.count(waybill_of(number)) == read.count(epc) == 1
    targets = await eraser.targets.records(elsewhere)
    read.clear()
    assert await eraser.held(targets, ground="objection") == {}
    assert read.count(epc) == 1
    read.clear()
    assert await eraser.held(targets, ground="objection", known=keepers) == {}
    assert read == []


async def description(desk: Desk, document: Json, subject: str) -> int:
    """Describe a document; returns the record."""
    answer = await desk.claims.post(
        f"/v1/documents/{document['first_index']}/description",
        params={"subject": subject},
        json={
            "v": 1,
            "document": {"first_index": document["first_index"], "sha256": document["sha256"]},
            "pieces": 3,
        },
    )
    assert answer.status_code == 201, answer.text
    first: int = answer.json()["first_index"]
    return first
