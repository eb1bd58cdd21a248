"""Entries that their statements do not open, told together where their trail's subject explains it.

The subject of a trail stands in one row and is part of the commitment of each of its entries: where
it was altered, none of them opens.
"""

from typing import Final

from provenance.verify.audit.report import Findings
from provenance.verify.audit.rows import Unopened
from provenance.verify.audit.stored import Connection, StoredHead

_MOST: Final = 10_000
"""Entries that are kept; a log with more of them is beyond naming each."""

_OPENABLE: Final = """
SELECT count(*) FROM entries JOIN records
  ON records.log_id = entries.log_id AND records.first_index = entries.record_first
WHERE entries.log_id = %s AND trail_first = %s AND salt IS NOT NULL
  AND statement_head IS NOT NULL AND statement_tail IS NOT NULL
"""


class UnopenedEntries:
    """Collects entries until it is known whether the subject of their trail is the cause."""

    def __init__(self) -> None:
        self._trails: dict[int, list[Unopened]] = {}
        self._kept = 0

    def add(self, items: list[Unopened]) -> None:
        """Note entries of one record."""
        for item in items:
            if self._kept < _MOST:
                self._kept += 1
                self._trails.setdefault(item.entry.trail_first, []).append(item)

    async def settle(self, connection: Connection, head: StoredHead, findings: Findings) -> None:
        """Name each entry, or the subject of a trail of which no entry opens."""
        for trail, items in self._trails.items():
            name = next((item.name for item in items if item.name is not None), None)
            problem = f"was altered: the trail's entries are about {name}" if name else ""
            if not problem and len(items) > 1:
                cursor = await connection.execute(_OPENABLE, (head.log_id, trail))
                if await cursor.fetchone() == (len(items),):
                    problem = f"was altered: none of the trail's {len(items)} entries is about it"
            if problem:
                findings.add("contents", f"subject of trail row {trail}", problem)
                continue
            for item in items:
                findings.add("contents", item.object, item.problem)
