"""The writer of one log in one process: gathers submissions into groups and answers them.

While one group is being committed, the next one gathers. What was accepted is finished, also when
the service stops; what does not fit into memory is refused at the door.
"""

import asyncio
import os
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.errors import ProvenanceError
from provenance.core.notes import Signer
from provenance.log.acknowledging import Acknowledger
from provenance.log.committing import GroupCommitter, Outcome
from provenance.log.connection import WriterConnection
from provenance.log.errors import OutcomeUnknownError, OverloadedError, UnavailableError
from provenance.log.gate import Gate
from provenance.log.identity import LogIdentity
from provenance.log.metrics import LogMetrics
from provenance.log.preparing import ENTRY_COST_BYTES, PreparedSubmission, RandomBytes, prepare
from provenance.log.steps import Step, StepObserver, Unobserved, observed
from provenance.log.submissions import Logged, Submission


@dataclass(frozen=True, slots=True)
class WriterLimits:
    """Bounds of one writer.

    ``group_entries``: enough that a commit costs little for each entry, few enough that the lock
    is held for less than 0.1 s. ``linger_seconds``: how long a group waits for as many as came
    together last time. ``transaction_seconds``: after which a database that does not answer is
    given up, COMMIT and the largest capture included. ``patience_seconds``: where it took a group
    longer than this to learn that the database is of no use, those that wait behind it are not
    made to find that out one after the other. ``trouble_seconds``: for how long a write that the
    database did not take says something of the next one. ``waiting_*``: some ten seconds of work; what does not fit is told to
    come back after ``retry_after_seconds``. A submission larger than that is let in when nothing
    else waits.
    """

    group_entries: int = 1000
    linger_seconds: float = 0.002
    transaction_seconds: float = 60.0
    patience_seconds: float = 5.0
    trouble_seconds: float = 15.0
    waiting_entries: int = 100_000
    waiting_bytes: int = 96 << 20
    retry_after_seconds: int = 1


@dataclass(frozen=True, slots=True)
class _Waiting:
    prepared: PreparedSubmission
    answered: asyncio.Future[Logged]
    since: float
    """Seconds of the monotonic clock."""


