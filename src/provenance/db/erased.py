"""When a record was erased, and on which ground: joined from the log's own record of the erasure."""

from typing import Any, Final

from sqlalchemy import Select, and_

from provenance.db.tables import entries, records

_erasure = records.alias("erasure")
_erasure_entry = entries.alias("erasure_entry")

ERASED_AT: Final = _erasure_entry.c.at.label("erased_at")
"""Milliseconds since the epoch; NULL of what was not erased, or not by the log's record yet."""
ERASED_GROUND: Final = _erasure.c.event_type.label("erased_ground")


def with_erasure(query: Select[Any]) -> Select[Any]:
    """``query`` of records, with what the two columns above need."""
    return query.outerjoin(
        _erasure,
        and_(_erasure.c.log_id == records.c.log_id, _erasure.c.first_index == records.c.erased_by),
    ).outerjoin(
        _erasure_entry,
        and_(
            _erasure_entry.c.log_id == records.c.log_id,
            _erasure_entry.c.index == records.c.erased_by,
        ),
    )
