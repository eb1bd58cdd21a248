"""Which anchor covers an entry, over the log and those that it succeeded."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    and_,
    column,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from provenance.db.tables import anchors
from provenance.prove.store import ANCHORED, LogRow

State = Literal["recorded", "anchored", "final"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far an entry is: recorded, anchored or final; times in milliseconds."""

    state: State
    size: int | None = None
    block_time: int | None = None


RECORDED = Coverage(state="recorded")


def on_chain(lineage: Sequence[LogRow]) -> ColumnElement[bool]:
    """Condition for anchors that count: on the chain, and not abandoned by a succession."""
    return and_(
        anchors.c.state.in_(ANCHORED),
        or_(
            *(
                anchors.c.log_id == log.log_id
                if log.until is None
                else and_(anchors.c.log_id == log.log_id, anchors.c.size <= log.until)
                for log in lineage
            )
        ),
    )


async def coverage(
    connection: AsyncConnection, *, lineage: Sequence[LogRow], indexes: Collection[int]
) -> dict[int, Coverage]:
    """Return the first anchor of each entry."""
    if not indexes:
        return {}
    # One array: a list of thousands of values takes the compiler a second.
    array = literal(list(indexes), ARRAY(BigInteger))
    asked = (
        func.unnest(array).table_valued(column("index", BigInteger), name="asked").render_derived()
    )
    first: Any = (
        select(anchors.c.size, anchors.c.block_time, anchors.c.state)
        .where(on_chain(lineage), anchors.c.size > asked.c.index)
        .order_by(anchors.c.size)
        .limit(1)
        .lateral("first")
    )
    query: Select[Any] = select(
        asked.c.index, first.c.size, first.c.block_time, first.c.state
    ).join(first, true())
    return {
        index: Coverage(
            state="final" if state == "final" else "anchored", size=size, block_time=block_time
        )
        for index, size, block_time, state in await connection.execute(query)
    }
