"""A hold that is logged while an erasure is under way wins, wherever it comes in between."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.documents import pdf, upload
from fixtures.erasing import REASON
from provenance.core.errors import ProvenanceError
from provenance.erasure.book import ErasureList
from provenance.erasure.eraser import Eraser
from provenance.erasure.errors import HeldError
from provenance.erasure.keepers import ReadsHolds
from provenance.erasure.orders import Order
from provenance.erasure.recording import LOOKS
from provenance.erasure.records import Reason
from provenance.erasure.steps import Step
from provenance.evidence.cases.holds import LegalHolds
from provenance.log.errors import OvertakenError
from provenance.wiring.erasing import open_eraser

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


class CrashError(ProvenanceError):
    """Stands for the end of the process."""


async def held_later(service: ServiceUnderTest) -> tuple[Desk, int, Callable[[], Awaitable[int]]]:
    """A document, and what places a hold on it; returns the index of the hold."""
    desk, about = await new_desk(service), parcel()
    answer = await upload(desk.carrier, pdf(mark=about), about)
    case = await desk.open(about, "damage")

    async def hold() -> int:
        placed = await desk.act(case, 1, "hold_placed", reason="a suit", author="B. Judge")
        assert placed.status_code == 201, placed.text
        first: int = placed.json()["first_index"]
        return first

    return desk, answer.json()["first_index"], hold


async def order_of(service: ServiceUnderTest, first: int) -> Order:
    [target] = await service.services.eraser.targets.records([first])
    orders = (await service.services.eraser.orders.orders()).values()
    [order] = [one for one in orders if set(target.leaves) & set(one.leaves)]
    return order


def busily(desk: Desk, case: str, eraser: Eraser) -> ReadsHolds:
    """Reads holds while news of a case, which has its first act alone, come with each reading."""
    acts = count(1)

    async def read() -> LegalHolds:
        await desk.act(case, next(acts), "note_added", note="busy")
        return await eraser.holds()

    return read


async def is_readable(desk: Desk, first: int) -> bool:
    answer = await desk.carrier.get(f"/v1/documents/{first}")
    assert answer.status_code in {200, 410}
    return answer.status_code == 200


async def next_start(service: ServiceUnderTest) -> None:
    """Apply the list to the database and take up what was left, as a start does."""
    services = service.services
    eraser = open_eraser(service.settings, services.engine, log_id=services.log.log_id)
    await eraser.restore()
    await eraser.finish(writer=services.writer)


async def test_a_hold_behind_the_first_look_refuses_the_request_and_withdraws_the_order(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk, first, hold = await held_later(service)
    services = service.services
    path, older = services.eraser.orders.path, tmp_path / "older"
    add = ErasureList.add

    async def held_meanwhile(self: ErasureList, *orders: Order) -> None:
        await add(self, *orders)
        older.write_bytes(path.read_bytes())
        await hold()

    monkeypatch.setattr(ErasureList, "add", held_meanwhile)
    operator = await service.as_role("admin", organisation="Operator")
    answer = await operator.post("/v1/erasures", json={**REASON, "records": [first]})
    monkeypatch.undo()
    assert (answer.status_code, answer.json()["code"]) == (409, "under-legal-hold")
    assert f"record {first}" in answer.json()["detail"]
    order = await order_of(service, first)
    assert order.state == "withdrawn"
    assert await services.eraser.targets.erasure(order.id) is None
    await next_start(service)
    assert await is_readable(desk, first)
    # A backup's list is from before the hold, and so may its database be.
    restored = ErasureList(older, now_ms=services.clock)
    assert (await restored.orders())[order.id].state == "requested"
    await restored.take_over(path)
    assert (await restored.orders())[order.id].state == "withdrawn"
    assert await replace(services.eraser, orders=restored).restore() == 0
    assert await is_readable(desk, first)


async def test_all_parts_of_a_request_are_erased_or_none(service: ServiceUnderTest) -> None:
    desk, first, hold = await held_later(service)
    wide = at("2026-06-01T09:00:00Z", "collecting", *(parcel() for _ in range(300)))
    wider = at("2026-06-02T09:00:00Z", "collecting", *(parcel() for _ in range(300)))
    events = await desk.capture(wide, wider)
    services = service.services
    targets = await services.eraser.targets.records([*events, first])

    async def held_meanwhile(step: Step) -> None:
        if step is Step.LIST:
            await hold()

    eraser = replace(services.eraser, steps=held_meanwhile)
    with pytest.raises(HeldError, match="nothing was erased"):
        await eraser.request(targets, await reason(service), writer=services.writer)
    for one in (*events, first):
        assert (await order_of(service, one)).state == "withdrawn"
    shown = await services.eraser.targets.records([*events, first])
    assert not any(target.is_erased for target in shown)


@pytest.mark.parametrize("last", [Step.LIST, Step.WITHDRAW], ids=lambda step: step.value)
async def test_a_crash_between_hold_and_withdrawal_erases_nothing(
    service: ServiceUnderTest, last: Step
) -> None:
    desk, first, hold = await held_later(service)
    services = service.services

    async def dies(step: Step) -> None:
        if step is Step.LIST:
            await hold()
        if step is last:
            raise CrashError(step.value)

    eraser = replace(services.eraser, steps=dies, _requested=set())
    targets = await eraser.targets.records([first])
    with pytest.raises(CrashError, match=last.value):
        await eraser.request(targets, await reason(service), writer=services.writer)
    await next_start(service)
    assert (await order_of(service, first)).state == "withdrawn"
    assert await is_readable(desk, first)


async def test_a_hold_that_is_logged_while_a_start_takes_up_an_order_wins_too(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, first, hold = await held_later(service)
    services = service.services

    async def dies(step: Step) -> None:
        raise CrashError(step.value)

    eraser = services.eraser
    targets = await eraser.targets.records([first])
    with pytest.raises(CrashError):
        await replace(eraser, steps=dies).request(
            targets, await reason(service), writer=services.writer
        )
    holds = await eraser.holds()
    readings = 0

    async def read_before() -> Any:
        nonlocal readings
        readings += 1
        if readings > 1:
            return await eraser.holds()
        await hold()
        return holds

    await replace(eraser, holds=read_before).finish(writer=services.writer)
    assert readings == 2
    assert (await order_of(service, first)).state == "withdrawn"
    assert await is_readable(desk, first)


async def test_a_hold_that_stands_again_as_its_release_is_erased_counts_meanwhile(
    service: ServiceUnderTest,
) -> None:
    desk, about = await new_desk(service), parcel()
    (first,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", about))
    case = await desk.open(about, "damage")
    await desk.act(case, 1, "hold_placed", reason="a suit", author="B. Judge")
    release = await desk.act(case, 2, "hold_released", reason="settled")
    services = service.services
    targets = await services.eraser.targets.records([first])
    [act] = await services.eraser.targets.records([release.json()["first_index"]])
    # Another process erases the act.
    other = open_eraser(service.settings, services.engine, log_id=services.log.log_id)

    async def stands_again(step: Step) -> None:
        if step is Step.LIST:
            await other.request([act], await reason(service), writer=services.writer)

    eraser = replace(services.eraser, steps=stands_again)
    with pytest.raises(HeldError):
        await eraser.request(targets, await reason(service), writer=services.writer)
    assert (await order_of(service, first)).state == "withdrawn"


async def test_requests_that_come_together_all_have_their_turn(service: ServiceUnderTest) -> None:
    desk, count = await new_desk(service), LOOKS + 4
    events = await desk.capture(
        *(at("2026-06-01T09:00:00Z", "collecting", parcel()) for _ in range(count))
    )
    operator = await service.as_role("admin", organisation="Operator")
    answers = await asyncio.gather(
        *(operator.post("/v1/erasures", json={**REASON, "records": [first]}) for first in events)
    )
    assert [answer.status_code for answer in answers] == [202] * count


async def test_whoever_is_overtaken_again_and_again_is_told_to_come_back(
    service: ServiceUnderTest,
) -> None:
    desk, first, _ = await held_later(service)
    case = await desk.open(parcel(), "delay")
    services = service.services
    seq = 0

    async def read() -> Any:
        nonlocal seq
        seq += 1
        answer = await desk.act(case, seq, "note_added", note="busy")
        assert answer.status_code == 201, answer.text
        return await services.eraser.holds()

    eraser = replace(services.eraser, holds=read)
    targets = await eraser.targets.records([first])
    with pytest.raises(OvertakenError):
        await eraser.request(targets, await reason(service), writer=services.writer)
    assert seq == LOOKS
    await next_start(service)
    assert (await order_of(service, first)).state == "withdrawn"
    assert await is_readable(desk, first)


async def test_what_was_withdrawn_stays_so_for_whoever_read_the_list_before(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, first, _ = await held_later(service)
    case = await desk.open(parcel(), "delay")
    services = service.services
    eraser = services.eraser
    before: dict[str, Order] = {}

    async def listed(step: Step) -> None:
        if step is Step.LIST:
            before.update(await eraser.orders.orders())

    targets = await eraser.targets.records([first])
    with pytest.raises(OvertakenError):
        await replace(eraser, holds=busily(desk, case, eraser), steps=listed).request(
            targets, await reason(service), writer=services.writer
        )

    async def earlier(_self: ErasureList) -> dict[str, Order]:
        monkeypatch.undo()
        return before

    monkeypatch.setattr(ErasureList, "orders", earlier)
    await eraser.finish(writer=services.writer)
    order = await order_of(service, first)
    assert order.state == "withdrawn"
    assert await eraser.targets.erasure(order.id) is None
    assert await is_readable(desk, first)


async def test_what_another_process_has_logged_is_not_withdrawn_though_the_list_lacks_it(
    service: ServiceUnderTest,
) -> None:
    desk, first, hold = await held_later(service)
    case = await desk.open(parcel(), "delay")
    services = service.services
    readings = 0

    async def dies(step: Step) -> None:
        if step is Step.LOG:
            raise CrashError(step.value)

    other = open_eraser(service.settings, services.engine, log_id=services.log.log_id)

    async def read() -> Any:
        nonlocal readings
        readings += 1
        if readings > 1:
            with pytest.raises(CrashError):
                await replace(other, steps=dies).finish(writer=services.writer)
            await hold()
        return await services.eraser.holds()

    async def overtaken(step: Step) -> None:
        if step is Step.LIST:
            await desk.act(case, 1, "note_added", note="busy")

    targets = await other.targets.records([first])
    eraser = replace(services.eraser, holds=read, steps=overtaken)
    [order] = await eraser.request(targets, await reason(service), writer=services.writer)
    assert readings == 2
    assert order.state == "erased"
    assert await other.targets.erasure(order.id) is not None
    assert not await is_readable(desk, first)


async def test_an_order_that_is_overtaken_when_it_is_taken_up_waits_for_a_moment_only(
    service: ServiceUnderTest,
) -> None:
    desk, first, _ = await held_later(service)
    case = await desk.open(parcel(), "delay")
    eraser, writer = service.services.eraser, service.services.writer

    async def dies(step: Step) -> None:
        raise CrashError(step.value)

    targets = await eraser.targets.records([first])
    with pytest.raises(CrashError):
        await replace(eraser, steps=dies).request(targets, await reason(service), writer=writer)
    order = await order_of(service, first)
    left = await replace(eraser, holds=busily(desk, case, eraser)).finish(writer=writer)
    assert [what.partition(":")[0] for what in left[order.id]] == ["news"]
    await eraser.finish(writer=writer)
    assert (await order_of(service, first)).state == "erased"


async def test_no_erasure_record_stands_behind_a_hold_however_the_two_meet(
    service: ServiceUnderTest,
) -> None:
    operator = await service.as_role("admin", organisation="Operator")
    for turn in range(8):
        desk, first, hold = await held_later(service)

        async def later(hold: Callable[[], Awaitable[int]] = hold, turn: int = turn) -> int:
            for _ in range(turn * 20):
                await asyncio.sleep(0)
            return await hold()

        answer, held = await asyncio.gather(
            operator.post("/v1/erasures", json={**REASON, "records": [first]}), later()
        )
        if answer.status_code == 202:
            [erasure] = answer.json()["erasures"]
            assert erasure["first_index"] < held
        else:
            assert answer.json()["code"] == "under-legal-hold"
        assert await is_readable(desk, first) == (answer.status_code != 202)


async def reason(service: ServiceUnderTest) -> Reason:
    organisation = await service.services.accounts.organisation("Operator")
    return Reason("objection", author="A. Officer", organisation=organisation)
