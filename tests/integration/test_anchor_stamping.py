"""Checkpoints are stamped by an authority beside anchoring, which never waits for it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fixtures.anchoring import World
from fixtures.tsa import Authority, serving
from fixtures.waiting import eventually
from provenance.anchor.authority import TimestampAuthority
from provenance.anchor.errors import AuthorityUnavailableError, TimestampRefusedError
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.stamping import Stamping, StampRhythm
from provenance.verify.dossier.tokens import read_certificates, trusting

pytestmark = pytest.mark.services

HASTE = StampRhythm(interval=0.0, poll=0.01, retry=0.01, retry_most=0.05)
NOTE = b"a checkpoint"


@pytest.fixture
def tsa(authority: Authority) -> Iterator[Authority]:
    """An authority that answers; what a test does to it ends with the test."""
    fresh = Authority(authority.folder)
    with serving(fresh):
        yield fresh


def client(tsa: Authority, *, trusted: Authority | None = None, seconds: float = 10.0) -> Any:
    root = (trusted or tsa).root
    return TimestampAuthority(tsa.url, roots=root.read_bytes, seconds=seconds)


@dataclass
class Stamper:
    """A task that stamps, and what it counts."""

    world: World
    registry: CollectorRegistry

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"provenance_anchor_{name}", labels) or 0.0

    async def stamped(self) -> list[tuple[Any, ...]]:
        query = "SELECT size, checkpoint, token, stated_at FROM timestamps ORDER BY size"
        return [tuple(row) for row in await self.world.query(query)]


@asynccontextmanager
async def stamping(
    world: World, authority: TimestampAuthority, *, rhythm: StampRhythm = HASTE
) -> AsyncIterator[Stamper]:
    registry = CollectorRegistry()
    task = Stamping(
        authority,
        database_url=world.database_url,
        log_id=world.log.log_id,
        metrics=AnchorMetrics(registry),
        rhythm=rhythm,
    )
    async with task.beside():
        yield Stamper(world, registry)


async def test_a_checkpoint_is_stamped_and_the_token_is_kept_beside_it(
    world: World, tsa: Authority
) -> None:
    async with stamping(world, client(tsa)) as stamper, world.working(world.worker()):
        size = await world.append(3)
        await world.anchored(size)
        await eventually(lambda: stamper.counted("timestamps_total") >= 1)
        [(stamped, note, token, stated_at), *_] = await stamper.stamped()
    [(checkpoint,)] = await world.query("SELECT checkpoint FROM anchors")
    assert (stamped, note) == (size, checkpoint)
    assert stamper.counted("timestamp_size") == size
    assert tsa.accepts(note.encode(), bytes(token))
    check = trusting(read_certificates(tsa.root.read_bytes()))
    assert check(note.encode(), bytes(token)).latest == stated_at + 1000
    assert tsa.answers == 1


async def test_only_the_newest_checkpoint_is_stamped_and_only_so_often(
    world: World, tsa: Authority
) -> None:
    rhythm = StampRhythm(interval=3600.0, poll=0.01)
    async with world.working(world.worker()):
        for _ in range(2):
            size = await world.append(2)
            await world.anchored(size)
        async with stamping(world, client(tsa), rhythm=rhythm) as stamper:
            await eventually(lambda: stamper.counted("timestamps_total") >= 1)
            await world.anchored(await world.append(2))
        async with stamping(world, client(tsa), rhythm=rhythm) as again:
            await asyncio.sleep(0)
            assert [row[0] for row in await again.stamped()] == [size]
    assert tsa.answers == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("error", "timestamp-authority-unavailable"),
        pytest.param("endless", "timestamp-authority-unavailable", marks=pytest.mark.soak),
        ("hangs", "timestamp-authority-unavailable"),
        ("garbage", "timestamp-refused"),
        ("replay", "timestamp-refused"),
    ],
)
async def test_an_authority_that_fails_stops_nothing_and_is_asked_again(
    world: World, tsa: Authority, fault: str, code: str
) -> None:
    tsa.fault, tsa.replay = fault, tsa.stamp(NOTE)
    seconds = 0.3 if fault == "hangs" else 10.0
    async with (
        stamping(world, client(tsa, seconds=seconds)) as stamper,
        world.working(world.worker()),
    ):
        first = await world.append(2)
        await world.anchored(first)
        await eventually(lambda: stamper.counted("timestamp_failures_total", code=code) >= 2)
        second = await world.append(2)
        await world.anchored(second)
        assert await stamper.stamped() == []
        tsa.fault = ""
        await eventually(lambda: stamper.counted("timestamps_total") >= 1)
        assert [row[0] for row in await stamper.stamped()] == [second]
    await world.agrees(first, second)


async def test_a_hanging_authority_does_not_hold_up_the_end(world: World, tsa: Authority) -> None:
    tsa.fault = "hangs"
    async with world.working(world.worker()):
        await world.anchored(await world.append(2))
        async with asyncio.timeout(30), stamping(world, client(tsa, seconds=60.0)):
            await asyncio.to_thread(tsa.waiting.wait, 30)


async def test_one_of_two_processes_stamps(world: World, tsa: Authority) -> None:
    async with (
        stamping(world, client(tsa)) as one,
        stamping(world, client(tsa)) as other,
        world.working(world.worker()),
    ):
        await world.anchored(await world.append(2))
        size = await world.append(2)
        await world.anchored(size)
        newest = "timestamp_size"
        await eventually(lambda: max(one.counted(newest), other.counted(newest)) == size)
    assert 0.0 in {one.counted("timestamps_total"), other.counted("timestamps_total")}


async def test_a_stranger_is_not_relied_on(tsa: Authority, stranger: Authority) -> None:
    with pytest.raises(TimestampRefusedError, match="not a time stamp to rely on"):
        await client(tsa, trusted=stranger).stamp(NOTE)


async def test_nobody_at_the_address_is_told_with_the_address(authority: Authority) -> None:
    nobody = TimestampAuthority("http://127.0.0.1:9/tsr", roots=authority.root.read_bytes)
    with pytest.raises(
        AuthorityUnavailableError, match=r"http://127\.0\.0\.1:9/tsr cannot be asked"
    ):
        await nobody.stamp(NOTE)


@pytest.mark.parametrize(
    "url", ["http://user:secret@127.0.0.1:9/tsr", "http://user:secret@host:port"]
)
async def test_a_secret_in_an_address_is_not_told(authority: Authority, url: str) -> None:
    nobody = TimestampAuthority(url, roots=authority.root.read_bytes)
    with pytest.raises(AuthorityUnavailableError, match="cannot be asked") as caught:
        await nobody.stamp(NOTE)
    assert "secret" not in str(caught.value)


async def test_certificates_that_cannot_be_read_are_named_with_the_setting(
    tsa: Authority,
) -> None:
    missing = TimestampAuthority(tsa.url, roots=(tsa.folder / "missing.pem").read_bytes)
    with pytest.raises(TimestampRefusedError, match="PROVENANCE_TIMESTAMP_CERTIFICATE"):
        await missing.stamp(NOTE)
    assert tsa.answers == 0


async def test_a_new_root_is_taken_without_a_restart(
    world: World, tsa: Authority, stranger: Authority, tmp_path: Path
) -> None:
    root = tmp_path / "root.pem"
    root.write_bytes(stranger.root.read_bytes())
    authority = TimestampAuthority(tsa.url, roots=root.read_bytes)
    async with stamping(world, authority) as stamper, world.working(world.worker()):
        await world.anchored(await world.append(2))
        await eventually(
            lambda: stamper.counted("timestamp_failures_total", code="timestamp-refused") >= 1
        )
        root.write_bytes(tsa.root.read_bytes())
        await eventually(lambda: stamper.counted("timestamps_total") >= 1)