class LogWriter:
    """Takes submissions from any number of tasks; several writers may share a log."""

    def __init__(
        self,
        engine: AsyncEngine,
        log: LogIdentity,
        *,
        signers: Sequence[Signer],
        random_bytes: RandomBytes = os.urandom,
        limits: WriterLimits | None = None,
        metrics: LogMetrics | None = None,
        observer: StepObserver | None = None,
    ) -> None:
        self._limits = limits or WriterLimits()
        self._metrics = metrics or LogMetrics(CollectorRegistry())
        self._observer = observer or Unobserved()
        self._random_bytes = random_bytes
        self._gate = Gate(self._metrics)
        self._connection = WriterConnection(engine)
        self._committer = GroupCommitter(
            self._connection,
            log_id=log.log_id,
            gate=self._gate,
            random_bytes=random_bytes,
            observer=self._observer,
            seconds=self._limits.transaction_seconds,
        )
        self._acknowledger = Acknowledger(origin=log.origin, signers=signers)
        self._queue: deque[_Waiting] = deque()
        self._under_way: Sequence[_Waiting] = ()
        self._failure = ""
        self._failed_at = 0.0
        self._arrived = asyncio.Event()
        self._wanted = 1
        self._entries = self._bytes = self._last_group = 0
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._logged = self._metrics.submissions.labels("logged")
        self._repeated = self._metrics.submissions.labels("repeated")
        self._metrics.waiting_entries.set_function(lambda: self._entries)
        self._metrics.waiting_bytes.set_function(lambda: self._bytes)
        self._metrics.waiting_seconds.set_function(self._oldest)

    @property
    def is_open(self) -> bool:
        """Whether submissions are taken."""
        return self._gate.is_open and self._task is not None and not self._stopping

    @property
    def trouble(self) -> str:
        """Why the last write was not taken, if that is of now; empty where it was."""
        since = time.perf_counter() - self._failed_at
        return self._failure if since < self._limits.trouble_seconds else ""

    def require_open(self) -> None:
        """Refuse if nothing is taken.

        Raises:
            LogReadOnlyError: the log is closed to this process; says why.
            UnavailableError: the writer does not run.

        """
        self._gate.require_open()
        self._require_running()

    def open(self, *, checked_size: int = 0) -> None:
        """Take submissions: the fence has passed on a log of ``checked_size``."""
        self._gate.open(checked_size=checked_size)

    def close(self, *, state: str, reason: str) -> None:
        """Take no more submissions until :meth:`open` is called again."""
        self._gate.close(state=state, reason=reason)

    async def start(self) -> None:
        """Begin to work; nothing is taken before :meth:`open`."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="log-writer")

    async def stop(self) -> None:
        """Finish what was accepted, then end."""
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
            self._task = None
        await self._connection.discard()

    async def submit(self, submission: Submission) -> Logged:
        """Log ``submission``; returns after the commit.

        Raises:
            DraftError: a record cannot become entries.
            ConflictError: a record contradicts an earlier one.
            IdempotencyConflictError: the Idempotency-Key was used for something else.
            RejectedError: the database refuses this submission's data.
            RetryableError: nothing is wrong with it; its subclasses say what is.

        """
        try:
            logged = await self._submit(submission)
        except ProvenanceError as error:
            self._metrics.submissions.labels(error.code).inc()
            raise
        (self._repeated if logged.repeated else self._logged).inc()
        return logged

    async def _submit(self, submission: Submission) -> Logged:
        self.require_open()
        entries = sum(len(draft.subjects) for draft in submission.records)
        size = sum(len(draft.payload or b"") for draft in submission.records)
        size += entries * ENTRY_COST_BYTES
        self._reserve(entries, size)
        try:
            prepared = await prepare(submission, random_bytes=self._random_bytes)
            self._require_running()
            answered: asyncio.Future[Logged] = asyncio.get_running_loop().create_future()
            waiting = _Waiting(prepared, answered, time.perf_counter())
            self._queue.append(waiting)
            if len(self._queue) >= self._wanted:
                self._arrived.set()
            return await waiting.answered
        finally:
            self._reserve(-entries, -size)

    def _require_running(self) -> None:
        if self._task is None or self._task.done() or self._stopping:
            raise UnavailableError(
                "the service is starting or stopping", retry_after=self._limits.retry_after_seconds
            )

    def _reserve(self, entries: int, size: int) -> None:
        limits = self._limits
        if (
            entries > 0
            and self._entries > 0
            and (
                self._entries + entries > limits.waiting_entries
                or self._bytes + size > limits.waiting_bytes
            )
        ):
            raise OverloadedError(
                "more is waiting to be written than this process keeps; come back later",
                retry_after=limits.retry_after_seconds,
            )
        self._entries += entries
        self._bytes += size

    async def _run(self) -> None:
        while await self._something_waits():
            self._under_way = await self._gather()
            if self._under_way:
                await self._settle(self._under_way)
                self._under_way = ()

    async def _something_waits(self) -> bool:
        while not self._queue:
            if self._stopping:
                return False
            self._arrived.clear()
            await self._arrived.wait()
        return True

    async def _gather(self) -> list[_Waiting]:
        """Take the next group, after a moment for those who came together last time."""
        if self._last_group > 1 and not self._stopping:
            await self._linger()
        group: list[_Waiting] = []
        entries = 0
        while self._queue:
            waiting = self._queue[0]
            if group and entries + waiting.prepared.entries > self._limits.group_entries:
                break
            self._queue.popleft()
            if not waiting.answered.done():
                group.append(waiting)
                entries += waiting.prepared.entries
        self._last_group = len(group)
        # What rests on the log as it was goes first, before the group itself changes it.
        return sorted(group, key=lambda one: one.prepared.submission.unchanged is None)

    async def _linger(self) -> None:
        self._wanted = self._last_group
        if len(self._queue) < self._wanted:
            self._arrived.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._limits.linger_seconds):
                    await self._arrived.wait()
        self._wanted = 1

    async def _settle(self, group: Sequence[_Waiting]) -> None:
        began = time.perf_counter()
        outcomes: Sequence[Outcome]
        try:
            outcomes = await self._committer.commit([waiting.prepared for waiting in group])
        except Exception as error:  # noqa: BLE001 - whatever it is, everybody must be answered
            outcomes = [error] * len(group)
        failure = _failure(outcomes)
        self._failure, self._failed_at = failure, time.perf_counter()
        if failure and time.perf_counter() - began > self._limits.patience_seconds:
            self._let_go()
        logged = 0
        for waiting, outcome in zip(group, outcomes, strict=True):
            logged += await self._answer(waiting, outcome)
        if logged:
            self._metrics.entries.inc(logged)
            self._metrics.group_entries.observe(logged)
            self._metrics.group_seconds.observe(time.perf_counter() - began)

    def _let_go(self) -> None:
        """Refuse what waits: the database was of no use to those who had their turn."""
        while self._queue:
            answered = self._queue.popleft().answered
            if not answered.done():
                answered.set_exception(
                    UnavailableError(
                        "the database does not answer; nothing was logged",
                        retry_after=self._limits.retry_after_seconds,
                    )
                )

    def _oldest(self) -> float:
        """Age in seconds of what has waited longest."""
        first = next(iter(self._under_way or self._queue), None)
        return 0.0 if first is None else time.perf_counter() - first.since

    async def _answer(self, waiting: _Waiting, outcome: Outcome) -> int:
        """Resolve one submitter's future; returns the number of new entries."""
        answered = waiting.answered
        if isinstance(outcome, Exception):
            if not answered.done():
                answered.set_exception(outcome)
            return 0
        try:
            async with observed(self._observer, Step.ANSWER):
                logged = None if answered.done() else self._acknowledger.logged(outcome)
        except Exception as error:  # noqa: BLE001 - it is committed, and that must be said
            unknown = OutcomeUnknownError()
            unknown.__cause__ = error
            if not answered.done():
                answered.set_exception(unknown)
        else:
            if logged is not None and not answered.done():
                answered.set_result(logged)
        return outcome.new.count if not outcome.repeated else 0


def _failure(outcomes: Sequence[Outcome]) -> str:
    """Why the database was of no use to any of a group; empty where it was."""
    errors = [
        outcome
        for outcome in outcomes
        if isinstance(outcome, UnavailableError | OutcomeUnknownError)
    ]
    return f"{errors[0].code}: {errors[0]}" if errors and len(errors) == len(outcomes) else ""
