"""What comes to be kept while retention is at work stays, wherever that comes in between."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.holding import held_case, on_waybill, packing, waybill_of
from provenance.core.errors import ProvenanceError
from provenance.erasure.errors import HeldError, OpenCaseError
from provenance.erasure.orders import RETENTION_ENDED
from provenance.erasure.periods import Periods
from provenance.erasure.recording import LOOKS
from provenance.erasure.records import Reason
from provenance.erasure.steps import Step
from provenance.erasure.targets import TargetStore
from provenance.evidence.cases.unclosed import OpenCases
from provenance.log.submissions import News, Unchanged
from provenance.wiring.erasing import open_eraser

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


class CrashError(ProvenanceError):
    """Stands for the end of the process."""


async def retention_reason(service: ServiceUnderTest) -> Reason:
    organisation = await service.services.accounts.organisation("Operator")
    return Reason(RETENTION_ENDED, author="retention period", organisation=organisation)


async def is_readable(desk: Desk, first: int) -> bool:
    answer = await desk.carrier.get(f"/v1/records/{first}/payload")
    assert answer.status_code in {200, 410}
    return answer.status_code == 200


def doing(step: Step, what: Callable[[], Awaitable[object]]) -> Callable[[Step], Awaitable[None]]:
    async def do(taken: Step) -> None:
        if taken is step:
            await what()

    return do


async def test_an_event_that_widens_a_standing_hold_counts_though_keepers_were_read_before(
    service: ServiceUnderTest,
) -> None:
    desk, number, other = await new_desk(service), parcel()[-8:], parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "collecting", parcel(), **on_waybill(number)))
    (first,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", other))
    await held_case(desk, waybill_of(number))
    services = service.services
    keepers = await services.eraser.keepers.read(with_open_cases=True)
    targets = await services.eraser.targets.records([first])
    assert await services.eraser.keepers.why(targets, keepers) == {}
    await desk.capture(at("2026-06-03T09:00:00Z", "collecting", other, **on_waybill(number)))
    with pytest.raises(HeldError):
        await services.eraser.request(
            targets, await retention_reason(service), writer=services.writer, known=keepers
        )
    assert await is_readable(desk, first)


async def test_a_hold_that_is_widened_two_trails_away_counts_between_look_and_record(
    service: ServiceUnderTest,
) -> None:
    desk, number, epc = await new_desk(service), parcel()[-8:], parcel()
    bag, trolley = parcel(), parcel()
    await desk.capture(at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)))
    _, first = await desk.capture(
        packing("2026-06-02T09:00:00Z", "ADD", trolley, bag),
        at("2026-06-03T09:00:00Z", "departing", trolley),
    )
    await held_case(desk, waybill_of(number))
    packed = doing(
        Step.LIST, lambda: desk.capture(packing("2026-06-02T10:00:00Z", "ADD", bag, epc))
    )
    services = service.services
    targets = await services.eraser.targets.records([first])
    with pytest.raises(HeldError):
        await replace(services.eraser, steps=packed).request(
            targets, await retention_reason(service), writer=services.writer
        )
    assert await is_readable(desk, first)


async def test_an_unpacking_that_is_taken_back_counts_though_keepers_were_read_before(
    service: ServiceUnderTest,
) -> None:
    desk, number, epc, bag = await new_desk(service), parcel()[-8:], parcel(), parcel()
    unpacking = {
        **packing("2026-06-03T09:00:00Z", "DELETE", bag, epc),
        "eventID": f"urn:uuid:{uuid4()}",
    }
    *_, first = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", epc, **on_waybill(number)),
        packing("2026-06-02T09:00:00Z", "ADD", bag, epc),
        unpacking,
        at("2026-06-04T09:00:00Z", "departing", bag),
    )
    await held_case(desk, waybill_of(number))
    services = service.services
    keepers = await services.eraser.keepers.read(with_open_cases=True)
    targets = await services.eraser.targets.records([first])
    assert await services.eraser.keepers.why(targets, keepers) == {}
    declared = {"declarationTime": "2026-06-05T09:00:00Z", "reason": "did_not_occur"}
    await desk.capture({**unpacking, "errorDeclaration": declared})
    with pytest.raises(HeldError):
        await services.eraser.request(
            targets, await retention_reason(service), writer=services.writer, known=keepers
        )
    assert await is_readable(desk, first)


async def test_news_that_lead_nowhere_do_not_have_cases_followed_again(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, about = await new_desk(service), parcel()
    _, first = await desk.capture(
        at("2026-06-01T09:00:00Z", "collecting", about),
        at("2026-06-01T09:00:00Z", "collecting", parcel()),
    )
    await desk.open(about, "damage")
    services = service.services
    news = TargetStore.news
    looks = followed = 0

    async def follow() -> OpenCases:
        nonlocal followed
        followed += 1
        return await services.eraser.open_cases()

    async def busy(self: TargetStore, unchanged: Unchanged, *, limit: int) -> list[News]:
        nonlocal looks
        looks += 1
        found = await news(self, unchanged, limit=limit)
        if looks < LOOKS:
            await desk.capture(at("2026-06-03T09:00:00Z", "arriving", about))
            await upload(desk.carrier, pdf(mark=parcel()), about)
        return found

    monkeypatch.setattr(TargetStore, "news", busy)
    eraser = replace(services.eraser, open_cases=follow)
    [target] = await eraser.targets.records([first])
    keepers = await eraser.keepers.read(with_open_cases=True)
    [order] = await eraser.request(
        [target], await retention_reason(service), writer=services.writer, known=keepers
    )
    assert (looks, followed, order.state) == (LOOKS, 1, "erased")


@pytest.mark.parametrize("when", ["before the look", "behind it"])
async def test_a_case_that_is_opened_meanwhile_keeps_what_it_rests_on(
    service: ServiceUnderTest, when: str
) -> None:
    desk, about = await new_desk(service), parcel()
    (first,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", about))
    eraser, writer = service.services.eraser, service.services.writer
    keepers = await eraser.keepers.read(with_open_cases=True)
    if when == "before the look":
        await desk.open(about, "damage")
    else:
        eraser = replace(eraser, steps=doing(Step.LIST, lambda: desk.open(about, "damage")))
    targets = await eraser.targets.records([first])
    with pytest.raises(OpenCaseError, match="is not closed"):
        await eraser.request(targets, await retention_reason(service), writer=writer, known=keepers)
    assert await is_readable(desk, first)


async def test_an_order_of_retention_that_a_crash_left_is_withdrawn_where_a_case_was_opened(
    service: ServiceUnderTest,
) -> None:
    desk, about = await new_desk(service), parcel()
    (first,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", about))
    services = service.services

    async def dies() -> None:
        await desk.open(about, "damage")
        raise CrashError

    eraser = replace(services.eraser, steps=doing(Step.LIST, dies), _requested=set())
    targets = await eraser.targets.records([first])
    with pytest.raises(CrashError):
        await eraser.request(
            targets,
            await retention_reason(service),
            writer=services.writer,
            known=await eraser.keepers.read(with_open_cases=True),
        )
    later = open_eraser(service.settings, services.engine, log_id=services.log.log_id)
    await later.finish(writer=services.writer)
    [order] = [
        one for one in (await later.orders.orders()).values() if one.leaves == targets[0].leaves
    ]
    assert order.state == "withdrawn"
    assert await is_readable(desk, first)


async def test_whoever_gives_an_order_on_the_ground_that_retention_ended_open_cases_count(
    service: ServiceUnderTest,
) -> None:
    desk, about = await new_desk(service), parcel()
    (first,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", about))
    await desk.open(about, "damage")
    operator = await service.as_role("admin", organisation="Operator")
    asked = {"author": "A. Officer", "records": [first]}
    for ground, code in ((RETENTION_ENDED, "in-open-case"), ("objection", None)):
        shown = await operator.post(
            "/v1/erasures", json={**asked, "ground": ground, "dry_run": True}
        )
        assert bool(shown.json()["kept"]) == (code is not None)
        answer = await operator.post("/v1/erasures", json={**asked, "ground": ground})
        assert answer.json().get("code") == code
        assert answer.status_code == (202 if code is None else 409)


async def test_a_run_of_retention_leaves_what_a_case_rests_on_that_was_opened_during_it(
    service: ServiceUnderTest,
) -> None:
    desk, about = await new_desk(service), parcel()
    (first,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", about))
    services = service.services
    readings = 0

    async def read() -> OpenCases:
        nonlocal readings
        found = await services.eraser.open_cases()
        readings += 1
        if readings == 1:
            await desk.open(about, "damage")
        return found

    now = int((datetime.now(UTC) + timedelta(days=60)).timestamp() * 1000)
    retention = replace(
        services.retention,
        eraser=replace(services.eraser, open_cases=read),
        periods=Periods.model_validate({"default": {"days": 30}}),
        now_ms=lambda: now,
    )
    with capture_logs() as logs:
        await retention.erase_due(writer=services.writer)
    assert readings > 1
    assert "in-open-case" in {one["code"] for one in logs if one["event"] == "retention_put_off"}
    assert await is_readable(desk, first)
    # The next one leaves it too, and takes what is free.
    (free,) = await desk.capture(at("2026-06-02T09:00:00Z", "inspecting", parcel()))
    await retention.erase_due(writer=services.writer)
    assert await is_readable(desk, first)
    assert not await is_readable(desk, free)
