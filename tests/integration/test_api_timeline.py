"""Timelines of shipments."""

from typing import Any
from urllib.parse import quote

import httpx
import pytest

from fixtures.application import ServiceUnderTest, event, parcel

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

DAY = "2026-07-{:02}T00:00:00Z"


async def record(carrier: httpx.AsyncClient, body: dict[str, Any]) -> int:
    """Capture one event; returns the index of its first entry."""
    answer = await carrier.post("/epcis/events", json=body)
    assert answer.status_code == 201, answer.text
    first: int = answer.json()["first_index"]
    return first


async def timeline(client: httpx.AsyncClient, subject: str, **query: str) -> dict[str, Any]:
    answer = await client.get(f"/v1/shipments/{quote(subject, safe='')}/timeline", params=query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def at(day: int, *epcs: str, **fields: Any) -> dict[str, Any]:
    return event(*epcs, eventTime=DAY.format(day), **fields)


def packing(day: int, action: str, parent: str, *children: str) -> dict[str, Any]:
    body = at(day, action=action, parentID=parent, childEPCs=list(children))
    del body["epcList"]
    if not children:
        del body["childEPCs"]
    return {**body, "type": "AggregationEvent", "bizStep": "packing"}


async def test_events_come_in_the_order_in_which_they_happened_with_lags_and_places(
    service: ServiceUnderTest,
) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    later = await record(carrier, at(3, epc))
    earlier = await record(carrier, at(1, epc))
    found = await timeline(carrier, epc)
    assert [one["first_index"] for one in found["events"]] == [earlier, later]
    assert [one["places"] for one in found["events"]] == [
        [{"index": earlier, "subject": epc, "seq": 1}],
        [{"index": later, "subject": epc, "seq": 0}],
    ]
    one = found["events"][0]
    assert one["recorded_after"] == one["recorded_at"] - one["event_time"]
    assert found["trails"] == [{"subject": epc, "reason": "asked"}]
    assert found["is_complete"]


async def test_an_event_of_the_future_has_no_lag_and_says_how_far_ahead_it_was_recorded(
    service: ServiceUnderTest,
) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    planned = event(epc, eventTime="9999-12-31T23:59:59.999Z")
    first = await record(carrier, planned)
    past = await record(carrier, at(1, epc))
    found = (await timeline(carrier, epc))["events"]
    assert [one["first_index"] for one in found] == [past, first]
    assert found[1]["recorded_before"] == 253_402_300_799_999 - found[1]["recorded_at"]
    assert "recorded_after" not in found[1]
    assert "recorded_before" not in found[0]
    back = await carrier.get("/epcis/events", params={"GE_eventTime": "9999-12-31T23:59:59.000Z"})
    listed = back.json()["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [one["eventTime"] for one in listed] == [planned["eventTime"]]


async def test_the_state_goes_from_recorded_to_final(service: ServiceUnderTest) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    await record(carrier, at(1, epc))
    (before,) = (await timeline(carrier, epc))["events"]
    assert before["state"] == "recorded"
    assert "anchored_at" not in before
    await service.anchor()
    (after,) = (await timeline(carrier, epc))["events"]
    assert after["state"] == "final"
    assert after["anchored_size"] > after["first_index"]
    assert after["anchored_after"] == after["anchored_at"] - after["recorded_at"]


async def test_a_waybill_number_leads_to_its_parcels(service: ServiceUnderTest) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    waybill = [{"type": "bol", "bizTransaction": "WB 1/2"}]
    first = await record(carrier, at(2, epc, bizTransactionList=waybill))
    second = await record(carrier, at(3, epc))
    before = await record(carrier, at(1, epc))
    found = await timeline(carrier, "WB 1/2")
    subject = "urn:provenance:shipment:acme:WB%201%2F2"
    assert found["subject"] == subject
    assert [one["first_index"] for one in found["events"]] == [first, second]
    assert before not in [one["first_index"] for one in found["events"]]
    assert [(one["subject"], one["reason"]) for one in found["trails"]] == [
        (subject, "asked"),
        (epc, "parcel"),
    ]
    same = await timeline(carrier, subject)
    assert same["events"] == found["events"]
    other = await carrier.get("/v1/shipments/WB/timeline", params={"carrier": "else"})
    assert other.status_code == 404


async def test_a_container_is_followed_between_packing_and_unpacking(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, bag, truck = await service.new_carrier(), parcel(), parcel(), parcel()
    packed = await record(carrier, packing(2, "ADD", bag, epc))
    loaded = await record(carrier, packing(3, "ADD", truck, bag))
    moved = await record(carrier, at(4, truck))
    unloaded = await record(carrier, packing(5, "DELETE", truck, bag))
    bag_alone = await record(carrier, at(6, bag))
    unpacked = await record(carrier, packing(7, "DELETE", bag, epc))
    for elsewhere in (at(1, bag), at(1, truck), at(6, truck), at(8, bag)):
        await record(carrier, elsewhere)
    found = await timeline(carrier, epc)
    assert [one["first_index"] for one in found["events"]] == [
        packed,
        loaded,
        moved,
        unloaded,
        bag_alone,
        unpacked,
    ]
    assert [(one["subject"], one["reason"], one.get("via")) for one in found["trails"]] == [
        (epc, "asked", None),
        (bag, "container", epc),
        (truck, "container", bag),
    ]


async def packed_and_emptied(
    service: ServiceUnderTest,
) -> tuple[httpx.AsyncClient, str, str, list[int]]:
    """A parcel and its bag, emptied at 2 and seen at 3; the records of the stay, by a carrier."""
    carrier, epc, bag = await service.new_carrier(), parcel(), parcel()
    packed = await record(carrier, packing(1, "ADD", bag, epc))
    emptied = await record(carrier, packing(2, "DELETE", bag))
    await record(carrier, at(3, bag))
    return carrier, epc, bag, [packed, emptied]


async def test_unpacking_without_children_empties_the_container(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, _, stay = await packed_and_emptied(service)
    found = await timeline(carrier, epc)
    assert [one["first_index"] for one in found["events"]] == stay


async def test_what_is_packed_again_after_the_container_was_emptied_is_followed_again(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, bag, stay = await packed_and_emptied(service)
    again = await record(carrier, packing(4, "ADD", bag, epc))
    moved = await record(carrier, at(5, bag))
    found = await timeline(carrier, epc)
    assert [one["first_index"] for one in found["events"]] == [*stay, again, moved]
    assert [one["subject"] for one in found["trails"]] == [epc, bag, bag]
    assert found["is_complete"]


async def test_emptying_a_container_ends_neither_its_own_timeline_nor_where_that_leads(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, box, truck = await service.new_carrier(), parcel(), parcel(), parcel()
    firsts = [
        await record(carrier, packing(1, "ADD", box, epc)),
        await record(carrier, packing(2, "DELETE", box)),
        await record(carrier, at(3, box)),
        await record(carrier, packing(4, "ADD", truck, box)),
        await record(carrier, at(5, truck)),
    ]
    found = await timeline(carrier, box)
    assert [one["first_index"] for one in found["events"]] == firsts


async def test_a_packing_that_was_declared_an_error_is_not_followed(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, bag = await service.new_carrier(), parcel(), parcel()
    wrong = {**packing(1, "ADD", bag, epc), "eventID": f"urn:uuid:{epc[-12:]}"}
    packed = await record(carrier, wrong)
    declaration = {"declarationTime": DAY.format(3), "reason": "did_not_occur"}
    corrected = await record(carrier, {**wrong, "errorDeclaration": declaration})
    await record(carrier, at(2, bag))
    found = await timeline(carrier, epc)
    assert [one["first_index"] for one in found["events"]] == [packed, corrected]
    assert found["events"][0]["corrected_by"] == [corrected]
    assert found["events"][1]["corrects"] == packed
    assert [one["subject"] for one in found["trails"]] == [epc]


async def test_containers_that_hold_each_other_do_not_go_on_for_ever(
    service: ServiceUnderTest,
) -> None:
    carrier, one, two = await service.new_carrier(), parcel(), parcel()
    await record(carrier, packing(1, "ADD", one, two))
    await record(carrier, packing(2, "ADD", two, one))
    found = await timeline(carrier, one)
    assert len(found["events"]) == 2


async def test_a_carrier_sees_the_place_of_others_records_and_not_what_they_say(
    service: ServiceUnderTest,
) -> None:
    carrier, other, epc = await service.new_carrier(), await service.new_carrier(), parcel()
    own, others = await record(carrier, at(1, epc)), await record(other, at(2, epc))
    found = await timeline(carrier, epc, payloads="include")
    shown, hidden = found["events"]
    assert shown["payload"]["epcList"] == [epc]
    assert hidden["withheld"]
    assert hidden["first_index"] == others
    assert "event_time" not in hidden
    assert "payload" not in hidden
    stranger = await service.new_carrier()
    answer = await stranger.get(f"/v1/shipments/{quote(epc, safe='')}/timeline")
    assert answer.status_code == 404
    admin = await timeline(await service.as_role("admin"), epc)
    assert [one["first_index"] for one in admin["events"]] == [own, others]


async def test_a_member_sees_events_of_several_parcels_without_the_others(
    service: ServiceUnderTest,
) -> None:
    carrier, epc, neighbour = await service.new_carrier(), parcel(), parcel()
    await record(carrier, at(1, epc))
    await record(carrier, at(2, epc, neighbour))
    member = await service.as_role("member")
    found = await timeline(member, epc, payloads="include")
    alone, together = found["events"]
    assert alone["payload"]["epcList"] == [epc]
    assert "payload" not in together
    assert together["biz_step"] == "shipping"
    claims = await timeline(await service.as_role("claims"), epc, payloads="include")
    assert claims["events"][1]["payload"]["epcList"] == [epc, neighbour]


async def test_nothing_recorded_is_not_found(service: ServiceUnderTest) -> None:
    member = await service.as_role("member")
    for subject in (parcel(), "unheard of"):
        answer = await member.get(f"/v1/shipments/{quote(subject, safe='')}/timeline")
        assert answer.status_code == 404


async def test_a_timeline_beyond_its_bound_says_that_it_is_cut(
    service: ServiceUnderTest,
) -> None:
    carrier, epc = await service.new_carrier(), parcel()
    bags = [parcel() for _ in range(service.services.limits.max_timeline_trails)]
    for bag in bags:
        await record(carrier, packing(1, "ADD", bag, epc))
    found = await timeline(carrier, epc)
    assert not found["is_complete"]
    assert len(found["trails"]) == len(bags)
