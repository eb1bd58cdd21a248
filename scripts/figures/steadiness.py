"""What a service takes while it works for a long time: memory, file handles and anchor lag.

A look is taken every few seconds; what counts is the median of the first sixth of the time beside
that of the last, ten minutes each of an hour. Memory is the proportional set size, in which
memory that the database's processes share counts once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import httpx
import psutil

from figures.service import part_of

WATCHED: Final = ("API", "worker", "database", "chain")
_SHARE: Final = 6
"""The first and the last of so many equal parts of the time are compared."""
_MEMORY_MB: Final = 24.0
_MEMORY_SHARE: Final = 1.10
"""What memory may rise by: the allocator's own swings, seen in runs of minutes."""
_HANDLES: Final = 16
"""Handles that may be added: pooled connections and the next gigabyte of each table."""
_LAG_S: Final = 0.5
"""What the lag may rise by: half the interval at which anchors are made."""

_SHORTEST_S: Final = 600.0
"""A run that is shorter only fills caches: nothing is said about it."""
_WAITING: Final = "provenance_anchor_waiting_seconds "


@dataclass(frozen=True, slots=True)
class Look:
    """One look: seconds since the start, and for each part megabytes and file handles."""

    at: float
    memory: Mapping[str, float]
    handles: Mapping[str, int]
    lag: float

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return {
            "at": round(self.at, 1),
            "memory": {part: round(size, 1) for part, size in self.memory.items()},
            "handles": dict(self.handles),
            "lag": self.lag,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Steadiness:
    """One quantity at the start and at the end; ``flat`` is None where it may grow,
    and where the run was too short to tell.
    """

    name: str
    unit: str
    first: float
    last: float
    peak: float
    flat: bool | None


def look(at: float, *, metrics_url: str) -> Look:
    """Take a look at all children of this process and at the worker's metrics."""
    memory: dict[str, float] = defaultdict(float)
    handles: dict[str, int] = defaultdict(int)
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            # Readers come with the first large document: by themselves they would seem to grow.
            part = part_of(process).replace("readers", "API")
            memory[part] += process.memory_full_info().pss / 2**20
            handles[part] += process.num_fds()
    lines = httpx.get(metrics_url, timeout=30).text.splitlines()
    lag = next(float(line.split()[1]) for line in lines if line.startswith(_WAITING))
    return Look(at=at, memory=memory, handles=handles, lag=lag)


def steadiness(looks: Sequence[Look]) -> list[Steadiness]:
    """Compare the first sixth of the time with the last."""
    end = looks[-1].at
    long_enough = end >= _SHORTEST_S
    first = [one for one in looks if one.at <= end / _SHARE]
    last = [one for one in looks if one.at >= end - end / _SHARE]
    found = []
    for part in WATCHED:
        before = median(one.memory[part] for one in first)
        after = median(one.memory[part] for one in last)
        found.append(
            Steadiness(
                name=f"memory, {part}",
                unit="MB",
                first=before,
                last=after,
                peak=max(one.memory[part] for one in looks),
                # anvil keeps every block in memory: some kilobytes for each anchor, for ever.
                flat=None
                if part == "chain" or not long_enough
                else after <= before * _MEMORY_SHARE + _MEMORY_MB,
            )
        )
    for part in WATCHED:
        before = median(one.handles[part] for one in first)
        after = median(one.handles[part] for one in last)
        found.append(
            Steadiness(
                name=f"file handles, {part}",
                unit="",
                first=before,
                last=after,
                peak=max(one.handles[part] for one in looks),
                flat=after <= before + _HANDLES * (8 if part == "database" else 1)
                if long_enough
                else None,
            )
        )
    before, after = (median(one.lag for one in part) for part in (first, last))
    found.append(
        Steadiness(
            name="age of the oldest entry without an anchor",
            unit="s",
            first=before,
            last=after,
            peak=max(one.lag for one in looks),
            flat=after <= before + _LAG_S if long_enough else None,
        )
    )
    return found
