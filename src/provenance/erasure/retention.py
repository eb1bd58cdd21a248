"""Finds what has been kept for as long as it is kept, and erases it.

What a legal hold covers stays, and so does what a claims case rests on that is not closed. A
description goes with the document that it describes, a case with all its acts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from provenance.erasure.eraser import Eraser
from provenance.erasure.errors import HeldError
from provenance.erasure.orders import Order
from provenance.erasure.periods import Periods
from provenance.erasure.recording import Writes
from provenance.erasure.records import Reason
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.cases.extent import Extent, ExtentReader, merged
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
_CASE: Final = "case"


@dataclass(frozen=True, slots=True)
class Keepers:
    """What must stay whatever its period says: legal holds, and cases that are not closed."""

    holds: LegalHolds
    open_cases: Extent

    def keep(self, *records: Target) -> bool:
        """Whether one of ``records`` stays: a record, and what it goes back to."""
        return any(record in self.open_cases for record in records) or any(
            self.holds.over(*records)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """Retention of one log."""

    periods: Periods
    targets: TargetStore
    cases: CaseStore
    extents: ExtentReader
    eraser: Eraser
    organisation: Callable[[], Awaitable[UUID]]
    now_ms: Callable[[], int]

    async def due(self) -> AsyncIterator[list[Target]]:
        """Yield what has ended and may go, some hundreds of records at a time."""
        async for targets, _ in self._due():
            yield targets

    async def _due(self) -> AsyncIterator[tuple[list[Target], Keepers]]:
        keepers: Keepers | None = None
        async for ended in self._ended():
            # Timelines of cases are not followed on a day on which nothing ends.
            keepers = keepers or await self._keepers()
            ancestry = await self.targets.ancestry(ended)
            kept = [keepers.keep(*ancestry.of(one)) for one in ended]
            if ended[0].kind == _CASE:
                going = [] if any(kept) else ended
            else:
                free = [one for one, stays in zip(ended, kept, strict=True) if not stays]
                going = await self._with_descriptions(free, keepers)
            if going:
                yield going, keepers

    async def _ended(self) -> AsyncIterator[list[Target]]:
        """Yield events and documents whose time has ended, then cases, each with all its acts."""
        now = self.now_ms()
        before = await self.targets.first_at(self.periods.nothing_after(now))
        after = -1
        while page := await self.targets.page(
            ("event", "document"), after=after, before=before, limit=PAGE
        ):
            after = page[-1].first_index
            if ended := [one for one in page if self._has_ended(one, now)]:
                yield ended
        async for acts in self._ended_cases(now):
            if acts:
                yield acts

    async def erase_due(self, *, writer: Writes) -> list[Order]:
        """Erase what has ended; returns the orders.

        Raises:
            ErasureListError: the list cannot be written.
            LogError: the log takes no writes.
            UnfollowedCaseError: what a case rests on cannot be told.

        """
        orders: list[Order] = []
        organisation = await self.organisation()
        reason = Reason(ground=GROUND, author=AUTHOR, organisation=organisation)
        async for targets, keepers in self._due():
            # A hold that was placed meanwhile keeps this part; the next day looks again.
            with suppress(HeldError):
                orders += await self.eraser.request(
                    targets, reason, writer=writer, known=keepers.holds
                )
        if orders:
            _log.info("retention_ended", orders=len(orders))
        return orders

    def _has_ended(self, target: Target, now: int) -> bool:
        # A description has no period of its own.
        if target.describes is not None:
            return False
        return self.periods.end(target.kind, target.type, target.at) <= now

    async def _with_descriptions(self, ended: Sequence[Target], keepers: Keepers) -> list[Target]:
        documents = [one.first_index for one in ended if one.kind == "document"]
        described = await self.targets.descriptions(documents) if documents else []
        going = [one for one in described if one.is_erasable and not keepers.keep(one)]
        return [*ended, *going]

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
                    yield [act for act in acts if act.kind == _CASE]

    async def _keepers(self) -> Keepers:
        extents: list[Extent] = []
        async for cases in self._open_cases():
            extents += (await self.extents.extents(cases, lasting_from=_opened_at)).values()
        return Keepers(holds=await self.eraser.holds(), open_cases=merged(extents))

    async def _open_cases(self) -> AsyncIterator[list[Case]]:
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
                yield list(_folded(acts.values()))


def _opened_at(case: Case) -> int:
    return case.history[0].logged.first_index


def _folded(acts: Iterable[Sequence[LoggedAct]]) -> Iterator[Case]:
    for one in acts:
        case = fold(one)
        if case is not None:
            yield case
