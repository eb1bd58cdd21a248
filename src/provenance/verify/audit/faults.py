"""Entries that are not what the log committed to, told together where one row explains them all."""

from collections import Counter
from typing import Final

from provenance.verify.audit.groups import Group
from provenance.verify.audit.report import Findings
from provenance.verify.audit.stored import UNKNOWN_TRAIL, Connection, StoredHead
from provenance.verify.audit.tree import ALTERED

MOST: Final = 100_000
"""Faults that are kept; a log with more of them is beyond naming each."""

_COUNT = "SELECT count(*) FROM entries WHERE log_id = %s AND trail_first = %s"


class EntryFaults:
    """Collects faults of entries until it is known whether their trail's row is the cause."""

    def __init__(self) -> None:
        self._faults: dict[int, tuple[int, str]] = {}
        self._altered: Counter[int] = Counter()

    def __contains__(self, index: int) -> bool:
        return index in self._faults

    def name(self, group: Group, at: int, problem: str) -> None:
        """Note a fault of the entry at place ``at`` of ``group``."""
        trail = group.trails[at] if group.trails is not None else UNKNOWN_TRAIL
        if len(self._faults) < MOST:
            self._faults[group.first + at] = (trail, problem)
        if problem == ALTERED:
            self._altered[trail] += 1

    def has_trail(self, trail_first: int) -> bool:
        """Whether an entry of that trail was altered."""
        return trail_first in self._altered

    async def settle(self, connection: Connection, head: StoredHead, findings: Findings) -> None:
        """Name each entry, or the row of a trail of which no entry is right."""
        rows: set[int] = set()
        for trail, count in self._altered.items():
            if count < 2 or trail == UNKNOWN_TRAIL:
                continue
            cursor = await connection.execute(_COUNT, (head.log_id, trail))
            if await cursor.fetchone() == (count,):
                rows.add(trail)
                findings.add(
                    "trails",
                    f"trail row {trail}",
                    f"its trail id was altered, or it is gone: none of its {count} entries is "
                    "what the log committed to",
                )
        for index, (trail, problem) in sorted(self._faults.items()):
            if problem != ALTERED or trail not in rows:
                findings.add("entries", f"entry {index}", problem)
