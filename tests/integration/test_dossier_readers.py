"""Readers of dossiers: a slow one keeps nobody waiting, and what waits for it is found by nobody."""

import asyncio
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from uuid import uuid4

import msgspec
import pytest
from starlette.requests import Request
from starlette.types import Message

from fixtures.application import ServiceUnderTest
from fixtures.dossier_orders import begun, order_of, runs_of, writers
from fixtures.written import verified
from provenance.api.dossiers.making import Making
from provenance.api.dossiers.order import LINES, Order, Told
from provenance.api.dossiers.routes import LEAST_RATE, PATIENCE_S, in_time
from provenance.api.dossiers.runs import AT_ONCE, DossierFailedError
from provenance.api.dossiers.spool import (
    LARGE_OF_ALL,
    LARGE_OF_ONE,
    OF_ALL,
    OF_ONE,
    SMALL,
    Spooled,
    Spools,
)
from provenance.api.errors import IncompleteBodyError
from provenance.core.verdict import Outcome
from provenance.log.errors import OverloadedError

pytestmark = [pytest.mark.soak, pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
LARGE = 4 << 20


async def made(service: ServiceUnderTest, order: Order, held: AsyncExitStack) -> Spooled:
    told: list[Told] = []
    found = await runs_of(service).make(order, held, tell=told.append)
    assert isinstance(found, Spooled), found
    assert told
    return found


async def whole(spooled: Spooled) -> bytes:
    return b"".join([piece async for piece in spooled.pieces()])


def of_another(order: Order) -> Order:
    return msgspec.structs.replace(order, organisation=uuid4())


async def test_dossiers_that_nobody_reads_keep_nobody_waiting(service: ServiceUnderTest) -> None:
    slow = await order_of(service, size=LARGE)
    small = of_another(await order_of(service))
    async with AsyncExitStack() as held:
        unread = [await made(service, slow, held) for _ in range(AT_ONCE)]
        assert all(one.size > LARGE for one in unread)
        # Nobody took a byte, and no process is held for them: one made both.
        assert len(writers()) == 1
        data = await whole(await made(service, small, held))
        assert (await verified(service, data)).outcome is Outcome.VALID
        assert (await verified(service, await whole(unread[0]))).outcome is Outcome.VALID
    await runs_of(service).aclose()


async def test_an_organisation_leaves_a_place_to_others(service: ServiceUnderTest) -> None:
    runs, order = runs_of(service), await order_of(service)
    async with AsyncExitStack() as held:
        async with runs._own_turns.setdefault(order.organisation, asyncio.Lock()):
            waiting = [
                asyncio.create_task(runs.make(order, held, tell=lambda _: None))
                for _ in range(AT_ONCE)
            ]
            other = await made(service, of_another(order), held)
            assert other.size > 0
            assert not any(task.done() for task in waiting)
        assert all([isinstance(await task, Spooled) for task in waiting])
    assert len(writers()) == 1
    await runs.aclose()


class StuckReader:
    """A caller of the application that takes the beginning of an answer, and no more."""

    def __init__(self, service: ServiceUnderTest, order: Order, headers: dict[str, str]) -> None:
        self.began = asyncio.Event()
        body = b"{}"
        self._requests = [{"type": "http.request", "body": body}]
        raw = {**headers, "content-type": "application/json", "content-length": f"{len(body)}"}
        path = f"/v1/shipments/{order.shipment}/dossier"
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "headers": [(name.lower().encode(), value.encode()) for name, value in raw.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        self.task = asyncio.create_task(service.app(scope, self._receive, self._send))

    async def _receive(self) -> Message:
        if self._requests:
            return self._requests.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            assert message["status"] == 200
        elif message.get("body"):
            self.began.set()
            await asyncio.Event().wait()


@pytest.mark.parametrize("accept", ["application/zip", LINES])
async def test_a_reader_that_is_stuck_keeps_nobody_waiting(
    service: ServiceUnderTest, accept: str
) -> None:
    order = await order_of(service, size=LARGE)
    slow = await service.as_role("claims", organisation="Slow")
    other = await service.as_role("claims", organisation="Other")
    headers = {"authorization": slow.headers["authorization"], "accept": accept}
    stuck = [StuckReader(service, order, headers) for _ in range(AT_ONCE)]
    for one in stuck:
        await one.began.wait()
    answer = await other.post(f"/v1/shipments/{order.shipment}/dossier", json={}, timeout=None)
    assert answer.status_code == 200
    assert (await verified(service, answer.content)).outcome is Outcome.VALID
    for one in stuck:
        one.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.task
    await runs_of(service).aclose()
    assert writers() == []


async def test_whoever_goes_away_meanwhile_takes_the_process_along(
    service: ServiceUnderTest,
) -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    making = Making(runs_of(service), await order_of(service))
    await making.news()
    assert len(writers()) == 1
    with pytest.raises(IncompleteBodyError):
        await making.outcome(Request({"type": "http"}, receive))
    await making.aclose()
    assert writers() == []


async def test_what_waits_for_its_reader_has_no_name_and_is_not_in_clear(
    service: ServiceUnderTest,
) -> None:
    order = await order_of(service, size=1 << 20)
    folder = service.settings.data_dir / "spool"
    async with AsyncExitStack() as held:
        spooled = await made(service, order, held)
        assert list(folder.iterdir()) == []
        assert folder.stat().st_mode & 0o777 == 0o700
        (link,) = [one for one in links() if str(folder) in str(one.readlink())]
        stored = link.read_bytes()
        assert len(stored) > spooled.size
        data = await whole(spooled)
        for clear in (b"canary-0123456789", b"PK\x03\x04", b"manifest.json"):
            assert clear in data
            assert clear not in stored
    assert [one for one in links() if str(folder) in str(one.readlink())] == []
    await runs_of(service).aclose()


def links() -> list[Path]:
    return [one for one in Path("/proc/self/fd").iterdir() if one.is_symlink()]


async def test_a_reader_that_does_not_keep_up_is_left(tmp_path: Path) -> None:
    with Spools(tmp_path / "spool").spool(uuid4(), 3 << 20) as spooled:
        await spooled.write(bytes(3 << 20))
        await spooled.finish()
        allowed = PATIENCE_S + spooled.size / LEAST_RATE
        times = iter([0.0, 1.0, allowed - 1, allowed + 1])
        pieces = in_time(spooled, lambda: next(times))
        assert await anext(pieces)
        assert await anext(pieces)
        with pytest.raises(DossierFailedError, match="did not take it within 108 s"):
            await anext(pieces)


async def test_nobody_takes_all_places_or_all_the_room(tmp_path: Path) -> None:
    spools, mine = Spools(tmp_path / "spool"), uuid4()
    with ExitStack() as held:
        for _ in range(OF_ONE):
            held.enter_context(spools.place(mine))
            held.enter_context(spools.spool(mine, LARGE_OF_ONE // OF_ONE))
        with pytest.raises(OverloadedError, match="of your organisation"), spools.place(mine):
            pass
        with pytest.raises(OverloadedError, match="no room"), spools.spool(mine, SMALL + 1):
            pass
        held.enter_context(spools.spool(mine, SMALL))
        held.enter_context(spools.spool(uuid4(), LARGE_OF_ALL - LARGE_OF_ONE))
        with pytest.raises(OverloadedError, match="no room"), spools.spool(uuid4(), SMALL + 1):
            pass
        for _ in range(OF_ALL - OF_ONE):
            other = uuid4()
            held.enter_context(spools.place(other))
            held.enter_context(spools.spool(other, SMALL))
        with pytest.raises(OverloadedError, match="too many"), spools.place(uuid4()):
            pass
    with spools.place(mine), spools.spool(mine, LARGE_OF_ONE):
        pass


async def test_a_disk_without_room_is_told(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"in the way")
    with (
        pytest.raises(OverloadedError, match="no room for the dossier"),
        Spools(tmp_path / "spool").spool(uuid4(), 1),
    ):
        pass
    with Spools(tmp_path / "other").spool(uuid4(), 10) as spooled:
        full = await asyncio.to_thread(Path("/dev/full").open, "wb")
        spooled.close()
        spooled._file = full
        await spooled.write(bytes(10))
        with pytest.raises(OverloadedError, match="No space left"):
            await spooled.finish()


async def test_what_is_erased_is_not_kept_in_a_process_that_waits(
    service: ServiceUnderTest,
) -> None:
    runs, order = runs_of(service), await order_of(service)
    async with AsyncExitStack() as held:
        await made(service, order, held)
        await made(service, of_another(order), held)
    assert len(writers()) == 1
    admin = await service.as_role("admin")
    body = {"subjects": [order.shipment], "ground": "data_subject_request"}
    answer = await admin.post("/v1/erasures", json={**body, "author": "A. Officer"})
    assert answer.status_code == 202, answer.text
    assert writers() == []
    # Whoever is at work meanwhile takes no further order.
    async with runs.run(of_another(await order_of(service))) as run:
        size = await begun(run)
        await runs.forget()
        async for _ in run.pieces(size):
            pass
    assert run.is_over
    assert writers() == []


async def test_a_process_that_waits_too_long_is_ended(service: ServiceUnderTest) -> None:
    runs, order = runs_of(service), await order_of(service)
    async with AsyncExitStack() as held:
        await made(service, order, held)
        await made(service, of_another(order), held)
    children = runs._children
    (process,) = children._idle
    # It has worked since the first of its two rests began.
    children._retire(process, process.tasks - 1)
    assert len(writers()) == 1
    children._retire(process, process.tasks)
    await asyncio.gather(*children._ending)
    assert writers() == []
