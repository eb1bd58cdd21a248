"""One group, one transaction: all of it is in the log afterwards, or none.

What can go wrong, and what is then known:

- before COMMIT was sent: nothing was written. A lost connection is tried once more.
- at COMMIT, the connection lost: nobody knows. The submitters are told so and nothing is retried,
  because a repetition is recognised by its identifiers and a blind retry is not.
- the server refuses the data: the group is split until the bad submission is alone.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
import structlog

from provenance.core.digests import LeafHash
from provenance.core.errors import BadValueError, ProvenanceError
from provenance.core.tiles import TILE_WIDTH
from provenance.core.tree import Extension, Frontier
from provenance.log.connection import WriterConnection, blames_server, is_lost
from provenance.log.errors import (
    ClockBehindError,
    InconsistentLogError,
    LogError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from provenance.log.gate import Gate
from provenance.log.planning import Answer, Plan, Planner
from provenance.log.preparing import PreparedSubmission, RandomBytes
from provenance.log.reading import (
    Head,
    assemble,
    lock_and_read,
    read_edge,
    read_overtaken,
    read_ranges,
)
from provenance.log.steps import Step, StepObserver, observed
from provenance.log.writing import write_plan

_log = structlog.get_logger(__name__)

MAX_CLOCK_LEAD_MS = 2000
"""How far the last entry's time may be ahead of the database's clock: what a clock that is
stepped by time synchronisation does; more means that something is wrong."""

_LOST = ("08", "57")
"""SQLSTATE classes of a connection that ended: lost, or closed by the server."""

Outcome = Answer | Exception
"""What becomes of one submission."""


@dataclass(frozen=True, slots=True)
class _Edge:
    """Leaf hashes of the partial tile at the right edge of the tree that has ``frontier``."""

    frontier: bytes
    leaves: tuple[LeafHash, ...]


@dataclass(frozen=True, slots=True)
class _Written:
    """A group as it is in the transaction."""

    plan: Plan
    extension: Extension
    edge: tuple[LeafHash, ...] | None


class _RefusedDataError(Exception):
    """The group cannot be written as it is."""


class _LostConnectionError(UnavailableError):
    """Nothing was written, and another connection may do."""


class GroupCommitter:
    """Writes groups, one after the other."""

    def __init__(
        self,
        connection: WriterConnection,
        *,
        log_id: int,
        gate: Gate,
        random_bytes: RandomBytes,
        observer: StepObserver,
        seconds: float,
    ) -> None:
        self._connection = connection
        self._log_id = log_id
        self._gate = gate
        self._random_bytes = random_bytes
        self._observer = observer
        self._seconds = seconds
        self._edge: _Edge | None = None

    async def commit(self, group: Sequence[PreparedSubmission]) -> list[Outcome]:
        """Write ``group``; one outcome for each submission, in order."""
        try:
            return list(await self._commit_or_retry(group))
        except _RefusedDataError as refused:
            if len(group) == 1:
                reason = _reason(refused)
                # Names only: a message of the server may quote personal data.
                _log.error("submission_rejected", error=type(reason.__cause__ or reason).__name__)
                return [reason]
            middle = len(group) // 2
            return [*await self.commit(group[:middle]), *await self.commit(group[middle:])]
        except LogError as error:
            if isinstance(error, InconsistentLogError):
                self._gate.distrust(error)
            _log.warning("group_not_committed", code=error.code, submissions=len(group))
            return [error] * len(group)

    async def _commit_or_retry(
        self, group: Sequence[PreparedSubmission]
    ) -> Sequence[Answer | ProvenanceError]:
        # One for all of it: a stop of the process waits longer than this, and no longer.
        deadline = asyncio.get_running_loop().time() + self._seconds
        try:
            return await self._attempt(group, deadline=deadline)
        except _LostConnectionError:
            # Nothing was written. An idle connection dies with a restart of the server, and the
            # next one works; whatever lasts longer is for the submitter to wait for.
            return await self._attempt(group, deadline=deadline)

    async def _attempt(
        self, group: Sequence[PreparedSubmission], *, deadline: float
    ) -> Sequence[Answer | ProvenanceError]:
        try:
            async with asyncio.timeout_at(deadline):
                async with observed(self._observer, Step.CONNECT):
                    connection = await self._connection.get()
                written = await self._write(connection, group)
        except BaseException as error:
            await self._abandon(error)
            if not isinstance(error, Exception) or isinstance(error, LogError):
                raise
            raise _meaning(error) from error
        if written.plan.empty:
            await self._connection.reset()
        else:
            await self._commit(connection, deadline=deadline)
            await self._remember(written)
        return written.plan.answers

    async def _abandon(self, error: BaseException) -> None:
        """Leave the transaction: nothing of it stays."""
        if isinstance(error, TimeoutError):
            # A server that does not answer would not answer a ROLLBACK either.
            await self._connection.discard()
        else:
            await self._connection.reset()

    async def _write(
        self, connection: psycopg.AsyncConnection[Any], group: Sequence[PreparedSubmission]
    ) -> _Written:
        async with observed(self._observer, Step.LOCK_AND_READ):
            head, raw = await lock_and_read(connection, log_id=self._log_id, group=group)
            await self._connection.plan_for(head.size)
        self._gate.admit(head)
        if head.last_at > head.now + MAX_CLOCK_LEAD_MS:
            raise ClockBehindError(behind_ms=head.last_at - head.now)
        async with observed(self._observer, Step.READ_MORE):
            ranges = await read_ranges(connection, log_id=self._log_id, ranges=raw.ranges())
            overtaken = await read_overtaken(connection, log_id=self._log_id, group=group)
        planner = Planner(
            assemble(raw, ranges, overtaken),
            log_id=self._log_id,
            size=head.size,
            at=max(head.last_at, head.now),
            random_bytes=self._random_bytes,
        )
        for prepared in group:
            planner.add(prepared)
        extension = _frontier(head).extend(planner.plan.leaves)
        edge = await self._edge_before(connection, head, extension)
        if not planner.plan.empty:
            await write_plan(
                connection,
                log_id=self._log_id,
                plan=planner.plan,
                extension=extension,
                edge=edge or (),
                observer=self._observer,
            )
        return _Written(plan=planner.plan, extension=extension, edge=edge)

    async def _edge_before(
        self, connection: psycopg.AsyncConnection[Any], head: Head, extension: Extension
    ) -> tuple[LeafHash, ...] | None:
        """Leaf hashes of the partial tile; None where they are not known and not needed."""
        if head.size % TILE_WIDTH == 0:
            return ()
        if self._edge is not None and self._edge.frontier == head.frontier:
            return self._edge.leaves
        if extension.frontier.size // TILE_WIDTH == head.size // TILE_WIDTH:
            return None
        return tuple(await read_edge(connection, log_id=self._log_id, size=head.size))

    async def _commit(self, connection: psycopg.AsyncConnection[Any], *, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline), observed(self._observer, Step.COMMIT):
                await connection.commit()
        except psycopg.Error as error:
            if error.sqlstate is None or is_lost(connection):
                await self._connection.discard()
                raise OutcomeUnknownError from error
            await self._connection.reset()
            raise _RefusedDataError from error
        except BaseException as error:
            await self._connection.discard()
            if isinstance(error, Exception):
                raise OutcomeUnknownError from error
            raise

    async def _remember(self, written: _Written) -> None:
        """Keep what saves the next group a read. Whatever fails here, the group is committed."""
        frontier = written.extension.frontier
        data = frontier.to_bytes()
        try:
            async with observed(self._observer, Step.REMEMBER):
                self._gate.committed(size=frontier.size, frontier=data)
                if written.edge is not None:
                    leaves = (*written.edge, *written.plan.leaves)
                    keep = frontier.size % TILE_WIDTH
                    self._edge = _Edge(frontier=data, leaves=leaves[len(leaves) - keep :])
        except Exception:  # noqa: BLE001 - the submitters must hear of their commit all the same
            self._edge = None


def _frontier(head: Head) -> Frontier:
    try:
        return Frontier.from_bytes(head.size, head.frontier)
    except BadValueError as error:
        raise InconsistentLogError(f"the stored frontier does not fit: {error}") from error


def _meaning(error: Exception) -> Exception:
    """What a failure before COMMIT means."""
    if isinstance(error, TimeoutError):
        return UnavailableError("the database does not answer; nothing was logged", retry_after=5)
    is_ours = isinstance(error, psycopg.Error) and not blames_server(error)
    if is_ours or not isinstance(error, psycopg.Error | OSError):
        return _RefusedDataError()
    message = "the database did not finish the write; nothing was logged"
    if isinstance(error, psycopg.Error) and error.sqlstate and error.sqlstate[:2] not in _LOST:
        return UnavailableError(message, retry_after=1)
    return _LostConnectionError(message, retry_after=1)


def _reason(refused: _RefusedDataError) -> Exception:
    cause = refused.__cause__
    if isinstance(cause, psycopg.Error):
        rejected = RejectedError(sqlstate=cause.sqlstate)
        rejected.__cause__ = cause
        return rejected
    return cause if isinstance(cause, Exception) else refused
