"""What the worker does while it has the lock: one turn after the other.

A turn looks at the database; the chain is asked only when an anchor is due, or when it was not
looked at for a while. Every look passes the fence, and nothing is anchored or replayed unless the
fence says OPEN.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from provenance.anchor.anchoring import Anchoring, Session
from provenance.anchor.assembly import Ancestor
from provenance.anchor.errors import CheckpointMismatchError
from provenance.anchor.fence import ChainView, FenceReport, Verdict
from provenance.anchor.recovery import Recovery
from provenance.anchor.refill import Refill
from provenance.anchor.states import LogState
from provenance.anchor.steps import RefillStep, observed
from provenance.chain.errors import ChainUnavailableError, WrongChainError
from provenance.chain.types import Head
from provenance.core.errors import ProvenanceError
from provenance.log.errors import InconsistentLogError, LogError

if TYPE_CHECKING:
    from provenance.anchor.worker import LogsHeartbeats

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """When there is something to do; durations in seconds.

    ``interval``: greatest age of an entry without an anchor. ``batch_entries``: so many entries are
    anchored at any age. ``largest_entries``: most entries of one anchor. ``poll``: between two looks at
    the database, ``watch``: at the chain. ``idle``: after so long without an entry a heartbeat is
    logged; None for never. ``forked_watch``: between two looks while nothing may be done.
    """

    interval: float = 1.0
    batch_entries: int = 10_000
    largest_entries: int = 2**20
    poll: float = 0.1
    watch: float = 1.0
    idle: float | None = 3600.0
    forked_watch: float = 10.0


class Duty:
    """Turns of one session."""

    def __init__(
        self,
        session: Session,
        *,
        anchoring: Anchoring,
        recovery: Recovery,
        refill: Refill,
        ancestors: Sequence[Ancestor],
        heartbeat: "LogsHeartbeats | None",
        start_size: int,
        rhythm: Rhythm,
    ) -> None:
        self._session = session
        self._anchoring = anchoring
        self._recovery = recovery
        self._refill = refill
        self._ancestors = ancestors
        self._heartbeat = heartbeat
        self._start_size = start_size
        self._rhythm = rhythm
        self._anchored = start_size
        # Until chain and anchors were compared once, nobody knows how the last run ended.
        self._reconciled = False
        # So long as nobody has looked for promises that the log does not have, it may be old.
        self._promises_kept = False
        # Once something contradicted the log, it is closed until all of it was anchored.
        self._distrusted = False
        self._look_at = 0.0

    async def turn(self) -> float:
        """Do what is due; seconds until the next turn.

        Raises:
            ProvenanceError: what went wrong; the next turn begins with the fence.

        """
        due, pause = await self._due()
        now = asyncio.get_running_loop().time()
        if not due and now < self._look_at:
            return min(pause, self._look_at - now)
        self._look_at = now + self._rhythm.watch
        view, report = await self._pass_fence()
        if report.verdict is not Verdict.OPEN:
            self._look_at = now + self._rhythm.forked_watch
            return self._rhythm.forked_watch
        head = await self._agree(view, report)
        if (due or self._distrusted) and report.log.size > head.size:
            size = await self._next_size(head, report)
            await self._anchoring.anchor(size, head=head)
            head = await self._recovery.head()
        self._anchored = head.size
        self._session.metrics.anchored_size.set(head.size)
        await self._anchoring.recheck(at_most=head.size, newest=view.block)
        for ancestor in self._ancestors:
            await ancestor.anchoring.recheck(at_most=ancestor.end, newest=view.block)
        if self._distrusted and head.size >= report.log.size:
            self._distrusted = False
            await self._set_state(LogState.OPEN, "")
        await self._beat(view, report, head)
        return 0.0 if due else self._rhythm.poll

    async def after_failure(self, error: ProvenanceError) -> None:
        """Draw the conclusions that outlast this turn."""
        self._reconciled = False
        self._look_at = 0.0
        if isinstance(error, CheckpointMismatchError | InconsistentLogError):
            self._distrusted = True
            await self._set_state(LogState.FORKED, str(error))
            self._session.metrics.fence.set(Verdict.FORKED.value)
        elif isinstance(error, ChainUnavailableError | WrongChainError):
            self._session.metrics.fence.set(Verdict.UNREACHABLE.value)

    async def _due(self) -> tuple[bool, float]:
        """Whether an anchor is due, and how long to wait if not."""
        rhythm = self._rhythm
        waiting, age_ms = await self._session.store.waiting(self._anchored)
        age = age_ms / 1000
        metrics = self._session.metrics
        metrics.waiting_entries.set(waiting)
        metrics.waiting_seconds.set(age if waiting else 0.0)
        if not waiting:
            return False, rhythm.poll
        due = age >= rhythm.interval or waiting >= rhythm.batch_entries
        return due, min(rhythm.poll, max(rhythm.interval - age, 0.0))

    async def _pass_fence(self) -> tuple[ChainView, FenceReport]:
        view, report = await self._recovery.look(at_promises=not self._promises_kept)
        if not self._promises_kept and report.verdict in {Verdict.OPEN, Verdict.BEHIND}:
            await self._refill.intend(size=report.log.size, anchored=view.head.size)
        if report.verdict is Verdict.BEHIND:
            self._reconciled = False
            if report.log.state is not LogState.FORKED:
                # One whose copies are lost stays an alarm while they are looked for again.
                async with observed(self._session.observer, RefillStep.STORE_STATE):
                    await self._set_state(LogState.BEHIND, report.reason)
            view, report = await self._refill_log(view, report)
        self._promises_kept = report.verdict is Verdict.OPEN
        metrics = self._session.metrics
        metrics.fence.set(report.verdict.value)
        if report.verdict is Verdict.FORKED:
            self._reconciled = False
            await self._set_state(LogState.FORKED, report.reason)
        elif report.verdict is Verdict.CLOSED:
            await self._set_state(LogState.CLOSED, report.reason)
        elif self._distrusted:
            metrics.fence.set(Verdict.FORKED.value)
        elif report.log.state is not LogState.CLOSED:
            await self._set_state(LogState.OPEN, "")
        return view, report

    async def _refill_log(
        self, view: ChainView, report: FenceReport
    ) -> tuple[ChainView, FenceReport]:
        refilled = await self._refill.run(
            size=report.log.size, target=report.target, anchored=view.head.size
        )
        self._session.metrics.refilled.inc(refilled.entries)
        view, report = await self._recovery.look(at_promises=True)
        if report.verdict is not Verdict.BEHIND:
            return view, report
        reason = (
            f"{report.target} entries were anchored or signed, the log has {report.log.size}; "
            f"{refilled.left(report.target)}; if that is no help, or somebody else anchored with "
            "this log's key, run `provenance log succeed`"
        )
        return view, FenceReport(verdict=Verdict.FORKED, reason=reason, log=report.log, chain=view)

    async def _agree(self, view: ChainView, report: FenceReport) -> Head:
        """Make chain and stored anchors agree; the chain's head afterwards."""
        head = view.head
        if await self._recovery.has_lost(view):
            self._reconciled = False
            await self._recovery.restore()
            head = await self._recovery.head()
        if not self._reconciled:
            await self._recovery.note_opening()
            await self._recovery.reconcile(head.size, start_size=self._start_size)
            for ancestor in self._ancestors:
                await ancestor.recovery.reconcile(ancestor.end, start_size=ancestor.start_size)
            if self._ancestors:
                await self._session.store.note_start()
            self._reconciled = True
        return await self._recovery.replay(head, log_size=report.log.size)

    async def _next_size(self, head: Head, report: FenceReport) -> int:
        size = report.log.size
        if size - head.size <= self._rhythm.largest_entries:
            return size
        end = await self._session.store.record_end(
            after=head.size, at_most=head.size + self._rhythm.largest_entries
        )
        return size if end is None else end

    async def _beat(self, view: ChainView, report: FenceReport, head: Head) -> None:
        log = report.log
        if self._heartbeat is None or self._rhythm.idle is None or log.size > head.size:
            return
        idle_ms = log.now - max(log.last_at, log.created_at)
        if idle_ms < self._rhythm.idle * 1000:
            return
        try:
            await self._heartbeat.log(view.block, checked_size=log.size)
        except LogError as error:
            self._session.metrics.failures.labels(error.code).inc()
            _log.warning("heartbeat_not_logged", code=error.code)

    async def _set_state(self, state: LogState, reason: str) -> None:
        if await self._session.store.set_state(state, reason):
            level = _log.info if state is LogState.OPEN else _log.critical
            level("fence", state=state.value, reason=reason)
