"""What a hold, or an open case, keeps once it stands is not taken out of it by what is logged later."""

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.erasing import due_later
from fixtures.holding import held_case, on_waybill, packing, refused, waybill_of
from provenance.evidence.cases import extent
from provenance.evidence.timelines.walking import WalkLimits

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
HELD = "under-legal-hold"
ERROR = {"declarationTime": "2026-06-20T09:00:00Z", "reason": "did_not_occur"}


def listing(epc: str, number: str, time: str = "2026-06-01T09:00:00Z") -> Json:
    return at(time, "collecting", epc, eventID=f"urn:example:{number}-{time}", **on_waybill(number))


async def travelled(desk: Desk, epc: str, bag: str, number: str) -> tuple[Json, list[int]]:
    """A parcel on a waybill, in a bag from 3 June on: its listing; events of parcel and bag."""
    listed = listing(epc, number)
    _, alone, _, carried = await desk.capture(
        listed,
        at("2026-06-02T09:00:00Z", "inspecting", epc),
        packing("2026-06-03T09:00:00Z", "ADD", bag, epc),
        at("2026-06-05T09:00:00Z", "departing", bag),
    )
    return listed, [alone, carried]


@pytest.mark.parametrize("declared_first", [False, True], ids=["after the hold", "before it"])
async def test_an_error_that_is_declared_takes_nothing_out(
    service: ServiceUnderTest, *, declared_first: bool
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    listed, firsts = await travelled(desk, epc, bag, number)
    declaration = {**listed, "errorDeclaration": ERROR}
    if declared_first:
        await desk.capture(declaration)
    await held_case(desk, waybill_of(number))
    if not declared_first:
        await desk.capture(declaration)
    for first in firsts:
        assert await refused(service, first) == HELD


async def test_unpacking_that_is_recorded_under_the_hold_ends_no_stay(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    _, (_, carried) = await travelled(desk, epc, bag, number)
    await held_case(desk, waybill_of(number))
    await desk.capture(
        packing("2026-06-04T09:00:00Z", "DELETE", bag, epc),
        packing("2026-06-04T10:00:00Z", "DELETE", bag),
    )
    assert await refused(service, carried) == HELD


async def test_packing_that_is_recorded_under_the_hold_does_not_shorten_the_stay_that_was(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    await desk.capture(packing("2026-06-02T12:00:00Z", "DELETE", bag))
    _, (_, carried) = await travelled(desk, epc, bag, number)
    await held_case(desk, waybill_of(number))
    await desk.capture(packing("2026-06-02T10:00:00Z", "ADD", bag, epc))
    assert await refused(service, carried) == HELD


async def test_an_event_that_is_recorded_under_the_hold_makes_it_wider(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    _, (_, carried) = await travelled(desk, epc, bag, number)
    other, trolley = parcel(), parcel()
    late, rolled = await desk.capture(
        at("2026-06-02T09:00:00Z", "inspecting", other),
        at("2026-06-06T09:00:00Z", "departing", trolley),
    )
    await held_case(desk, waybill_of(number))
    wrong = listing(other, number, "2026-06-10T09:00:00Z")
    await desk.capture(
        wrong,
        {**wrong, "errorDeclaration": ERROR},
        packing("2026-06-04T09:00:00Z", "ADD", trolley, bag),
        packing("2026-06-05T09:00:00Z", "DELETE", trolley, bag),
    )
    for first in (late, rolled, carried):
        assert await refused(service, first) == HELD


async def test_what_is_recorded_under_the_hold_does_not_use_up_the_limits(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    _, (_, carried) = await travelled(desk, epc, bag, number)
    await held_case(desk, waybill_of(number))
    # Waybill, parcel, bag: as it was, the timeline fits.
    limits = WalkLimits(trails=3, records=1_000, payload_bytes=1 << 20)
    monkeypatch.setattr(extent, "CASE_LIMITS", limits)
    others = [parcel() for _ in range(3)]
    await desk.capture(*(listing(one, number, "2026-05-01T09:00:00Z") for one in others[:1]))
    await desk.capture(at("2026-05-01T10:00:00Z", "collecting", *others, **on_waybill(number)))
    assert await refused(service, carried) == HELD


async def test_the_packing_that_led_to_a_container_stays_whenever_that_was(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    trolley = parcel()
    # The bag was on its trolley before the parcel was put into it.
    early, packed, rolled = await desk.capture(
        at("2026-05-01T09:00:00Z", "departing", trolley),
        packing("2026-05-02T09:00:00Z", "ADD", trolley, bag),
        at("2026-06-06T09:00:00Z", "departing", trolley),
    )
    await travelled(desk, epc, bag, number)
    await held_case(desk, waybill_of(number))
    assert await refused(service, rolled) == HELD
    assert await refused(service, packed) == HELD
    assert await refused(service, early) == ""


async def test_an_open_case_keeps_from_retention_what_it_rested_on_when_it_was_opened(
    service: ServiceUnderTest,
) -> None:
    desk, epc, bag, number = await new_desk(service), parcel(), parcel(), parcel()[-8:]
    listed, firsts = await travelled(desk, epc, bag, number)
    await desk.open(waybill_of(number), "damage")
    (unconcerned,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", parcel()))
    await desk.capture(
        {**listed, "errorDeclaration": ERROR},
        packing("2026-06-04T09:00:00Z", "DELETE", bag, epc),
    )
    due = await due_later(service)
    assert unconcerned in due
    assert due.isdisjoint(firsts)
