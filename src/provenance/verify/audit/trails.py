"""Whether the entries of each trail are numbered without gap or repetition, and linked.

Also what concerns single entries: canonical bytes, times that never run back and fit the anchors
before and after. Entries that are not what the log committed to were named by the tree's
audit; a trail is followed past them by the true leaf hash, which the next entry names.
"""

import re
from typing import Final, cast

from provenance.core.check import LATE_ANCHOR_MS, TOLERANCE_MS
from provenance.core.digests import ZERO_HASH, Commitment, LeafHash, TrailId
from provenance.core.entry import Entry
from provenance.core.errors import FormatError
from provenance.core.jcs import MAX_INTEGER
from provenance.verify.audit.anchors import AnchorTable
from provenance.verify.audit.compact import CompactTable
from provenance.verify.audit.report import Findings
from provenance.verify.audit.tree import CheckedGroup

_CANONICAL: Final = re.compile(
    rb'\{"at":(0|[1-9][0-9]{0,15}),"commitment":"([0-9a-f]{64})","prev":"([0-9a-f]{64})",'
    rb'"seq":(0|[1-9][0-9]{0,15}),"trail":"([0-9a-f]{64})","v":1\}'
)
_MOST_BAD: Final = 100_000
"""Leaf hashes of bad entries that are kept to follow trails past them."""

State = tuple[int, int, bytes]
"""A trail's first index, its count and its last leaf hash."""


def decode_entry(data: bytes) -> Entry:
    """Return ``Entry.decode(data)``, in a tenth of the time for an entry that is in order.

    Raises:
        FormatError: it is not.

    """
    match = _CANONICAL.fullmatch(data)
    if match is None:
        return Entry.decode(data)
    at, commitment, prev, seq, trail = match.groups()
    entry = Entry(
        at=int(at),
        trail=TrailId(bytes.fromhex(trail.decode())),
        seq=int(seq),
        prev=LeafHash(bytes.fromhex(prev.decode())),
        commitment=Commitment(bytes.fromhex(commitment.decode())),
    )
    in_range = entry.at <= MAX_INTEGER and entry.seq <= MAX_INTEGER
    if not in_range or (entry.seq == 0) != (entry.prev == ZERO_HASH):
        return Entry.decode(data)
    return entry


class TrailAudit:
    """Follows all trails at once, 88 bytes for each. ``stopped`` says that not all were followed."""

    def __init__(self, *, anchors: AnchorTable, findings: Findings) -> None:
        self._anchors = anchors
        self._findings = findings
        self._trails = CompactTable("QQ32s")
        self._bad: set[bytes] = set()
        # Entries that are missing and whose leaf hash nothing tells: as many numbers may be too.
        self._lost = 0
        self._last_at = 0
        self._read = self._early = 0
        self._first_early = MAX_INTEGER
        self.stopped = False

    def __len__(self) -> int:
        return len(self._trails)

    @property
    def entries_read(self) -> int:
        """Entries that were there and are what the log committed to."""
        return self._read

    @property
    def last_at(self) -> int:
        """Latest time of an entry."""
        return self._last_at

    def state(self, trail: bytes) -> State | None:
        """What the entries say of ``trail``."""
        return cast("State | None", self._trails.get(trail))

    def are_bad(self, count: int, *, last: bytes) -> bool:
        """Whether ``count`` entries that end with the leaf ``last`` were named by the tree's audit.

        What is lost altogether is counted off, so that it explains one trail's gap and no other's.
        """
        if last in self._bad:
            return True
        if count > self._lost:
            return False
        self._lost -= count
        self._bad.add(last)
        return True

    def feed(self, group: CheckedGroup) -> None:
        """Check the next group."""
        for at, (data, leaf) in enumerate(zip(group.entries, group.leaves, strict=True)):
            index = group.first + at
            if data is None:
                if not leaf:
                    self._lost += 1
                elif len(self._bad) < _MOST_BAD:
                    self._bad.add(leaf)
                continue
            try:
                entry = decode_entry(data)
            except FormatError as error:
                self._findings.add("entries", f"entry {index}", f"is malformed: {error}")
                continue
            self._read += 1
            self._time(index, entry.at)
            self._place(index, entry, leaf)

    def _time(self, index: int, at: int) -> None:
        if at < self._last_at:
            self._findings.add(
                "entries", f"entry {index}", f"its time {at} is before an earlier entry's"
            )
        self._last_at = max(self._last_at, at)
        window = self._anchors.window(index)
        if window is None:
            return
        before, after = window
        if at > after + TOLERANCE_MS:
            self._findings.add(
                "entries",
                f"entry {index}",
                f"is dated {at}, after the block {after} that anchors it",
            )
        elif at < before - LATE_ANCHOR_MS:
            self._early += 1
            self._first_early = min(self._first_early, index)

    def finish(self) -> None:
        """Say which times neither prove nor disprove anything; see ``core.check``."""
        if self._early:
            self._findings.unread(
                "entries",
                f"entries from {self._first_early} on, {self._early} in all, are dated long before the "
                "anchor that they came after: either that one was late, or they were back-dated",
            )

    def _place(self, index: int, entry: Entry, leaf: LeafHash) -> None:
        state = self.state(entry.trail)
        first, count, last = state if state is not None else (index, 0, ZERO_HASH)
        problem = self._problem(entry, count, last)
        if problem:
            self._findings.add("trails", f"entry {index}", problem)
        self._trails.put(entry.trail, first, entry.seq + 1, leaf)

    def _problem(self, entry: Entry, count: int, last: bytes) -> str:
        trail = f"{entry.trail.hex()[:16]}…"
        if entry.seq < count:
            return f"number {entry.seq} of trail {trail} was there before"
        if entry.seq > count and not self.are_bad(entry.seq - count, last=entry.prev):
            missing = f"{count}" if entry.seq == count + 1 else f"{count} to {entry.seq - 1}"
            return f"trail {trail} has no number {missing} before it"
        if entry.seq == count and entry.prev != last:
            return f"does not name the entry before it in trail {trail}"
        return ""
