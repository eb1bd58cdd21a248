"""The processes that write dossiers: ended with whoever asked, told apart when they fail, bounded."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import psutil
import pytest
from starlette.types import Message, Scope

from fixtures.application import ServiceUnderTest
from fixtures.cases import new_desk
from fixtures.dossier_orders import begun, order_of, runs_of, writers
from fixtures.written import verified
from provenance.api.dossiers.routes import KeptResponse
from provenance.api.dossiers.runs import (
    KEPT_BELOW,
    WAITING,
    DossierFailedError,
    DossierRun,
)
from provenance.core.verdict import Outcome
from provenance.log.errors import OverloadedError

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
LARGE = 96 << 20


async def read(run: DossierRun) -> bytes:
    return b"".join([piece async for piece in run.pieces(await begun(run))])


@pytest.mark.soak
async def test_a_process_takes_one_small_dossier_after_the_other(service: ServiceUnderTest) -> None:
    runs, order = runs_of(service), await order_of(service)
    found = []
    for _ in range(2):
        async with runs.run(order) as run:
            data = await read(run)
        (process,) = writers()
        found.append(process.pid)
        assert (await verified(service, data)).outcome is Outcome.VALID
    assert found[0] == found[1]
    await runs.aclose()
    assert writers() == []


async def test_whoever_goes_away_takes_the_process_along(service: ServiceUnderTest) -> None:
    runs, order = runs_of(service), await order_of(service)
    async with runs.run(order) as run:
        await run.line()
        assert len(writers()) == 1
    assert writers() == []
    async with runs.run(order) as run:
        async for _ in run.pieces(await begun(run)):
            break
    assert run.is_over or writers() == []
    await runs.aclose()


@pytest.mark.soak
async def test_a_process_that_dies_is_told_before_and_after_the_first_byte(
    service: ServiceUnderTest,
) -> None:
    runs, order = runs_of(service), await order_of(service, size=4 << 20)
    async with runs.run(order) as run:
        await run.line()
        writers()[0].kill()
        with pytest.raises(DossierFailedError, match="ended"):
            await begun(run)
    assert writers() == []
    async with runs.run(order) as run:
        size = await begun(run)
        writers()[0].kill()
        with pytest.raises(DossierFailedError, match="cut off"):
            async for _ in run.pieces(size):
                pass
    # The next one gets a process of its own.
    async with runs.run(order) as run:
        assert (await verified(service, await read(run))).outcome is Outcome.VALID
    await runs.aclose()


async def test_those_who_would_wait_too_long_are_told_to_come_back(
    service: ServiceUnderTest,
) -> None:
    runs, order = runs_of(service), await order_of(service)
    runs._waiting = WAITING
    with pytest.raises(OverloadedError):
        async with runs.run(order):
            pass
    desk = await new_desk(service)
    answer = await desk.claims.post(f"/v1/shipments/{order.shipment}/dossier", json={})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    runs._waiting = 0


@pytest.mark.soak
async def test_a_large_document_streams_through_and_its_process_gives_its_memory_back(
    service: ServiceUnderTest,
) -> None:
    runs = runs_of(service)
    async with runs.run(await order_of(service)) as run:
        await read(run)
    small = peak(writers()[0])
    order = await order_of(service, size=LARGE)
    file = io.BytesIO()
    async with runs.run(order) as run:
        size = await begun(run)
        assert size > LARGE > KEPT_BELOW
        async for piece in counted(run, size, file):
            file.write(piece)
        large = peak(writers()[0])
    assert large - small < 64 << 20, f"{(large - small) >> 20} MiB more"
    assert writers() == []
    assert (await verified(service, file.getvalue())).outcome is Outcome.VALID


async def test_a_reader_that_takes_nothing_is_left(service: ServiceUnderTest) -> None:
    runs, order = runs_of(service), await order_of(service, size=1 << 20)
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) == 3:
            await asyncio.Event().wait()

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    stack = AsyncExitStack()
    run = await stack.enter_async_context(runs.run(order))
    pieces = run.pieces(await begun(run))
    response = KeptResponse(stack, pieces, headers={}, media_type="application/zip", patience=0.1)
    scope: Scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(DossierFailedError, match=r"took nothing for 0\.1 s"):
        await response(scope, receive, send)
    assert writers() == []


async def counted(run: DossierRun, size: int, file: io.BytesIO) -> AsyncIterator[bytes]:
    async for piece in run.pieces(size):
        yield piece
    assert file.tell() == size


def peak(process: psutil.Process) -> int:
    """The most memory that a process has had so far, in bytes (proc(5), VmHWM)."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    (line,) = [one for one in status.splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1]) << 10
