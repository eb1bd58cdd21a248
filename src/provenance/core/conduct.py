"""Misconduct: signed words of one log that contradict each other.

One receipt can be in order while two cannot both be. Nothing here needs a chain: what an operator
signed twice is proof against the operator by itself. Only what a trusted key signed, and what is
proven to be in a tree that a trusted key signed, counts as the operator's word.
"""

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

    origin: str
    index: int
    entry: Entry
    leaf: LeafHash
    subject: str | None
    note: str


@dataclass(frozen=True, slots=True)
class _SignedHead:
    head: TrailHead
    note: str


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
    checkpoints: list[tuple[Checkpoint, str]] = []
    seen: list[_Seen] = []
    heads: list[_SignedHead] = []
    for receipt in receipts:
        for checkpoint, note, path in _signed_checkpoints(receipt, trust):
            checkpoints.append((checkpoint, note))
            entry = _proven(receipt, checkpoint, note, path)
            if entry is not None:
                seen.append(entry)
        heads += _signed_heads(receipt, trust)
    found = [
        *_forks(checkpoints),
        *_places(seen),
        *_trails(seen, heads),
        *_chains(seen),
        *_short_heads(heads),
        *_heads_against_entries(heads, seen),
        *_acknowledgements(acknowledgements, seen, trust),
    ]
    return list(dict.fromkeys(found))


def _signed_checkpoints(
    receipt: Receipt, trust: TrustFile
) -> Iterator[tuple[Checkpoint, str, tuple[bytes, ...]]]:
    for anchored in (receipt.anchored, *receipt.later):
        checkpoint = _signed(anchored.checkpoint, trust, Checkpoint.parse)
        if checkpoint is not None:
            yield checkpoint, anchored.checkpoint, anchored.path


def _signed_heads(receipt: Receipt, trust: TrustFile) -> Iterator[_SignedHead]:
    if receipt.trail_head is not None:
        head = _signed(receipt.trail_head, trust, TrailHead.parse)
        if head is not None:
            yield _SignedHead(head=head, note=receipt.trail_head)


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


def _proven(
    receipt: Receipt, checkpoint: Checkpoint, note: str, path: tuple[bytes, ...]
) -> _Seen | None:
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
        origin=checkpoint.origin,
        index=receipt.index,
        entry=receipt.entry,
        leaf=leaf,
        subject=subject,
        note=note,
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


def _forks(checkpoints: list[tuple[Checkpoint, str]]) -> Iterator[Misconduct]:
    for (one, note), (_, other_note) in _clashes(
        checkpoints,
        key=lambda item: (item[0].origin, item[0].size),
        value=lambda item: item[0].root,
    ):
        yield Misconduct(
            "fork", f"two roots of {one.origin} at size {one.size}", (note, other_note)
        )


def _places(seen: list[_Seen]) -> Iterator[Misconduct]:
    for one, other in _clashes(
        seen, key=lambda item: (item.origin, item.index), value=lambda item: item.leaf
    ):
        yield Misconduct(
            "two-entries-of-one-place",
            f"two entries at index {one.index}",
            (one.note, other.note),
        )
    for one, other in _clashes(
        seen,
        key=lambda item: (item.origin, item.entry.trail, item.entry.seq),
        value=lambda item: (item.leaf, item.index),
    ):
        yield Misconduct(
            "two-entries-of-one-place",
            f"two entries with seq {one.entry.seq} in trail {one.entry.trail.hex()}",
            (one.note, other.note),
        )


def _trails(seen: list[_Seen], heads: list[_SignedHead]) -> Iterator[Misconduct]:
    pairs = [
        (item.origin, item.subject, item.entry.trail, item.note)
        for item in seen
        if item.subject is not None
    ]
    pairs += [(item.head.origin, item.head.subject, item.head.trail, item.note) for item in heads]
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
        seen, key=lambda item: (item.origin, item.entry.trail, item.entry.seq, item.index)
    )
    for one, other in pairwise(ordered):
        if (one.origin, one.entry.trail) != (other.origin, other.entry.trail):
            continue
        notes = (one.note, other.note)
        if other.entry.seq > one.entry.seq and other.index <= one.index:
            yield Misconduct("order", "the index falls while seq rises", notes)
        if other.entry.seq == one.entry.seq + 1 and other.entry.prev != one.leaf:
            yield Misconduct(
                "broken-link", f"seq {other.entry.seq} does not name seq {one.entry.seq}", notes
            )
    by_index = sorted(seen, key=lambda item: (item.origin, item.index))
    for one, other in pairwise(by_index):
        if one.origin == other.origin and other.entry.at < one.entry.at:
            yield Misconduct(
                "time-runs-back",
                f"entry {other.index} is older than entry {one.index}",
                (one.note, other.note),
            )


def _short_heads(heads: list[_SignedHead]) -> Iterator[Misconduct]:
    ordered = sorted(
        heads,
        key=lambda item: (
            item.head.origin,
            item.head.subject,
            item.head.trail,
            item.head.anchored_size,
            item.head.count,
        ),
    )
    for one, other in pairwise(ordered):
        a, b = one.head, other.head
        if (a.origin, a.subject, a.trail) != (b.origin, b.subject, b.trail):
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


def _heads_against_entries(heads: list[_SignedHead], seen: list[_Seen]) -> Iterator[Misconduct]:
    by_trail: dict[Key, list[_Seen]] = {}
    for item in seen:
        by_trail.setdefault((item.origin, item.entry.trail), []).append(item)
    for signed in heads:
        for item in by_trail.get((signed.head.origin, signed.head.trail), ()):
            reason = head_contradiction(
                signed.head, index=item.index, seq=item.entry.seq, leaf=item.leaf
            )
            if reason:
                yield Misconduct("head-against-entry", reason, (signed.note, item.note))


def _acknowledgements(
    notes: Sequence[str], seen: list[_Seen], trust: TrustFile
) -> Iterator[Misconduct]:
    places = {(item.origin, item.index): item for item in seen}
    for note in notes:
        ack = _signed(note, trust, Acknowledgement.parse)
        if ack is None or ack.count > len(seen):
            continue
        range_ = range(ack.first_index, ack.first_index + ack.count)
        items = [places.get((ack.origin, index)) for index in range_]
        present = [item for item in items if item is not None]
        if len(present) != ack.count:
            continue
        if root_of(item.leaf for item in present) != ack.root:
            yield Misconduct(
                "broken-acknowledgement",
                f"entries {ack.first_index} to {range_[-1]} are not the acknowledged ones",
                (note, present[0].note),
            )
