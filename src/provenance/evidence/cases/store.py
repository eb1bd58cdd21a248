"""Cases as they are stored: acts by case, and cases by shipment or state."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, and_, exists, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.db.tables import entries, records, trails
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.fold import LoggedAct
from provenance.evidence.cases.records import KIND
from provenance.evidence.cases.states import State
from provenance.evidence.errors import UnreadableActError
from provenance.evidence.facts import Logged, Proof

MAX_ACTS: Final = 1_000
"""Acts of one case: a lifetime of notes. Each has an entry in the trail of every shipment."""

_IN_TRAIL = and_(trails.c.log_id == entries.c.log_id, trails.c.first_index == entries.c.trail_first)
# The case is the first subject of an act, so that the record's first entry is the case's.
_ACT_OF_CASE = and_(
    records.c.log_id == entries.c.log_id,
    records.c.first_index == entries.c.index,
    records.c.kind == KIND,
)


@dataclass(frozen=True, slots=True)
class CaseRow:
    """A case by its last act, which is at ``last``."""

    case: str
    last: int


class CaseStore:
    """Reads the cases of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def acts(self, cases: Collection[str]) -> dict[str, list[LoggedAct]]:
        """Return the acts of each case, in their order.

        Raises:
            UnreadableActError: a stored act cannot be read.

        """
        query = (
            select(
                trails.c.subject,
                records.c.first_index,
                entries.c.at,
                records.c.submitter,
                records.c.payload,
            )
            .select_from(entries.join(trails, _IN_TRAIL).join(records, _ACT_OF_CASE))
            .where(trails.c.log_id == self._log_id, trails.c.subject.in_(list(cases)))
            .order_by(entries.c.seq)
            .limit(MAX_ACTS * len(cases))
        )
        found: dict[str, list[LoggedAct]] = {}
        async with self._engine.connect() as connection:
            for subject, first_index, at, submitter, payload in await connection.execute(query):
                found.setdefault(subject, []).append(
                    LoggedAct(
                        logged=Logged(
                            first_index=first_index,
                            recorded_at=at,
                            proof=Proof.ERASED if payload is None else Proof.UNCHECKED,
                        ),
                        submitter=submitter,
                        act=None if payload is None else _read(payload, first_index),
                    )
                )
        return found

    async def page(
        self, *, shipment: str | None, state: State | None, before: int | None, limit: int
    ) -> list[CaseRow]:
        """Return cases, the one with the newest act first.

        Args:
            shipment: canonical subject that they are about.
            state: state that they are in.
            before: the last act of the case after which the page begins.
            limit: at most so many.

        """
        # The act of each case that no later one follows; it tells the state.
        later = entries.alias("later")
        newer = records.alias("newer")
        follows = exists(
            select(later.c.index)
            .join(
                newer,
                and_(
                    newer.c.log_id == later.c.log_id,
                    newer.c.first_index == later.c.index,
                    newer.c.kind == KIND,
                ),
            )
            .where(
                later.c.log_id == entries.c.log_id,
                later.c.trail_first == entries.c.trail_first,
                later.c.seq > entries.c.seq,
            )
        )
        query = (
            select(trails.c.subject, records.c.first_index)
            .select_from(records.join(entries, _ACT_OF_CASE).join(trails, _IN_TRAIL))
            .where(records.c.log_id == self._log_id, ~follows)
            .order_by(records.c.first_index.desc())
            .limit(limit)
        )
        if shipment is not None:
            query = query.where(records.c.first_index.in_(self._about(shipment)))
        if state is not None:
            query = query.where(records.c.disposition == state)
        if before is not None:
            query = query.where(records.c.first_index < before)
        async with self._engine.connect() as connection:
            return [CaseRow(*row) for row in await connection.execute(query)]

    async def leaves(self, firsts: Sequence[int]) -> dict[int, LeafHash]:
        """Return the leaf hash of the first entry of each record that is there."""
        query = (
            select(entries.c.index, entries.c.leaf_hash)
            .join(
                records,
                and_(
                    records.c.log_id == entries.c.log_id, records.c.first_index == entries.c.index
                ),
            )
            .where(entries.c.log_id == self._log_id, entries.c.index.in_(list(firsts)))
        )
        async with self._engine.connect() as connection:
            return await _pairs(connection, query)

    def _about(self, shipment: str) -> Select[tuple[int]]:
        return (
            select(entries.c.record_first)
            .join(trails, _IN_TRAIL)
            .where(trails.c.log_id == self._log_id, trails.c.subject == shipment)
        )


async def _pairs(connection: AsyncConnection, query: Select[Any]) -> dict[int, LeafHash]:
    return {row[0]: LeafHash(row[1]) for row in await connection.execute(query)}


def _read(payload: bytes, first_index: int) -> Act:
    try:
        return Act.decode(payload)
    except FormatError as error:
        raise UnreadableActError(f"the act at index {first_index} cannot be read") from error
