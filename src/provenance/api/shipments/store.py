"""What a timeline tells of records beside their trails: corrections and anchors."""

from collections.abc import Collection, Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.api.anchoring import Coverage, coverage
from provenance.db.tables import records
from provenance.prove.store import LogRow


class StandingStore:
    """Reads how records of one log stand."""

    def __init__(self, engine: AsyncEngine, *, log_id: int, lineage: Sequence[LogRow]) -> None:
        self._engine = engine
        self._log_id = log_id
        self._lineage = lineage

    async def corrections(self, firsts: Collection[int]) -> dict[int, list[int]]:
        """Return, for each record, the records that correct it."""
        query = (
            select(records.c.corrects, records.c.first_index)
            .where(records.c.log_id == self._log_id, records.c.corrects.in_(list(firsts)))
            .order_by(records.c.first_index)
        )
        found: dict[int, list[int]] = {}
        async with self._engine.connect() as connection:
            for corrected, correction in await connection.execute(query):
                found.setdefault(corrected, []).append(correction)
        return found

    async def coverage(self, indexes: Collection[int]) -> dict[int, Coverage]:
        """Return the first anchor of each entry."""
        async with self._engine.connect() as connection:
            return await coverage(connection, lineage=self._lineage, indexes=indexes)
