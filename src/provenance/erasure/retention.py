"""Finds what has been kept for as long as it is kept, and erases it.

What a legal hold covers stays, and so does what a claims case rests on that is not closed. A
description goes with the document that it describes, a case with all its acts.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from provenance.erasure.eraser import Eraser
from provenance.erasure.errors import KeptError
from provenance.erasure.keepers import Keepers
from provenance.erasure.orders import RETENTION_ENDED, Order
from provenance.erasure.periods import Periods
from provenance.erasure.recording import Writes
from provenance.erasure.records import Reason
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.cases.store import CaseStore
from provenance.log.errors import OvertakenError

_log = structlog.get_logger(__name__)
AUTHOR: Final = "retention period"
PAGE: Final = 500
"""Records that are looked at, and erased, at once."""
_CASES: Final = 50
_CLOSED: Final = "closed"
_CASE: Final = "case"


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
        async for targets, _ in self._due():
            yield targets

    async def _due(self) -> AsyncIterator[tuple[list[Target], Keepers]]:
        keepers: Keepers | None = None
        reader = self.eraser.keepers
        async for ended in self._ended():
            # Timelines of cases are not followed on a day on which nothing ends.
            keepers = await reader.read(with_open_cases=True, known=keepers)
            kept = await reader.why(ended, keepers)
            if ended[0].kind == _CASE:
                going = [] if kept else ended
            else:
                free = [one for one in ended if one.first_index not in kept]
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
        reason = Reason(ground=RETENTION_ENDED, author=AUTHOR, organisation=organisation)
        async for targets, keepers in self._due():
            try:
                orders += await self.eraser.request(targets, reason, writer=writer, known=keepers)
            except (KeptError, OvertakenError) as error:
                # What a hold or a case keeps only since a moment ago keeps this part, and so does a
                # log in which nobody can tell for news; the next day looks again.
                first = targets[0].first_index
                _log.warning("retention_put_off", code=error.code, first_index=first)
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
        going = [one for one in described if one.is_erasable and keepers.why([one]) is None]
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
