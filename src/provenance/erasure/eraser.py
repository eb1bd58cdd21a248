"""Takes the steps of erasure; each may be repeated, and a start takes up what one left.

Which they are, and what a crash behind each leaves, is in :mod:`provenance.erasure.steps`; orders
get into the log by :mod:`provenance.erasure.recording`.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Final

import structlog

from provenance.anchor.session import Connection
from provenance.blobs import BlobStore
from provenance.erasure.book import ErasureList
from provenance.erasure.cleaning import clean
from provenance.erasure.copies import Copies
from provenance.erasure.errors import KeptError
from provenance.erasure.keepers import (
    KeeperReader,
    Keepers,
    LeadsOn,
    ReadsHolds,
    ReadsOpenCases,
)
from provenance.erasure.orders import ID_BYTES, RETENTION_ENDED, Order, open_orders
from provenance.erasure.recording import Recorder, Writes
from provenance.erasure.records import Reason
from provenance.erasure.rows import empty, places, sealed_payloads, still_open
from provenance.erasure.steps import Step, Steps, quietly
from provenance.erasure.targets import Target, TargetStore, in_orders
from provenance.evidence.errors import UnfollowedCaseError, UnreadableActError
from provenance.intake.repetition import EventKeys
from provenance.log.errors import OvertakenError
from provenance.sealing import AlteredError, Vault

_log = structlog.get_logger(__name__)
LATER: Final = "tables: they are rewritten at the hour of PROVENANCE_ERASURE_HOUR"
_WAITS: Final = (UnfollowedCaseError, UnreadableActError, AlteredError)
"""Why it cannot be told, for the time being, whether an order may be carried out."""
ORDERS_AT_ONCE: Final = 256
"""Orders that are cleaned up after together: one rewrite of the tables serves all."""

Connect = Callable[[], AbstractAsyncContextManager[Connection]]
"""Opens a connection of one's own, in autocommit mode."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eraser:
    """Erases records of one log; several may work beside each other."""

    log_id: int
    orders: ErasureList
    targets: TargetStore
    connect: Connect
    vault: Vault
    blobs: BlobStore
    keys: EventKeys
    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]
    holds: ReadsHolds
    open_cases: ReadsOpenCases
    leads_on: LeadsOn
    steps: Steps = quietly
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _deciding: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _requested: set[str] = field(default_factory=set, repr=False)

    async def request(
        self,
        targets: Sequence[Target],
        reason: Reason,
        *,
        writer: Writes,
        known: Keepers | None = None,
    ) -> list[Order]:
        """Order the erasure of ``targets`` and carry it out as far as that takes no time.

        What is returned is *erased*: it cannot be read or restored any more. :meth:`finish` sees
        to what is left of it. ``known`` is what keeps records as the caller read it a moment ago.
        Open cases keep some where the ground is that retention ended.

        Raises:
            KeptError: a legal hold covers one of them, or an open case rests on it, maybe only
                since a moment ago; nothing was done.
            UnfollowedCaseError: what a case rests on cannot be told; nothing was done.
            UnreadableActError: nor can it where an act is damaged; nothing was done.
            OvertakenError: news of cases kept coming; nothing was done.
            ErasureListError: the list cannot be written.
            LogError: the log did not take the record; :meth:`finish` tries again.

        """
        recorder = self._recorder(reason.ground)
        # One after the other: what one erases may place or widen a hold that the next one meets.
        async with self._deciding:
            keepers = await recorder.look(targets, known=known)
            orders = [await self._order(part, reason) for part in in_orders(targets)]
            with self._under_way(orders):
                await self.orders.add(*orders)
                await self.steps(Step.LIST)
                orders = await recorder.record(orders, targets, writer, keepers=keepers)
                async with self.connect() as connection:
                    for order in orders:
                        await self._destroy(connection, order)
        return orders

    async def held(
        self, targets: Sequence[Target], *, ground: str, known: Keepers | None = None
    ) -> dict[int, KeptError]:
        """Return those of ``targets`` that a request would be refused for, by first index, with why."""
        with_open_cases = ground == RETENTION_ENDED
        keepers = await self.keepers.read(with_open_cases=with_open_cases, known=known)
        return await self.keepers.why(targets, keepers)

    @property
    def keepers(self) -> KeeperReader:
        """Reads what keeps records."""
        return KeeperReader(
            targets=self.targets,
            holds=self.holds,
            open_cases=self.open_cases,
            leads_on=self.leads_on,
        )

    def _recorder(self, ground: str) -> Recorder:
        return Recorder(
            orders=self.orders,
            targets=self.targets,
            vault=self.vault,
            keys=self.keys,
            random_bytes=self.random_bytes,
            keepers=self.keepers,
            steps=self.steps,
            with_open_cases=ground == RETENTION_ENDED,
        )

    @contextmanager
    def _under_way(self, orders: Sequence[Order]) -> Iterator[None]:
        """Keep :meth:`finish` from taking up what is being answered; whatever is left then, it may."""
        ids = {order.id for order in orders}
        self._requested.update(ids)
        try:
            yield
        finally:
            self._requested.difference_update(ids)

    async def finish(
        self, *, writer: Writes | None, may_rewrite: bool = True
    ) -> dict[str, list[str]]:
        """Take up every order of which something is left; returns what still is, by order.

        Without a ``writer``, orders that the log does not know yet wait; without ``may_rewrite``,
        the tables stay as they are.

        Raises:
            ErasureListError: the list cannot be used.
            BlobError: the object store failed.

        """
        async with self._turn:
            return await self._finish(writer, may_rewrite=may_rewrite)

    async def _finish(self, writer: Writes | None, *, may_rewrite: bool) -> dict[str, list[str]]:
        left: dict[str, list[str]] = {}
        waiting = open_orders((await self.orders.orders()).values())
        for start in range(0, len(waiting), ORDERS_AT_ONCE):
            known: list[Order] = []
            for order in waiting[start : start + ORDERS_AT_ONCE]:
                try:
                    found = await self._taken_up(order, writer)
                except OvertakenError:
                    left[order.id] = ["news: cases changed all the time that it was looked at"]
                    continue
                except _WAITS as error:
                    # What is damaged stops the orders that need it, and no other.
                    _log.warning("erasure_waits", order=order.id, code=error.code)
                    left[order.id] = [f"holds: they cannot be told, so it waits: {error}"]
                    continue
                if found is None:
                    left[order.id] = ["log: it takes no writes at the moment"]
                elif not found.is_withdrawn:
                    known.append(found)
            if known:
                left.update(await self._purge(known, may_rewrite=may_rewrite))
        return {id_: what for id_, what in left.items() if what}

    async def restore(self) -> int:
        """Apply the list, and what the log itself says was erased, to an older database.

        For a start, before anything is served. Returns how many orders had to be carried out
        again.

        Raises:
            ErasureListError: the list cannot be used.

        """
        await self._adopt()
        in_log = await self.targets.recorded_orders()
        again: list[Order] = []
        async with self.connect() as connection:
            for order in (await self.orders.orders()).values():
                # What the log does not name yet waits for a look at the holds.
                is_named = order.is_recorded or order.id in in_log
                if order.is_withdrawn or not is_named:
                    continue
                if await self._came_back(connection, order, is_in_log=order.id in in_log):
                    again.append(order)
            if again:
                again = await self.orders.mark("reopened", again)
                _log.warning("erasures_applied_again", orders=len(again))
            for order in again:
                await self._destroy(connection, order)
        return len(again)

    async def _order(self, targets: Sequence[Target], reason: Reason) -> Order:
        """Return a new order, its record's payload sealed."""
        id_ = self.random_bytes(ID_BYTES).hex()
        return Order(
            id=id_,
            at=self.now_ms(),
            ground=reason.ground,
            submitter=reason.organisation,
            leaves=tuple(leaf for target in targets for leaf in target.leaves),
            payload=await self._recorder(reason.ground).seal(reason.encode(id_)),
        )

    async def _taken_up(self, order: Order, writer: Writes | None) -> Order | None:
        """Return the order once the log knows it, or withdrawn; None where it must wait."""
        if await self.targets.erasure(order.id) is not None:
            return order if order.is_recorded else (await self.orders.mark("recorded", [order]))[0]
        waits = order if order.is_recorded else None
        if order.id in self._requested:
            return waits
        if writer is None or not writer.is_open:
            return waits
        targets = await self.targets.of_leaves(order.leaves)
        if not targets:
            return waits
        recorder = self._recorder(order.ground)
        async with self._deciding:
            # Whoever asked for it may have been told by now that it is off.
            order = (await self.orders.orders())[order.id]
            if order.is_withdrawn:
                return order
            order = await recorder.record_late(order, targets, writer)
            if not order.is_withdrawn:
                async with self.connect() as connection:
                    await self._destroy(connection, order)
        return order

    async def _purge(self, orders: Sequence[Order], *, may_rewrite: bool) -> dict[str, list[str]]:
        left: dict[str, list[str]] = {order.id: [] for order in orders}
        async with self.connect() as connection:
            copies = Copies(self.blobs, connection, self.log_id)
            anchored = await copies.anchored()
            indexes: dict[str, list[int]] = {}
            for order in orders:
                found = await self._destroy(connection, order)
                if missing := len(order.leaves) - len(found):
                    left[order.id].append(f"rows: {missing} entries are not in the database")
                elif found[-1][0] >= anchored:
                    left[order.id].append("batches: entries are not anchored yet; waited for")
                else:
                    indexes[order.id] = [index for index, _ in found]
            if indexes:
                general = await copies.renew(sorted(set().union(*indexes.values())))
                await self.steps(Step.COPIES)
                general += await clean(connection) if may_rewrite else [LATER]
                await self.steps(Step.CLEAN)
                for id_ in indexes:
                    left[id_] += general
                    if await self.targets.erasure(id_) is None:
                        left[id_].append("log: its record waits until the log takes writes")
        await self._note_purged([order for order in orders if not left[order.id]])
        return left

    async def _note_purged(self, done: Sequence[Order]) -> None:
        if done:
            await self.orders.mark("purged", done)
            await self.steps(Step.DONE)
            _log.info("erasures_purged", orders=len(done))

    async def _destroy(self, connection: Connection, order: Order) -> list[tuple[int, int]]:
        """Destroy keys, objects and rows; returns index and record of the entries."""
        found = await places(connection, log_id=self.log_id, leaves=order.leaves)
        firsts = sorted({first for _, first in found})
        sealed = await sealed_payloads(connection, log_id=self.log_id, firsts=firsts)
        await self.vault.erase_all(sealed)
        await self.steps(Step.KEYS)
        await empty(
            connection,
            log_id=self.log_id,
            leaves=order.leaves,
            firsts=firsts,
            erased_by=await self.targets.erasure(order.id),
        )
        await self.steps(Step.ROWS)
        return found

    async def _came_back(self, connection: Connection, order: Order, *, is_in_log: bool) -> bool:
        """Whether the database is older than the order: its rows are full, or its record is gone."""
        if is_in_log or not order.purged_at:
            return bool(await still_open(connection, log_id=self.log_id, leaves=order.leaves))
        return bool(await places(connection, log_id=self.log_id, leaves=order.leaves))

    async def _adopt(self) -> None:
        """Put on the list what the log says was erased, where the list does not know it."""
        for found in await self.targets.erasures(besides=await self.orders.orders()):
            order = Order(
                id=found.order_id,
                at=found.at,
                ground=found.ground,
                submitter=found.submitter,
                leaves=found.leaves,
                payload=None,
            )
            await self.orders.add(order)
            await self.orders.mark("recorded", [order])
            _log.warning("erasure_found_in_log", order=order.id)
