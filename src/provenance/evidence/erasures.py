"""When records were erased, and on which ground: what the log's own erasure records say."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.erased import ERASED_AT, ERASED_GROUND, with_erasure
from provenance.db.tables import records
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
        query = with_erasure(select(records.c.first_index, ERASED_AT, ERASED_GROUND)).where(
            records.c.log_id == self._log_id,
            records.c.first_index.in_(list(firsts)),
            ERASED_AT.is_not(None),
        )
        async with self._engine.connect() as connection:
            rows = await connection.execute(query)
            return {first: Erased(at, ground or "") for first, at, ground in rows}
