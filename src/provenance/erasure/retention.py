"""Finds what has been kept for as long as it is kept, and erases it.

What a legal hold covers stays, and so does what belongs to a claims case that is not closed. A
description goes with the document that it describes, a case with all its acts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from provenance.erasure.eraser import Eraser, Writes
from provenance.erasure.errors import HeldError
from provenance.erasure.orders import Order
from provenance.erasure.periods import Periods
from provenance.erasure.records import Reason
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.cases.fold import Case, LoggedAct, fold
from provenance.evidence.cases.holds import LegalHolds
from provenance.evidence.cases.states import STATES
from provenance.evidence.cases.store import CaseStore

_log = structlog.get_logger(__name__)
GROUND: Final = "retention_ended"
AUTHOR: Final = "retention period"
PAGE: Final = 500
"""Records that are looked at, and erased, at once."""
_CASES: Final = 50
_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class Keepers:
    """What must stay whatever its period says: legal holds, and cases that are not closed."""

    holds: LegalHolds
    shipments: frozenset[str]
    evidence: frozenset[int]

    def keep(self, target: Target) -> bool:
        """Whether ``target`` stays."""
        return (
            target.first_index in self.evidence
            or not self.shipments.isdisjoint(target.subjects)
            or any(self.holds.over(first_index=target.first_index, subjects=target.subjects))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Retention of one log."""

    periods: Periods
    targets: TargetStore
    cases: CaseStore
    eraser: Eraser
    organisation: Callable[[], Awaitable[UUID]]
    now_ms: Callable[[], int]

    async def due(self) -> AsyncIterator[list[Target]]:
        """Yield what has ended and may go, some hundreds of records at a time."""
        now = self.now_ms()
        keepers = await self._keepers()
        before = await self.targets.first_at(self.periods.nothing_after(now))
        after = -1
        while True:
            page = await self.targets.page(
                ("event", "document"), after=after, before=before, limit=PAGE
            )
            if not page:
                break
            after = page[-1].first_index
            ended = [one for one in page if self._has_ended(one, now) and not keepers.keep(one)]
            if found := await self._with_descriptions(ended):
                yield found
        async for acts in self._ended_cases(now):
            if not any(keepers.keep(act) for act in acts):
                yield acts

    async def erase_due(self, *, writer: Writes) -> list[Order]:
        """Erase what has ended; returns the orders.

        Raises:
            ErasureListError: the list cannot be written.
            LogError: the log takes no writes.

        """
        orders: list[Order] = []
        organisation = await self.organisation()
        reason = Reason(ground=GROUND, author=AUTHOR, organisation=organisation)
        async for targets in self.due():
            # A hold that was placed meanwhile keeps this part; the next day looks again.
            with suppress(HeldError):
                orders += await self.eraser.request(targets, reason, writer=writer)
        if orders:
            _log.info("retention_ended", orders=len(orders))
        return orders

    def _has_ended(self, target: Target, now: int) -> bool:
        # A description has no period of its own.
        if target.describes is not None:
            return False
        return self.periods.end(target.kind, target.type, target.at) <= now

    async def _with_descriptions(self, ended: Sequence[Target]) -> list[Target]:
        documents = [one.first_index for one in ended if one.kind == "document"]
        described = await self.targets.descriptions(documents) if documents else []
        return [*ended, *(one for one in described if one.is_erasable)]

    async def _ended_cases(self, now: int) -> AsyncIterator[list[Target]]:
        before: int | None = None
        while True:
            rows = await self.cases.page(
                opener=None, shipment=None, state=_CLOSED, before=before, limit=_CASES
            )
            if not rows:
                return
            before = rows[-1].last
            for row in rows:
                [last] = await self.targets.records([row.last])
                if self.periods.end("case", None, last.at) <= now:
                    acts = await self.targets.about(row.case, limit=PAGE * 4)
                    yield [act for act in acts if act.kind == "case"]

    async def _keepers(self) -> Keepers:
        open_cases = [case async for case in self._open_cases()]
        return Keepers(
            holds=await self.eraser.holds(),
            shipments=frozenset(
                subject for case in open_cases for subject in (case.case, *case.shipments)
            ),
            evidence=frozenset(first for case in open_cases for first in case.evidence),
        )

    async def _open_cases(self) -> AsyncIterator[Case]:
        for state in STATES:
            before: int | None = None
            while state != _CLOSED:
                rows = await self.cases.page(
                    opener=None, shipment=None, state=state, before=before, limit=_CASES
                )
                if not rows:
                    break
                before = rows[-1].last
                acts = await self.cases.acts([row.case for row in rows])
                for case in _folded(acts.values()):
                    yield case


def _folded(acts: Iterable[Sequence[LoggedAct]]) -> Iterator[Case]:
    for one in acts:
        case = fold(one)
        if case is not None:
            yield case
