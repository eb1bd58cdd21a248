"""What is damaged stops the orders that need it, and no other; who is refused has ordered nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.erasing import erase
from fixtures.holding import held_case, stored
from fixtures.waiting import eventually
from provenance.core.errors import ProvenanceError
from provenance.erasure.orders import Order
from provenance.erasure.records import Reason
from provenance.erasure.steps import Step
from provenance.evidence.errors import UnfollowedCaseError, UnreadableActError

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
ERRORS = {"event": UnfollowedCaseError, "act": UnreadableActError}


class CrashError(ProvenanceError):
    """Stands for the end of the process."""


async def held(desk: Desk) -> tuple[str, dict[str, int]]:
    """A case on hold; returns an event and an act that it cannot be followed without."""
    about = parcel()
    (event,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", about))
    case = await held_case(desk, about)
    act = (await desk.read(case))["history"][0]["first_index"]
    return case, {"event": event, "act": act}


async def free(desk: Desk) -> int:
    (first,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", parcel()))
    return first


@asynccontextmanager
async def damaged(service: ServiceUnderTest, first_index: int) -> AsyncIterator[None]:
    whole = await stored(service, first_index, b"{")
    try:
        yield
    finally:
        await stored(service, first_index, whole)


async def requested(service: ServiceUnderTest, first: int, steps: object) -> None:
    services = service.services
    organisation = await services.accounts.organisation("Operator")
    await replace(services.eraser, steps=steps, _requested=set()).request(
        await services.eraser.targets.records([first]),
        Reason("objection", author="A. Officer", organisation=organisation),
        writer=services.writer,
    )


async def order_of(service: ServiceUnderTest, first: int) -> Order:
    [target] = await service.services.eraser.targets.records([first])
    orders = (await service.services.eraser.orders.orders()).values()
    [order] = [one for one in orders if set(target.leaves) & set(one.leaves)]
    return order


@pytest.mark.parametrize("kind", ["event", "act"])
async def test_one_order_waits_for_what_is_damaged_and_the_others_are_purged(
    service: ServiceUnderTest, kind: str
) -> None:
    desk = await new_desk(service)
    _, needed = await held(desk)
    late, other = await free(desk), await free(desk)

    async def dies(_step: Step) -> None:
        raise CrashError

    with pytest.raises(CrashError):
        await requested(service, late, dies)
    await erase(service, records=[other])
    await service.anchor()
    services = service.services
    waiting = (await order_of(service, late)).id
    async with damaged(service, needed[kind]):

        async def only_that_is_left() -> bool:
            left = await services.eraser.finish(writer=services.writer)
            assert left[waiting][0].startswith("holds: they cannot be told")
            return set(left) == {waiting}

        await eventually(only_that_is_left)
        assert (await order_of(service, other)).state == "purged"
        assert (await order_of(service, late)).state == "requested"
    await services.eraser.finish(writer=services.writer)
    assert (await order_of(service, late)).state in {"erased", "purged"}


@pytest.mark.parametrize("kind", ["event", "act"])
async def test_who_is_refused_as_nobody_can_tell_any_more_has_ordered_nothing(
    service: ServiceUnderTest, kind: str
) -> None:
    desk = await new_desk(service)
    case, needed = await held(desk)
    first = await free(desk)
    whole = b""

    async def damages(step: Step) -> None:
        nonlocal whole
        if step is Step.LIST:
            noted = await desk.act(case, 2, "note_added", note="busy")
            assert noted.status_code == 201, noted.text
            whole = await stored(service, needed[kind], b"{")

    try:
        with pytest.raises(ERRORS[kind]):
            await requested(service, first, damages)
    finally:
        await stored(service, needed[kind], whole)
    assert (await order_of(service, first)).state == "withdrawn"
    await service.services.eraser.finish(writer=service.services.writer)
    operator = await service.as_role("admin", organisation="Operator")
    assert (await operator.get(f"/v1/records/{first}/payload")).status_code == 200
