"""Queries that let PostgreSQL spell a batch, thousands of rows in each value it returns.

Spelling row by row in Python took half a core at the log's full rate, and one message for each
row as much again.
"""

from dataclasses import dataclass
from typing import Final

from provenance.anchor.batch import ORGANISATION_COLUMNS, RECORD_COLUMNS, TRAIL_COLUMNS

# The canonical entry (docs/formats.md) behind its length; the leaf hash tells if they ever differ.
ENTRIES: Final = """
SELECT count(*), string_agg(leaf_hash, ''::bytea ORDER BY index),
  string_agg(int2send(octet_length(entry)::int2) || entry, ''::bytea ORDER BY index)
FROM (
  SELECT e.index, e.leaf_hash, convert_to(
    '{"at":' || e.at || ',"commitment":"' || encode(e.commitment, 'hex')
    || '","prev":"' || encode(e.prev, 'hex') || '","seq":' || e.seq
    || ',"trail":"' || encode(t.trail, 'hex') || '","v":1}', 'UTF8') AS entry
  FROM entries e JOIN trails t ON t.log_id = e.log_id AND t.first_index = e.trail_first
  WHERE e.log_id = %s AND e.index >= %s AND e.index < %s
) AS spelled
"""
LEAVES: Final = """
SELECT count(*), string_agg(leaf_hash, ''::bytea ORDER BY index)
FROM entries WHERE log_id = %s AND index >= %s AND index < %s
"""
PLACES: Final = """
SELECT count(*), string_agg(
  int8send(trail_first) || int8send(record_first)
  || coalesce(salt, decode(repeat('00', 32), 'hex')), ''::bytea ORDER BY index)
FROM entries WHERE log_id = %s AND index >= %s AND index < %s
"""
CONTEXTS: Final = """
SELECT DISTINCT context_sha256 FROM records
WHERE log_id = %s AND first_index >= %s AND first_index < %s AND context_sha256 IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class TableQuery:
    """A table's share of ``rows``: lines that are JSON arrays of rows, each about a megabyte."""

    name: str
    columns: tuple[str, ...]
    query: str


_RANGE = "log_id = %s AND first_index >= %s AND first_index < %s"

_SUBMITTERS = f"SELECT submitter FROM records WHERE {_RANGE}"  # noqa: S608 - constants


def _lines(columns: tuple[str, ...], source: str, *, key: str, part: str) -> str:
    picked = f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 - constants
    return (
        "SELECT convert_to(json_agg(line ORDER BY place)::text || E'\\n', 'UTF8') FROM ("  # noqa: S608 - constants
        f"SELECT row_to_json(row) AS line, row.{key} AS place, {part} AS part FROM ({picked}) AS row"
        ") AS spelled GROUP BY part ORDER BY part"
    )


TABLES: Final = (
    TableQuery(
        name="records",
        columns=RECORD_COLUMNS,
        query=_lines(
            RECORD_COLUMNS,
            f"records WHERE {_RANGE}",
            key="first_index",
            # A payload may have megabytes: a line closes when half a million of them are in.
            part="sum(1000 + coalesce(octet_length(row.payload), 0)) "
            "OVER (ORDER BY row.first_index) / 500000",
        ),
    ),
    TableQuery(
        name="trails",
        columns=TRAIL_COLUMNS,
        query=_lines(
            TRAIL_COLUMNS,
            f"trails WHERE {_RANGE}",
            key="first_index",
            part="row.first_index / 4096",
        ),
    ),
    TableQuery(
        name="organisations",
        columns=ORGANISATION_COLUMNS,
        query=_lines(
            ORGANISATION_COLUMNS,
            f"organisations WHERE organisation_id IN ({_SUBMITTERS})",
            key="organisation_id",
            part="0",
        ),
    ),
)
"""Tables in the order in which they stand in ``rows``, with log and range as parameters."""
