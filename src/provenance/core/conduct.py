"""Misconduct: signed words of one log that contradict each other.

One receipt can be in order while two cannot both be. Nothing here needs a chain: what an operator
signed twice is proof against the operator by itself. Only what a trusted key signed, and what is
proven to be in a tree that a trusted key signed, counts as the operator's word.

A log and those that carry it on are one line: indexes, leaves and trails go on in the successor,
and so does the operator's word. What a log signed above the size of its succession is void, and
is compared with nothing but its like.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from provenance.core.check import head_contradiction
from provenance.core.digests import LeafHash
from provenance.core.entry import Entry
from provenance.core.errors import FormatError, ProofError
from provenance.core.jcs import JsonValue
from provenance.core.notes import (
    Acknowledgement,
    Checkpoint,
    TrailHead,
    open_note,
    split_note,
)
from provenance.core.receipt import Receipt
from provenance.core.statement import statement_commitment
from provenance.core.tree import root_of, verify_inclusion
from provenance.core.trustfile import TrustFile

T = TypeVar("T")
Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Misconduct:
    """Two signed notes of one log that cannot both be honest, and why."""

    kind: str
    reason: str
    notes: tuple[str, str]

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"kind": self.kind, "reason": self.reason, "notes": list(self.notes)}


@dataclass(frozen=True, slots=True)
class _Seen:
    """An entry that is proven to be in a tree which a trusted key signed."""

    line: str
    index: int
    entry: Entry
    leaf: LeafHash
    subject: str | None
    note: str


@dataclass(frozen=True, slots=True)
class _SignedHead:
    line: str
    head: TrailHead
    note: str


@dataclass(frozen=True, slots=True)
class _SignedCheckpoint:
    line: str
    checkpoint: Checkpoint
    note: str


class _Lines:
    """Which line of logs a signed word belongs to."""

    def __init__(self, trust: TrustFile) -> None:
        followed = [(log.origin, log.successor) for log in trust.logs if log.successor is not None]
        self._before = {successor.origin: origin for origin, successor in followed}
        self._until = {origin: successor.size for origin, successor in followed}

    def root(self, origin: str) -> str:
        """First log of the line."""
        passed: set[str] = set()
        while origin in self._before and origin not in passed:
            passed.add(origin)
            origin = self._before[origin]
        return origin

    def of(self, origin: str, size: int) -> str:
        """Line of what ``origin`` signed about its tree of ``size``."""
        if size > self._until.get(origin, size):
            return f"{origin} above {self._until[origin]}"
        return self.root(origin)


def find_misconduct(
    receipts: Sequence[Receipt],
    trust: TrustFile,
    *,
    acknowledgements: Sequence[str] = (),
) -> list[Misconduct]:
    """Contradictions among ``receipts`` and signed ``acknowledgements``.

    What no trusted key signed, or what is not proven, is passed over: it is a matter of the single
    check, and nobody's word.
    """
    lines = _Lines(trust)
    # Keyed by what is signed, so that copies of one word are compared once, however often the
    # receipts repeat it.
    checkpoints: dict[Checkpoint, _SignedCheckpoint] = {}
    seen: dict[Key, _Seen] = {}
    heads: dict[TrailHead, _SignedHead] = {}
    for receipt in receipts:
        for signed, path in _signed_checkpoints(receipt, trust, lines):
            checkpoints.setdefault(signed.checkpoint, signed)
            entry = _proven(receipt, signed, path)
            if entry is not None:
                seen.setdefault((entry.line, entry.index, entry.leaf, entry.subject), entry)
        head = _signed_head(receipt, trust, lines)
        if head is not None:
            heads.setdefault(head.head, head)
    entries, signed_heads = list(seen.values()), list(heads.values())
    found = [
        *_forks(checkpoints.values()),
        *_places(entries),
        *_trails(entries, signed_heads),
        *_chains(entries),
        *_short_heads(signed_heads),
        *_heads_against_entries(signed_heads, entries),
        *_acknowledgements(acknowledgements, entries, trust, lines),
    ]
    return list(dict.fromkeys(found))


def _signed_checkpoints(
    receipt: Receipt, trust: TrustFile, lines: _Lines
) -> Iterator[tuple[_SignedCheckpoint, tuple[bytes, ...]]]:
    for anchored in (receipt.anchored, *receipt.later):
        checkpoint = _signed(anchored.checkpoint, trust, Checkpoint.parse)
        if checkpoint is not None:
            line = lines.of(checkpoint.origin, checkpoint.size)
            yield _SignedCheckpoint(line, checkpoint, anchored.checkpoint), anchored.path


def _signed_head(receipt: Receipt, trust: TrustFile, lines: _Lines) -> _SignedHead | None:
    if receipt.trail_head is None:
        return None
    head = _signed(receipt.trail_head, trust, TrailHead.parse)
    if head is None:
        return None
    return _SignedHead(lines.of(head.origin, head.anchored_size), head, receipt.trail_head)


def _signed(note: str, trust: TrustFile, parse: Callable[[str], T]) -> T | None:
    try:
        text = split_note(note).text
        log = trust.log(text.partition("\n")[0])
        if log is None:
            return None
        open_note(note, log.keys)
        return parse(text)
    except (FormatError, ProofError):
        return None


def _proven(receipt: Receipt, signed: _SignedCheckpoint, path: tuple[bytes, ...]) -> _Seen | None:
    checkpoint = signed.checkpoint
    leaf = receipt.entry.leaf_hash()
    try:
        verify_inclusion(
            leaf, index=receipt.index, size=checkpoint.size, path=path, root=checkpoint.root
        )
    except ProofError:
        return None
    subject: str | None = None
    if receipt.statement is not None and receipt.salt is not None:
        opened = statement_commitment(receipt.statement.encode(), salt=receipt.salt)
        if opened == receipt.entry.commitment:
            subject = receipt.statement.subject
    return _Seen(
        line=signed.line,
        index=receipt.index,
        entry=receipt.entry,
        leaf=leaf,
        subject=subject,
        note=signed.note,
    )


def _clashes(
    items: Iterable[T], *, key: Callable[[T], Key], value: Callable[[T], object]
) -> Iterator[tuple[T, T]]:
    """Pairs of items that agree in ``key`` and differ in ``value``."""
    first: dict[Key, T] = {}
    for item in items:
        other = first.setdefault(key(item), item)
        if value(other) != value(item):
            yield other, item


def _forks(checkpoints: Iterable[_SignedCheckpoint]) -> Iterator[Misconduct]:
    for one, other in _clashes(
        checkpoints,
        key=lambda item: (item.line, item.checkpoint.size),
        value=lambda item: item.checkpoint.root,
    ):
        yield Misconduct(
            "fork",
            f"two roots of {one.checkpoint.origin} at size {one.checkpoint.size}",
            (one.note, other.note),
        )


def _places(seen: list[_Seen]) -> Iterator[Misconduct]:
    for one, other in _clashes(
        seen, key=lambda item: (item.line, item.index), value=lambda item: item.leaf
    ):
        yield Misconduct(
            "two-entries-of-one-place",
            f"two entries at index {one.index}",
            (one.note, other.note),
        )
    for one, other in _clashes(
        seen,
        key=lambda item: (item.line, item.entry.trail, item.entry.seq),
        value=lambda item: (item.leaf, item.index),
    ):
        yield Misconduct(
            "two-entries-of-one-place",
            f"two entries with seq {one.entry.seq} in trail {one.entry.trail.hex()}",
            (one.note, other.note),
        )


def _trails(seen: list[_Seen], heads: list[_SignedHead]) -> Iterator[Misconduct]:
    pairs = [
        (item.line, item.subject, item.entry.trail, item.note)
        for item in seen
        if item.subject is not None
    ]
    pairs += [(item.line, item.head.subject, item.head.trail, item.note) for item in heads]
    for one, other in _clashes(
        pairs, key=lambda item: (item[0], item[1]), value=lambda item: item[2]
    ):
        yield Misconduct("two-trails-of-one-subject", f"two trails of {one[1]}", (one[3], other[3]))
    for one, other in _clashes(
        pairs, key=lambda item: (item[0], item[2]), value=lambda item: item[1]
    ):
        yield Misconduct(
            "two-subjects-of-one-trail",
            f"trail {one[2].hex()} is of two subjects",
            (one[3], other[3]),
        )


def _chains(seen: list[_Seen]) -> Iterator[Misconduct]:
    ordered = sorted(
        seen, key=lambda item: (item.line, item.entry.trail, item.entry.seq, item.index)
    )
    for one, other in pairwise(ordered):
        if (one.line, one.entry.trail) != (other.line, other.entry.trail):
            continue
        notes = (one.note, other.note)
        if other.index - one.index < other.entry.seq - one.entry.seq:
            yield Misconduct(
                "order",
                f"seq {other.entry.seq} at index {other.index} leaves no room for what follows "
                f"seq {one.entry.seq} at index {one.index}",
                notes,
            )
        if other.entry.seq == one.entry.seq + 1 and other.entry.prev != one.leaf:
            yield Misconduct(
                "broken-link", f"seq {other.entry.seq} does not name seq {one.entry.seq}", notes
            )
    by_index = sorted(seen, key=lambda item: (item.line, item.index))
    for one, other in pairwise(by_index):
        if one.line == other.line and other.entry.at < one.entry.at:
            yield Misconduct(
                "time-runs-back",
                f"entry {other.index} is older than entry {one.index}",
                (one.note, other.note),
            )


def _short_heads(heads: list[_SignedHead]) -> Iterator[Misconduct]:
    def key(item: _SignedHead) -> tuple[str, str, bytes]:
        return item.line, item.head.subject, item.head.trail

    ordered = sorted(heads, key=lambda item: (*key(item), item.head.anchored_size, item.head.count))
    for one, other in pairwise(ordered):
        a, b = one.head, other.head
        if key(one) != key(other):
            continue
        notes = (one.note, other.note)
        if b.count < a.count:
            yield Misconduct("shorter-head", f"the trail of {a.subject} became shorter", notes)
        elif a.anchored_size == b.anchored_size and a.count != b.count:
            yield Misconduct(
                "shorter-head", f"two lengths at size {a.anchored_size} for {a.subject}", notes
            )
        elif a.count == b.count and a.last_leaf != b.last_leaf:
            yield Misconduct("two-heads", f"two last entries of {a.subject}", notes)


def _index(item: _Seen) -> int:
    return item.index


def _heads_against_entries(heads: list[_SignedHead], seen: list[_Seen]) -> Iterator[Misconduct]:
    # Where seq rises with index, an entry that a head contradicts is beside the head's size, or one
    # that is contradicts it too; where it does not, the entries contradict each other. Comparing
    # every pair would take hours for as many heads and entries as a dossier may have.
    by_trail: dict[Key, list[_Seen]] = {}
    for item in sorted(seen, key=_index):
        by_trail.setdefault((item.line, item.entry.trail), []).append(item)
    for signed in heads:
        trail = by_trail.get((signed.line, signed.head.trail), [])
        at = bisect_left(trail, signed.head.anchored_size, key=_index)
        for item in trail[max(at - 1, 0) : at + 1]:
            reason = head_contradiction(signed.head, index=item.index, entry=item.entry)
            if reason:
                yield Misconduct("head-against-entry", reason, (signed.note, item.note))


def _acknowledgements(
    notes: Sequence[str], seen: list[_Seen], trust: TrustFile, lines: _Lines
) -> Iterator[Misconduct]:
    # A promise outlives a succession: it is held against the whole line.
    promises: dict[Acknowledgement, str] = {}
    for note in notes:
        ack = _signed(note, trust, Acknowledgement.parse)
        if ack is not None:
            promises.setdefault(ack, note)
    for (one, note), (_, other_note) in _clashes(
        promises.items(),
        key=lambda item: (lines.root(item[0].origin), item[0].first_index, item[0].count),
        value=lambda item: (item[0].root, item[0].at),
    ):
        yield Misconduct(
            "broken-acknowledgement",
            f"two promises for the {one.count} entries from index {one.first_index}",
            (note, other_note),
        )
    places = {(item.line, item.index): item for item in seen}
    by_index = sorted((item.index, item.line) for item in seen)
    for ack, note in promises.items():
        line, end = lines.root(ack.origin), ack.first_index + ack.count
        span = by_index[
            bisect_left(by_index, (ack.first_index, "")) : bisect_left(by_index, (end, ""))
        ]
        items = [places[line, index] for index, of_line in dict.fromkeys(span) if of_line == line]
        for item in items:
            if item.entry.at != ack.at:
                yield Misconduct(
                    "broken-acknowledgement",
                    f"entry {item.index} was acknowledged with another time",
                    (note, item.note),
                )
        if len(items) == ack.count and root_of(item.leaf for item in items) != ack.root:
            yield Misconduct(
                "broken-acknowledgement",
                f"entries {ack.first_index} to {end - 1} are not the acknowledged ones",
                (note, items[0].note),
            )
