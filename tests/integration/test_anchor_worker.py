"""Checkpoints go on chain and become final, by one worker at a time."""

import os
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from fixtures.anchoring import SUBMITTER, World
from fixtures.waiting import eventually
from provenance.anchor.duty import Rhythm
from provenance.anchor.heartbeat import Heartbeat, heartbeat_subject
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.session import LockKind
from provenance.core.jcs import parse
from provenance.core.notes import open_note
from provenance.log.writer import LogWriter

pytestmark = pytest.mark.services


def new_metrics() -> tuple[CollectorRegistry, AnchorMetrics]:
    registry = CollectorRegistry()
    return registry, AnchorMetrics(registry)


async def test_three_checkpoints_are_anchored_and_become_final(world: World) -> None:
    sizes = []
    async with world.working(world.worker()):
        for records in (3, 300, 7):
            sizes.append(await world.append(records, subjects=2))
            await world.anchored(sizes[-1])
    await world.agrees(*sizes)


async def test_the_signed_checkpoint_is_the_anchored_one(world: World) -> None:
    async with world.working(world.worker()):
        size = await world.append(5)
        await world.anchored(size)
    rows = await world.query("SELECT checkpoint, root FROM anchors")
    opened = open_note(rows[0][0], [world.signer.verifier()])
    assert opened.text.splitlines()[:2] == [world.log.origin, str(size)]
    assert rows[0][1] == await world.registry.root_at(world.registry_log, size)


async def test_nothing_is_anchored_while_nothing_is_old_enough(world: World) -> None:
    registry, metrics = new_metrics()
    rhythm = Rhythm(interval=3600, poll=0.01, watch=0.02, idle=None)
    async with world.working(world.worker(rhythm=rhythm, metrics=metrics)):
        await world.append(5)
        await eventually(
            lambda: registry.get_sample_value("provenance_anchor_waiting_entries") == 5
        )
        assert await world.anchors() == []


async def test_a_large_batch_is_anchored_at_any_age(world: World) -> None:
    rhythm = Rhythm(interval=3600, batch_entries=6, poll=0.01, watch=0.02, idle=None)
    async with world.working(world.worker(rhythm=rhythm)):
        await world.append(3)
        size = await world.append(3)
        await world.anchored(size)
    await world.agrees(size)


async def test_a_backlog_is_anchored_in_steps_that_end_with_a_record(world: World) -> None:
    for _ in range(5):
        await world.append(2, subjects=3)
    rhythm = Rhythm(interval=0, largest_entries=10, poll=0.01, watch=0.02, idle=None)
    async with world.working(world.worker(rhythm=rhythm)):
        await world.anchored(30)
    await world.agrees(9, 18, 27, 30)


async def test_a_second_worker_waits_and_takes_over_when_the_lock_is_lost(world: World) -> None:
    first_registry, first = new_metrics()
    second_registry, second = new_metrics()

    def active(registry: CollectorRegistry) -> bool:
        return registry.get_sample_value("provenance_anchor_worker_active") == 1

    async with world.working(world.worker(metrics=first)):
        sizes = [await world.append(2)]
        await world.anchored(sizes[0])
        async with world.working(world.worker(metrics=second)):
            sizes.append(await world.append(2))
            await world.anchored(sizes[1])
            assert active(first_registry)
            assert not active(second_registry)
            await world.query(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                " AND classid = %s AND objsubid = 2 AND granted",
                int(LockKind.WORKER),
            )
            await eventually(lambda: active(second_registry) or not active(first_registry))
            for _ in range(3):
                sizes.append(await world.append(2))
                await world.anchored(sizes[-1])
            assert active(first_registry) != active(second_registry)
    await world.agrees(*sizes)


async def test_an_idle_log_gets_a_heartbeat_with_the_newest_block(world: World) -> None:
    async with world.working(world.worker()):
        size = await world.append(1)
        await world.anchored(size)
    writer = LogWriter(world.engine, world.log, signers=[world.signer])
    await writer.start()

    async def operator() -> UUID:
        return UUID(str(SUBMITTER))

    heartbeat = Heartbeat(
        writer,
        origin=world.log.origin,
        chain_id=world.chain.chain_id,
        submitter=operator,
        random_bytes=os.urandom,
    )
    newest = await world.node.latest()
    rhythm = Rhythm(interval=0, poll=0.01, watch=0.02, idle=0.3)
    try:
        async with world.working(world.worker(heartbeat=heartbeat, rhythm=rhythm)):
            await world.anchored(size + 1)
    finally:
        await writer.stop()
    rows = await world.query(
        "SELECT kind, payload, media_type, submitter FROM records ORDER BY first_index"
    )
    kind, payload, media_type, submitter = rows[1]
    assert (kind, media_type, submitter) == ("heartbeat", "application/json", UUID(str(SUBMITTER)))
    assert parse(payload) == {
        "block_hash": newest.hash.hex(),
        "block_number": newest.number,
        "block_time": newest.time,
        "chain_id": world.chain.chain_id,
    }
    subjects = await world.query("SELECT subject FROM trails ORDER BY first_index")
    assert subjects[1] == (heartbeat_subject(world.log.origin),)


async def test_metrics_tell_what_waits_what_is_final_and_what_it_cost(world: World) -> None:
    registry, metrics = new_metrics()
    async with world.working(world.worker(metrics=metrics)):
        size = await world.append(4)
        await world.anchored(size)
        await eventually(
            lambda: registry.get_sample_value("provenance_anchor_waiting_entries") == 0
        )
    expected = {
        "provenance_anchor_waiting_seconds": 0,
        "provenance_anchor_size": size,
        "provenance_anchor_final_size": size,
        "provenance_anchor_fence_state": 0,
        "provenance_anchor_anchors_total": 1,
        "provenance_anchor_gas_count": 1,
    }
    found = {name: registry.get_sample_value(name) for name in expected}
    assert found == expected
    gas = registry.get_sample_value("provenance_anchor_gas_sum")
    stored = await world.query("SELECT gas_used FROM anchors")
    assert gas == stored[0][0]


async def test_a_backlog_of_many_tiles_is_anchored_at_once(world: World) -> None:
    size = await world.append(5000)
    async with world.working(world.worker()):
        await world.anchored(size)
    await world.agrees(size)
