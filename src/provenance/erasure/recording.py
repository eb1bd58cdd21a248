"""Puts orders of erasure into the log, or withdraws them because of a legal hold.

Rule: an erasure record never stands behind a hold that covers what it erases. What the log had when
holds were read goes with the submission as a condition, which the log's writer holds to.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from provenance.core.digests import HASH_SIZE
from provenance.core.errors import ProvenanceError
from provenance.erasure.book import ErasureList
from provenance.erasure.errors import HeldError
from provenance.erasure.orders import Order, Payload
from provenance.erasure.records import Reason, erasure_draft
from provenance.erasure.steps import Step, Steps
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.cases.holds import LegalHolds
from provenance.evidence.errors import UnfollowedCaseError
from provenance.intake.repetition import EventKeys
from provenance.log.errors import OvertakenError
from provenance.log.preparing import RandomBytes
from provenance.log.submissions import Logged, RecordDraft, Submission, Unchanged
from provenance.sealing import KeyGoneError, Opening, Vault

_log = structlog.get_logger(__name__)
LOST_AUTHOR: Final = "not known: what was recorded was lost with a database that was restored"
LOOKS: Final = 8
"""Times that holds are read for one request. Acts of cases are rare: who is overtaken so often is
told to come again."""


class Writes(Protocol):
    """The log's writer."""

    @property
    def is_open(self) -> bool:
        """Whether it takes submissions."""
        ...

    async def submit(self, submission: Submission) -> Logged:
        """Log a submission."""
        ...


class ReadsHolds(Protocol):
    """Reads the legal holds that stand."""

    async def __call__(self, known: LegalHolds | None = None, /) -> LegalHolds:
        """Read them; what was found for ``known``, a moment ago, need not be followed again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Looks for legal holds, and logs what none covers."""

    orders: ErasureList
    targets: TargetStore
    vault: Vault
    keys: EventKeys
    random_bytes: RandomBytes
    holds: ReadsHolds
    steps: Steps

    async def held(
        self, targets: Sequence[Target], *, known: LegalHolds | None = None
    ) -> dict[int, HeldError]:
        """Return those of ``targets`` that a legal hold covers, by first index, with why."""
        holds = await self.holds(known)
        ancestry = await self.targets.ancestry(targets)
        found: dict[int, HeldError] = {}
        for target in targets:
            for held in holds.over(*ancestry.of(target)):
                found[target.first_index] = HeldError(
                    first_index=target.first_index,
                    case=held.case,
                    reason=held.hold.reason,
                    author=held.hold.author,
                )
                break
        return found

    async def look(
        self, targets: Sequence[Target], *, known: LegalHolds | None = None
    ) -> Unchanged:
        """Read holds; returns what the log must still be like for none to cover ``targets``.

        Raises:
            HeldError: one does.
            UnfollowedCaseError: what a hold covers cannot be told.

        """
        # Before the holds: what is logged while they are read counts as news.
        size = await self.targets.size()
        if held := await self.held(targets, known=known):
            raise next(iter(held.values()))
        about = frozenset(subject for target in targets for subject in target.subjects)
        return Unchanged(size=size, subjects=about)

    async def record(
        self,
        orders: Sequence[Order],
        targets: Sequence[Target],
        writer: Writes,
        *,
        unchanged: Unchanged,
    ) -> list[Order]:
        """Log the erasure records of ``orders``, unless they are there, and note it.

        ``unchanged`` is what :meth:`look` said of ``targets`` before the orders were listed.

        Raises:
            HeldError: a hold was placed meanwhile; the orders are withdrawn.
            UnfollowedCaseError: nobody can tell any more; they are withdrawn.
            OvertakenError: acts of cases kept coming; they are withdrawn.
            LogError: the log did not take the records; the orders stay on the list.

        """
        try:
            await self._submit(orders, targets, writer, unchanged)
        except (HeldError, UnfollowedCaseError, OvertakenError) as error:
            orders = await self._withdraw(orders, error)
            if any(order.is_withdrawn for order in orders):
                raise
        return await self._note(orders)

    async def record_late(self, order: Order, targets: Sequence[Target], writer: Writes) -> Order:
        """Log what a crash left; returns the order as recorded, or withdrawn because of a hold.

        What the list calls recorded was decided before: it was lost with a restored database.

        Raises:
            UnfollowedCaseError: what a hold covers cannot be told; the order waits.
            LogError: the log did not take the record; it waits.

        """
        try:
            unchanged = None if order.is_recorded else await self.look(targets)
            await self._submit([order], targets, writer, unchanged)
        except HeldError as error:
            [order] = await self._withdraw([order], error)
            return order
        [order] = await self._note([order])
        return order

    async def seal(self, payload: bytes) -> Payload:
        """Seal the payload of an erasure record."""
        stored = await self.vault.store(_once(payload))
        sealed = await self.vault.shelve(stored, payload_salt=self.random_bytes(HASH_SIZE))
        return Payload(sealed, len(payload))

    async def _submit(
        self,
        orders: Sequence[Order],
        targets: Sequence[Target],
        writer: Writes,
        unchanged: Unchanged | None,
    ) -> None:
        drafts = [await self._draft(order) for order in orders]
        for _ in range(LOOKS - 1):
            try:
                await writer.submit(_submission(drafts, unchanged))
            except OvertakenError:
                unchanged = await self.look(targets)
            else:
                return
        await writer.submit(_submission(drafts, unchanged))

    async def _note(self, orders: Sequence[Order]) -> list[Order]:
        await self.steps(Step.LOG)
        noted = await self.orders.mark("recorded", orders)
        await self.steps(Step.NOTE)
        return noted

    async def _withdraw(self, orders: Sequence[Order], error: ProvenanceError) -> list[Order]:
        """Take ``orders`` off; what another process has logged meanwhile stays as it is."""
        now = await self.orders.mark("withdrawn", orders)
        await self.steps(Step.WITHDRAW)
        _log.warning("erasure_withdrawn", orders=[order.id for order in now], code=error.code)
        return now

    async def _draft(self, order: Order) -> RecordDraft:
        found = await self.targets.of_leaves(order.leaves)
        subjects = dict.fromkeys(subject for target in found for subject in target.subjects)
        payload, opening = await self._payload(order)
        return erasure_draft(
            order,
            subjects=tuple(subjects),
            sealed=payload.sealed,
            size=payload.size,
            opening=opening,
            keys=self.keys,
        )

    async def _payload(self, order: Order) -> tuple[Payload, Opening]:
        """Payload of the order's record; where that was lost with an older backup, one that says so."""
        payload = order.payload
        if payload is not None:
            with suppress(KeyGoneError):
                return payload, await self.vault.opening(payload.sealed)
        lost = Reason(order.ground, author=LOST_AUTHOR, organisation=order.submitter)
        payload = await self.seal(lost.encode(order.id))
        return payload, await self.vault.opening(payload.sealed)


def _submission(drafts: Sequence[RecordDraft], unchanged: Unchanged | None) -> Submission:
    return Submission(submitter=drafts[0].submitter, records=tuple(drafts), unchanged=unchanged)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
