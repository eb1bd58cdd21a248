"""What the writer writes under the lock, up to but without COMMIT."""

from collections.abc import Sequence
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Jsonb

from provenance.core.digests import LeafHash
from provenance.core.tiles import TILE_WIDTH
from provenance.core.tree import Extension
from provenance.db.binary import BinaryArray, copy_rows
from provenance.log.errors import ConflictError, InconsistentLogError
from provenance.log.planning import Answer, KnownRequest, Plan, RequestKey
from provenance.log.rows import (
    ENTRY_COLUMNS,
    RECORD_COLUMNS,
    REQUEST_COLUMNS,
    TRAIL_COLUMNS,
    request_row,
    trail_row,
)
from provenance.log.steps import Step, StepObserver, observed
from provenance.log.submissions import Submission

_UPDATE_TRAILS = """
UPDATE trails SET count = changed.count, last_leaf = changed.last_leaf
FROM unnest(%b, %b, %b) AS changed (first_index, count, last_leaf)
WHERE trails.log_id = %s AND trails.first_index = changed.first_index
"""
_APPEND_TILES = """
INSERT INTO tiles (log_id, level, n, data) VALUES (%s, %s, %s, %s)
ON CONFLICT (log_id, level, n) DO UPDATE SET data = tiles.data || excluded.data
RETURNING octet_length(data)
"""
_ADD_CONTEXTS = """
INSERT INTO contexts (sha256, data) SELECT * FROM unnest(%b, %b) ON CONFLICT DO NOTHING
"""
_ADD_JOB = """
INSERT INTO capture_jobs (log_id, job_id, submitter, created_at, finished_at, success, on_error,
  events, first_index, count, at, record_firsts, errors)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_UPDATE_HEAD = """
UPDATE log_heads SET size = %s, last_at = %s, frontier = %s WHERE log_id = %s
"""


async def write_plan(
    connection: AsyncConnection[Any],
    *,
    log_id: int,
    plan: Plan,
    extension: Extension,
    edge: Sequence[LeafHash],
    observer: StepObserver,
) -> None:
    """Write everything that ``plan`` holds, and the tree as ``extension`` leaves it.

    ``edge`` are the leaf hashes of the partial tile before the plan's entries.

    Raises:
        InconsistentLogError: a stored tile has another length than the tree's size asks for.

    """
    if plan.record_rows:
        async with observed(observer, Step.COPY_RECORDS):
            await copy_rows(connection, RECORD_COLUMNS, plan.record_rows)
        async with observed(observer, Step.COPY_ENTRIES):
            await copy_rows(connection, ENTRY_COLUMNS, plan.entry_rows)
    if plan.new_trails:
        async with observed(observer, Step.COPY_TRAILS):
            await copy_rows(connection, TRAIL_COLUMNS, _trail_rows(log_id, plan))
    if plan.requests:
        async with observed(observer, Step.COPY_REQUESTS):
            rows = (_request_row(log_id, key, request) for key, request in plan.requests)
            await copy_rows(connection, REQUEST_COLUMNS, rows)
    async with observed(observer, Step.UPDATE_TREE):
        await _update(connection, log_id, plan, extension, edge)


async def _update(
    connection: AsyncConnection[Any],
    log_id: int,
    plan: Plan,
    extension: Extension,
    edge: Sequence[LeafHash],
) -> None:
    tiles = tile_appends(extension, edge)
    lengths = []
    async with connection.pipeline():
        if plan.changed_trails:
            await _update_trails(connection, log_id, plan)
        if plan.contexts:
            # In order of their hash: other logs' writers may be adding the same ones.
            hashes = sorted(plan.contexts)
            await connection.execute(
                _ADD_CONTEXTS,
                (
                    BinaryArray.of_bytea(hashes),
                    BinaryArray.of_bytea([plan.contexts[digest] for digest in hashes]),
                ),
            )
        for submission, answer in plan.jobs:
            await connection.execute(_ADD_JOB, _job_values(log_id, submission, answer, plan.at))
        for level, n, data, _ in tiles:
            lengths.append(await connection.execute(_APPEND_TILES, (log_id, level, n, data)))
        if plan.leaves:
            frontier = extension.frontier
            await connection.execute(
                _UPDATE_HEAD, (frontier.size, plan.at, frontier.to_bytes(), log_id)
            )
    for (level, n, _, expected), cursor in zip(tiles, lengths, strict=True):
        row = await cursor.fetchone()
        if row is None or row[0] != expected:
            raise InconsistentLogError(f"tile {level}/{n} does not fit the log's size")


def tile_appends(
    extension: Extension, edge: Sequence[LeafHash]
) -> list[tuple[int, int, bytes, int]]:
    """(Level, n, hashes to append, length afterwards) of each tile that grows.

    Tiles of level 0 are written once, when they are full: their partial one is in the entries.
    """
    appends: list[tuple[int, int, bytes, int]] = []
    for level, (first, nodes) in extension.levels.items():
        hashes = [*edge, *nodes] if level == 0 else nodes
        base = start = first - len(edge) if level == 0 else first
        end = base + len(hashes)
        if level == 0:
            end -= end % TILE_WIDTH
        while start < end:
            n = start // TILE_WIDTH
            stop = min(end, (n + 1) * TILE_WIDTH)
            data = b"".join(hashes[start - base : stop - base])
            appends.append((level, n, data, 32 * (stop - n * TILE_WIDTH)))
            start = stop
    return appends


async def _update_trails(connection: AsyncConnection[Any], log_id: int, plan: Plan) -> None:
    changed = plan.changed_trails
    firsts = sorted(changed)
    await connection.execute(
        _UPDATE_TRAILS,
        (
            BinaryArray.of_int8(firsts),
            BinaryArray.of_int8([changed[first].count for first in firsts]),
            BinaryArray.of_bytea([changed[first].last_leaf for first in firsts]),
            log_id,
        ),
    )


def _trail_rows(log_id: int, plan: Plan) -> list[bytes]:
    return [
        trail_row(
            log_id=log_id,
            first_index=trail.first_index,
            subject=subject,
            trail=trail.trail,
            count=trail.count,
            last_leaf=trail.last_leaf,
        )
        for subject, trail in plan.new_trails.items()
    ]


def _request_row(log_id: int, key: RequestKey, request: KnownRequest) -> bytes:
    submitter, idempotency_key = key
    return request_row(
        log_id=log_id,
        submitter=submitter,
        key=idempotency_key,
        content_mac=request.content_mac,
        first_index=request.first_index,
        count=request.count,
        at=request.at,
        job_id=request.job_id.bytes if request.job_id else None,
    )


def _job_values(
    log_id: int, submission: Submission, answer: Answer, finished_at: int
) -> tuple[object, ...]:
    job = submission.job
    assert job is not None, "only submissions with a job are planned as jobs"
    errors = [
        *job.errors,
        *(
            {
                "pointer": job.pointer(conflict.position),
                "code": ConflictError.code,
                "detail": "an earlier record has this identifier and other content",
            }
            for conflict in answer.conflicts
        ),
    ]
    return (
        log_id,
        job.job_id,
        submission.submitter,
        job.created_at,
        # Two clocks: a job does not end before it begins.
        max(finished_at, job.created_at),
        not errors,
        job.on_error,
        len(submission.records) + len(job.errors),
        answer.new.first_index,
        answer.new.count,
        answer.new.at,
        [record.first_index for record in answer.records if record is not None],
        Jsonb(errors),
    )
