"""Puts orders of erasure into the log, or withdraws them because of a legal hold.

Rule: an erasure record never stands behind a hold that covers what it erases, nor one of retention
behind the opening of a case that rests on it. What the log had when both were read goes with the
submission as a condition, which the log's writer holds to.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from provenance.core.digests import HASH_SIZE
from provenance.core.errors import ProvenanceError
from provenance.erasure.book import ErasureList
from provenance.erasure.errors import KeptError
from provenance.erasure.keepers import KeeperReader, Keepers
from provenance.erasure.orders import Order, Payload
from provenance.erasure.records import Reason, erasure_draft
from provenance.erasure.steps import Step, Steps
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.errors import UnfollowedCaseError, UnreadableActError
from provenance.intake.repetition import EventKeys
from provenance.log.errors import OvertakenError
from provenance.log.preparing import RandomBytes
from provenance.log.submissions import Logged, RecordDraft, Submission
from provenance.sealing import KeyGoneError, Opening, Vault

_log = structlog.get_logger(__name__)
LOST_AUTHOR: Final = "not known: what was recorded was lost with a database that was restored"
LOOKS: Final = 8
"""Times that is looked for one request. News that count are rare: who is overtaken so often is told
to come again."""


class Writes(Protocol):
    """The log's writer."""

    @property
    def is_open(self) -> bool:
        """Whether it takes submissions."""
        ...

    async def submit(self, submission: Submission) -> Logged:
        """Log a submission."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorder:
    """Looks for what keeps records, and logs what nothing keeps.

    ``with_open_cases``: for retention, which leaves what a case rests on that is not closed.
    """

    orders: ErasureList
    targets: TargetStore
    vault: Vault
    keys: EventKeys
    random_bytes: RandomBytes
    keepers: KeeperReader
    steps: Steps
    with_open_cases: bool = False

    async def look(self, targets: Sequence[Target], *, known: Keepers | None = None) -> Keepers:
        """Read what keeps records, and that ``targets`` may go.

        Raises:
            KeptError: a hold covers one of them, or an open case rests on it.
            UnfollowedCaseError: what a case rests on cannot be told.
            UnreadableActError: an act of a case cannot be read.

        """
        keepers = await self.keepers.read(with_open_cases=self.with_open_cases, known=known)
        if kept := await self.keepers.why(targets, keepers):
            raise next(iter(kept.values()))
        return keepers

    async def record(
        self,
        orders: Sequence[Order],
        targets: Sequence[Target],
        writer: Writes,
        *,
        keepers: Keepers,
    ) -> list[Order]:
        """Log the erasure records of ``orders``, unless they are there, and note it.

        ``keepers`` is what :meth:`look` returned before the orders were listed.

        Raises:
            KeptError: a hold was placed meanwhile, or a case opened; the orders are withdrawn.
            UnfollowedCaseError: nobody can tell any more; they are withdrawn.
            UnreadableActError: nor can they where an act is damaged; they are withdrawn.
            OvertakenError: news of cases kept coming; they are withdrawn.
            LogError: the log did not take the records; the orders stay on the list.

        """
        try:
            await self._submit(orders, targets, writer, keepers)
        except (KeptError, UnfollowedCaseError, UnreadableActError, OvertakenError) as error:
            orders = await self._withdraw(orders, error)
            if any(order.is_withdrawn for order in orders):
                raise
        return await self._note(orders)

    async def record_late(self, order: Order, targets: Sequence[Target], writer: Writes) -> Order:
        """Log what a crash left; returns the order as recorded, or withdrawn because of a hold.

        What the list calls recorded was decided before: it was lost with a restored database.

        Raises:
            UnfollowedCaseError: what a hold covers cannot be told; the order waits.
            UnreadableActError: nor can it where an act is damaged; it waits.
            LogError: the log did not take the record; it waits.

        """
        try:
            keepers = None if order.is_recorded else await self.look(targets)
            await self._submit([order], targets, writer, keepers)
        except KeptError as error:
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
        keepers: Keepers | None,
    ) -> None:
        drafts = [await self._draft(order) for order in orders]
        for _ in range(LOOKS - 1):
            try:
                await writer.submit(_submission(drafts, keepers))
            except OvertakenError:
                keepers = await self.look(targets, known=keepers)
            else:
                return
        await writer.submit(_submission(drafts, keepers))

    async def _note(self, orders: Sequence[Order]) -> list[Order]:
        await self.steps(Step.LOG)
        noted = await self.orders.mark("recorded", orders)
        await self.steps(Step.NOTE)
        return noted

    async def _withdraw(self, orders: Sequence[Order], error: ProvenanceError) -> list[Order]:
        """Take ``orders`` off; what another process has logged meanwhile stays as it is."""
        logged = [one for one in orders if await self.targets.erasure(one.id) is not None]
        if logged:
            # That process may have ended before it could say so.
            await self.orders.mark("recorded", logged)
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


def _submission(drafts: Sequence[RecordDraft], keepers: Keepers | None) -> Submission:
    unchanged = None if keepers is None else keepers.unchanged
    return Submission(submitter=drafts[0].submitter, records=tuple(drafts), unchanged=unchanged)


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data
