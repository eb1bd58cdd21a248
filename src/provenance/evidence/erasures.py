"""When records were erased, and on which ground: what the log's own erasure records say."""

from collections.abc import Collection

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import entries, records
from provenance.evidence.facts import Erased


class ErasureStore:
    """Reads what was erased of one log."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def erasures(self, firsts: Collection[int]) -> dict[int, Erased]:
        """Return those of the records ``firsts`` that the log says were erased."""
        if not firsts:
            return {}
        erasure = records.alias("erasure")
        query = (
            select(records.c.first_index, entries.c.at, erasure.c.event_type)
            .join(
                erasure,
                and_(
                    erasure.c.log_id == records.c.log_id,
                    erasure.c.first_index == records.c.erased_by,
                ),
            )
            .join(
                entries,
                and_(
                    entries.c.log_id == records.c.log_id,
                    entries.c.index == records.c.erased_by,
                ),
            )
            .where(records.c.log_id == self._log_id, records.c.first_index.in_(list(firsts)))
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(query)
            return {first: Erased(at, ground or "") for first, at, ground in rows}
