"""Records that were erased: what the log still tells of them, and what they may have been.

Of an erased record its place, its kind, and when and on which ground it was erased are left, and
not what it was. So it may have been whatever of its kind is asked for: nobody can tell that it is
missing.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.erased import ERASED_AT, ERASED_GROUND, with_erasure
from provenance.db.tables import entries, records
from provenance.evidence.facts import ErasedFact, Logged, Proof
from provenance.intake.documents.description import MEDIA_TYPE as DESCRIPTION

_NAMED: Final = 3
"""Erased records that are named one by one in a remark."""

_KINDS: Final = ("event", "document")


class ErasedRecords:
    """Reads what one log keeps of erased records."""

    def __init__(self, engine: AsyncEngine, *, log_id: int) -> None:
        self._engine = engine
        self._log_id = log_id

    async def among(
        self, firsts: Collection[int], *, lines: Mapping[int, str | None]
    ) -> list[ErasedFact]:
        """Return the erased events, documents and descriptions among ``firsts``, in order.

        Args:
            firsts: first indexes of records.
            lines: checklist lines that somebody put records to.

        """
        if not firsts:
            return []
        query: Any = (
            select(
                records.c.first_index,
                records.c.kind,
                records.c.media_type,
                entries.c.at,
                ERASED_AT,
                ERASED_GROUND,
            )
            .join(
                entries,
                and_(
                    entries.c.log_id == records.c.log_id, entries.c.index == records.c.first_index
                ),
            )
            .where(
                records.c.log_id == self._log_id,
                records.c.first_index.in_(list(firsts)),
                records.c.kind.in_(_KINDS),
                records.c.statement_head.is_(None),
            )
            .order_by(records.c.first_index)
        )
        async with self._engine.connect() as connection:
            rows = (await connection.execute(with_erasure(query))).all()
        return [
            ErasedFact(
                logged=Logged(row.first_index, row.at, proof=Proof.ERASED),
                kind="description" if row.media_type == DESCRIPTION else row.kind,
                media_type=row.media_type,
                erased_at=row.erased_at,
                ground=row.erased_ground or "",
                line=lines.get(row.first_index),
            )
            for row in rows
        ]


def of_kind(facts: Iterable[ErasedFact], kind: Literal["event", "document"]) -> list[ErasedFact]:
    """Those of one kind."""
    return [one for one in facts if one.kind == kind]


def named(facts: Collection[ErasedFact]) -> str:
    """Spell which records were erased, when and why; of many the first and how many more."""
    told = "; ".join(one.told for one in list(facts)[:_NAMED])
    more = len(facts) - _NAMED
    return f"{told}; and {more} more" if more > 0 else told
