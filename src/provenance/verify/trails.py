"""What a set of proven receipts shows of the trails that they are part of.

Rules: the entries of one trail are of one subject, their index rises with ``seq``, each names the
one before it, and with the longest trusted trail head they are gapless from 0 to its end. Entries
that were not given make a trail UNKNOWN (incomplete), not INVALID. A trail goes on in the log that
succeeds its own, and what that one signed above the size of its succession says nothing of it. Of
two heads that say as much, that of the receipt given first counts, so that one set has one verdict.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final

from provenance.core.errors import FormatError, ProofError
from provenance.core.jcs import JsonValue
from provenance.core.notes import TrailHead
from provenance.core.receipt import Receipt
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Verdict
from provenance.verify.signed import is_abandoned, lineage, open_trusted

_LISTED: Final = 8


@dataclass(frozen=True, slots=True)
class ProvenEntry:
    """A receipt whose entry is in the tree that a trusted key signed for ``origin``."""

    origin: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class TrailReport:
    """What the set shows of one trail. ``subject`` is empty where no receipt names it."""

    trail: bytes
    subject: str
    verdict: Verdict

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value = {"trail": self.trail.hex(), **self.verdict.to_json()}
        if self.subject:
            value["subject"] = self.subject
        return value


def trail_reports(proven: Iterable[ProvenEntry], trust: TrustFile | None) -> list[TrailReport]:
    """Verdicts on the trails of ``proven``, in the order in which they first occur."""
    groups: dict[tuple[str, bytes], list[Receipt]] = {}
    for item in proven:
        key = (lineage(item.origin, trust), item.receipt.entry.trail)
        groups.setdefault(key, []).append(item.receipt)
    return [_report(log, trail, receipts, trust) for (log, trail), receipts in groups.items()]


def _report(
    log: str, trail: bytes, receipts: Sequence[Receipt], trust: TrustFile | None
) -> TrailReport:
    head = _longest_head(log, trail, receipts, trust)
    subjects = {item.statement.subject for item in receipts if item.statement is not None}
    if head is not None:
        subjects.add(head.subject)
    verdict = Verdict("trail", *_finding(receipts, subjects, head))
    return TrailReport(trail=trail, subject=min(subjects, default=""), verdict=verdict)


def _longest_head(
    log: str, trail: bytes, receipts: Iterable[Receipt], trust: TrustFile | None
) -> TrailHead | None:
    heads: list[TrailHead] = []
    # Many receipts share a trail head; a set would give them in another order in each run.
    notes = dict.fromkeys(item.trail_head for item in receipts if item.trail_head is not None)
    for note in notes:
        try:
            head = open_trusted(note, trust, TrailHead.parse)
        except (FormatError, ProofError):
            continue
        if is_abandoned(head.origin, head.anchored_size, trust):
            continue
        if lineage(head.origin, trust) == log and head.trail == trail:
            heads.append(head)
    return max(heads, key=lambda head: (head.count, head.anchored_size), default=None)


def _finding(
    receipts: Sequence[Receipt], subjects: set[str], head: TrailHead | None
) -> tuple[Outcome, str]:
    if len(subjects) > 1:
        return Outcome.INVALID, "one trail is of more than one subject"
    by_seq: dict[int, Receipt] = {}
    for receipt in receipts:
        other = by_seq.setdefault(receipt.entry.seq, receipt)
        if (other.index, other.entry) != (receipt.index, receipt.entry):
            return Outcome.INVALID, f"two entries have number {receipt.entry.seq}"
    broken = _broken_order([by_seq[seq] for seq in sorted(by_seq)])
    if broken:
        return Outcome.INVALID, broken
    return _completeness(by_seq, head)


def _broken_order(ordered: Sequence[Receipt]) -> str:
    for before, after in pairwise(ordered):
        if after.index <= before.index:
            return f"number {after.entry.seq} stands before an earlier number in the log"
        follows = after.entry.seq == before.entry.seq + 1
        if follows and after.entry.prev != before.entry.leaf_hash():
            return f"number {after.entry.seq} does not name the entry before it"
    return ""


def _completeness(by_seq: dict[int, Receipt], head: TrailHead | None) -> tuple[Outcome, str]:
    if head is None:
        return Outcome.UNKNOWN, "no trusted trail head says how long the trail is"
    if max(by_seq) >= head.count:
        return Outcome.UNKNOWN, "the trail head is older than the newest receipt given"
    if len(by_seq) < head.count:
        missing = (seq for seq in range(head.count) if seq not in by_seq)
        listed = ", ".join(str(seq) for seq in islice(missing, _LISTED))
        more = " …" if head.count - len(by_seq) > _LISTED else ""
        return Outcome.UNKNOWN, (
            f"incomplete: {len(by_seq)} of {head.count} entries were given; "
            f"missing numbers {listed}{more}"
        )
    if by_seq[head.count - 1].entry.leaf_hash() != head.last_leaf:
        return Outcome.INVALID, "the trail head ends in another entry"
    return Outcome.VALID, (
        f"complete: all {head.count} entries as of size {head.anchored_size}, in order and linked"
    )
