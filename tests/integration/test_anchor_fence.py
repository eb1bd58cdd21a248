"""Log and chain disagree: what is refused, what heals, what stays closed."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fixtures.anchoring import Dump, World, steal
from fixtures.waiting import eventually
from provenance.anchor.fence import FenceReport, Verdict, check_fence
from provenance.anchor.metrics import AnchorMetrics
from provenance.chain.client import ChainClient
from provenance.log.errors import LogReadOnlyError

pytestmark = pytest.mark.services


def found(folder: Path, pattern: str) -> Path:
    (path,) = folder.glob(pattern)
    return path


async def fence(world: World) -> FenceReport:
    return await check_fence(
        database_url=world.database_url,
        chain=world.node,
        log=world.log,
        promises=world.promises,
    )


async def anchor(world: World, *records: int) -> list[int]:
    sizes = []
    async with world.working(world.worker()):
        for count in records:
            sizes.append(await world.append(count, subjects=2))
            await world.anchored(sizes[-1])
    return sizes


async def everything(world: World) -> list[list[tuple[object, ...]]]:
    """All rows of the log but those that only a dump keeps."""
    tables = {
        "entries": "index", "records": "first_index", "trails": "first_index",
        "tiles": "level, n", "contexts": "sha256",
    }  # fmt: skip
    rows = [
        await world.query(f"SELECT * FROM {table} ORDER BY {key}") for table, key in tables.items()
    ]
    heads = await world.query("SELECT size, last_at, frontier FROM log_heads")
    anchors = await world.query(
        "SELECT size, old_size, root, checkpoint, state, tx_hash, block_hash, block_time, gas_used"
        " FROM anchors ORDER BY size"
    )
    return [*rows, heads, anchors]


async def test_a_restored_dump_is_refilled_before_anything_is_written(
    world: World, dump: Dump
) -> None:
    await anchor(world, 3, 200)
    # The dump falls between two anchors: the third batch is needed in part.
    await world.append(5, subjects=2)
    restore = await dump()
    await anchor(world, 300, 2)
    before = await everything(world)
    await restore()
    assert (await fence(world)).verdict is Verdict.BEHIND
    async with world.working(world.worker()):
        await world.anchored(int(str(before[-1][-1][0])))
        await world.until_state("open")
        assert await everything(world) == before
        assert (await fence(world)).verdict is Verdict.OPEN
        size = await world.append(4, subjects=2)
        await world.anchored(size)
    sizes = [size for size, _ in await world.anchors()]
    await world.agrees(*sizes)


async def test_an_empty_database_is_refilled_whole(world: World, dump: Dump) -> None:
    restore = await dump()
    await anchor(world, 3, 900, 2)
    before = await everything(world)
    await restore()
    async with world.working(world.worker()):
        await world.anchored(int(str(before[-1][-1][0])))
        await world.until_state("open")
    assert await everything(world) == before


async def test_without_batches_the_log_stays_closed_and_says_what_is_lost(
    world: World, dump: Dump, tmp_path: Path
) -> None:
    sizes = await anchor(world, 3)
    restore = await dump()
    sizes += await anchor(world, 5, 7)
    await restore()
    batches = found(tmp_path, "logs/*/batches")
    batches.rename(tmp_path / "elsewhere")
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        assert f"[{sizes[0]}, {sizes[2]})" in reason
        with pytest.raises(LogReadOnlyError):
            await world.append(1)
        # Put back, they are found without a restart.
        (tmp_path / "elsewhere").rename(batches)
        await world.until_state("open")
    await world.agrees(*sizes)


@pytest.mark.parametrize("part", ["entries", "places", "rows", "manifest.json"])
async def test_a_damaged_batch_is_not_believed(
    world: World, dump: Dump, tmp_path: Path, part: str
) -> None:
    sizes = await anchor(world, 3)
    restore = await dump()
    sizes += await anchor(world, 5)
    await restore()
    path = found(tmp_path, f"logs/*/batches/*-{sizes[1]:016d}/{part}")
    whole = path.read_bytes()
    # The manifest's root; the last bytes of the others.
    at = whole.index(b'"root"') + 12 if part == "manifest.json" else len(whole) - 9
    path.write_bytes(whole[:at] + b"x" + whole[at + 1 :])
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        assert f"[{sizes[0]}, {sizes[1]})" in reason
        assert (await world.query("SELECT size FROM log_heads"))[0][0] == sizes[0]
        path.write_bytes(whole)
        await world.until_state("open")
    await world.agrees(*sizes)


@pytest.mark.parametrize("garbage", [1, 400], ids=["smaller than the log", "larger than the log"])
async def test_garbage_that_was_anchored_with_a_stolen_key_closes_the_log(
    world: World, garbage: int
) -> None:
    sizes = await anchor(world, 3)
    await world.append(20, subjects=2)
    await steal(world, sizes[0], garbage)
    height = (await world.node.latest()).number
    async with world.working(world.worker()):
        await world.until_state("forked")
        with pytest.raises(LogReadOnlyError):
            await world.append(1)
    assert (await world.node.latest()).number == height
    assert [size for size, _ in await world.anchors()] == sizes
    assert (await fence(world)).verdict in {Verdict.FORKED, Verdict.BEHIND}


async def test_an_entry_that_was_changed_before_it_was_anchored_closes_the_log(
    world: World,
) -> None:
    size = await world.append(3)
    before = await world.query("SELECT commitment FROM entries WHERE index = 1")
    await world.query("UPDATE entries SET commitment = sha256('other') WHERE index = 1")
    height = (await world.node.latest()).number
    async with world.working(world.worker()):
        assert "entry 1" in await world.until_state("forked")
        assert (await world.node.latest()).number == height
        await world.query("UPDATE entries SET commitment = %s WHERE index = 1", before[0][0])
        await world.anchored(size)
        await world.until_state("open")
    await world.agrees(size)


async def test_tiles_that_contradict_the_frontier_close_the_log(world: World) -> None:
    await world.append(300)
    await world.query(
        "UPDATE tiles SET data = overlay(data placing '\\x00' from 5) WHERE level = 1"
    )
    report = await fence(world)
    assert report.verdict is Verdict.FORKED
    assert "tiles" in report.reason


async def test_without_the_chain_nobody_can_tell(world: World) -> None:
    nobody = ChainClient("http://127.0.0.1:9", timeout=1)
    try:
        report = await check_fence(database_url=world.database_url, chain=nobody, log=world.log)
    finally:
        await nobody.aclose()
    assert report.verdict is Verdict.UNREACHABLE


async def test_a_worker_on_another_chain_does_nothing(world: World) -> None:
    await world.query("UPDATE logs SET chain_id = 1")
    await world.append(3)
    height = (await world.node.latest()).number
    metrics = AnchorMetrics(CollectorRegistry())
    async with world.working(world.worker(metrics=metrics)):
        await eventually(lambda: metrics.failures.labels("wrong-chain")._value.get() >= 2)
    assert (await world.node.latest()).number == height
