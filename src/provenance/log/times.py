"""Entries by the time at which they were recorded.

``at`` never decreases with the index, so that a bisection over the primary key finds a time.
"""

from typing import Final

from sqlalchemy import bindparam, text

FIRST_AT: Final = text(
    """
    WITH RECURSIVE search (low, high) AS (
      SELECT 0::bigint, size FROM log_heads WHERE log_id = :log_id
      UNION ALL
      SELECT CASE WHEN entries.at < :at THEN entries.index + 1 ELSE low END,
             CASE WHEN entries.at < :at THEN high ELSE entries.index END
      FROM search JOIN entries
        ON entries.log_id = :log_id AND entries.index = (low + high) / 2
      WHERE low < high
    )
    SELECT low FROM search WHERE low = high
    """
).bindparams(bindparam("log_id"), bindparam("at"))
"""Index of the first entry recorded at ``at`` or later; the log's size where there is none."""
