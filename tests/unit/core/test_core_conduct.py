"""Misconduct: built with real signatures and real trees, one kind at a time, and honest logs."""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.small_log import OTHER, PARCEL, START_MS, SmallLog, seeded_signer, succession
from provenance.core import conduct
from provenance.core.check import head_contradiction
from provenance.core.conduct import Misconduct, find_misconduct
from provenance.core.digests import Commitment, LeafHash, RootHash, TrailId
from provenance.core.entry import Entry
from provenance.core.notes import TrailHead, open_note, split_note
from provenance.core.receipt import Receipt
from provenance.core.tree import root_of


def kinds(log: SmallLog, *receipts: Receipt, acknowledgements: tuple[str, ...] = ()) -> set[str]:
    """Kinds of misconduct; each must be backed by two notes with trusted signatures."""
    found = find_misconduct(receipts, log.trust(), acknowledgements=acknowledgements)
    assert_signed(log, found)
    return {misconduct.kind for misconduct in found}


def assert_signed(log: SmallLog, found: list[Misconduct]) -> None:
    keys = log.trust().logs[0].keys
    for misconduct in found:
        assert len(misconduct.notes) == 2
        for note in misconduct.notes:
            open_note(note, keys)
        assert misconduct.to_json()["reason"]


def honest_log(count: int = 10) -> SmallLog:
    log = SmallLog().fill(count, PARCEL, OTHER)
    log.anchor()
    return log


def test_an_honest_log_gives_none() -> None:
    log = honest_log()
    receipts = [log.receipt(index) for index in range(10)]
    acks = (log.acknowledgement(2, 1), log.acknowledgement(4, 1))
    assert kinds(log, *receipts, acknowledgements=acks) == set()


def test_two_trails_of_one_subject() -> None:
    log = honest_log(3)
    log.append(PARCEL, trail=bytes([7]) * 32)
    log.anchor()
    assert "two-trails-of-one-subject" in kinds(
        log, log.receipt(0), log.receipt(3, trail_head=None)
    )


def test_two_trails_of_one_subject_in_two_trail_heads() -> None:
    log = honest_log(4)
    other = log.trail_head(PARCEL, trail=TrailId(bytes([7]) * 32), size=4)
    found = kinds(log, log.receipt(0), log.receipt(2, trail_head=other))
    assert found == {"two-trails-of-one-subject"}


def test_two_subjects_of_one_trail() -> None:
    log = honest_log(2)
    log.append("urn:other:1", trail=log.trail(PARCEL))
    log.anchor()
    found = kinds(log, log.receipt(0, trail_head=None), log.receipt(2, trail_head=None))
    assert found == {"two-subjects-of-one-trail"}


def test_two_entries_at_one_index() -> None:
    log = honest_log(6)
    fork = log.fork(4).fill(3, "urn:forked:1")
    fork.anchor(7)
    found = kinds(log, log.receipt(4), fork.receipt(4))
    assert found == {"two-entries-of-one-place"}


def test_two_entries_with_one_seq() -> None:
    log = honest_log(4)
    log.append(PARCEL, seq=1, prev=log.entries[2].prev)
    log.anchor()
    found = kinds(log, log.receipt(2, trail_head=None), log.receipt(4, trail_head=None))
    assert "two-entries-of-one-place" in found


def test_a_fork() -> None:
    log = honest_log(6)
    fork = log.fork(3)
    fork.fill(3, "urn:forked:1").anchor(6)
    found = kinds(log, log.receipt(0), fork.receipt(1))
    assert found == {"fork"}


def test_a_fork_between_later_anchors() -> None:
    log = honest_log(4)
    fork = log.fork(4).fill(2, "urn:forked:1")
    log.fill(2).anchor(6)
    fork.anchor(6)
    found = kinds(log, log.receipt(0, later=[6]), fork.receipt(0, later=[6]))
    assert "fork" in found


def test_a_broken_link() -> None:
    log = honest_log(2)
    log.append(PARCEL, prev=bytes([9]) * 32)
    log.anchor()
    assert kinds(log, log.receipt(0), log.receipt(2)) == {"broken-link"}


def test_an_order_that_leaves_no_room() -> None:
    log = honest_log(2)
    log.append(PARCEL, seq=4, prev=bytes([9]) * 32)
    log.anchor()
    found = kinds(log, log.receipt(0, trail_head=None), log.receipt(2, trail_head=None))
    assert found == {"order"}


def test_a_clock_that_runs_back() -> None:
    log = honest_log(3)
    log.append("urn:late:1", at=START_MS - 1)
    log.anchor()
    assert kinds(log, log.receipt(1), log.receipt(3)) == {"time-runs-back"}


def test_a_head_that_is_shorter_than_an_earlier_one() -> None:
    log = honest_log(6)
    before = log.receipt(4)
    log.append(OTHER)
    log.anchor()
    shorter = log.trail_head(PARCEL, count=2, last_leaf=log.leaves[2])
    assert kinds(log, before, log.receipt(0, trail_head=shorter)) >= {"shorter-head"}


def test_a_shorter_head_in_any_order_of_the_receipts() -> None:
    log = honest_log(6)
    before = log.receipt(0)
    log.append(OTHER)
    log.anchor()
    after = log.receipt(0, trail_head=log.trail_head(PARCEL, count=2, last_leaf=log.leaves[2]))
    assert kinds(log, before, after) == kinds(log, after, before) == {"shorter-head"}


def test_two_lengths_at_one_size() -> None:
    log = honest_log(6)
    other = log.trail_head(PARCEL, count=2, last_leaf=log.leaves[2])
    assert "shorter-head" in kinds(log, log.receipt(0), log.receipt(0, trail_head=other))


def test_two_last_entries() -> None:
    log = honest_log(6)
    other = log.trail_head(PARCEL, last_leaf=LeafHash(bytes([3]) * 32))
    assert "two-heads" in kinds(log, log.receipt(0), log.receipt(2, trail_head=other))


@pytest.mark.parametrize(
    ("changes", "index"),
    [
        pytest.param({"count": 2}, 4, id="leaves an entry out"),
        pytest.param({"last_leaf": bytes([3]) * 32}, 4, id="ends in another entry"),
        pytest.param({"anchored_size": 4}, 4, id="counts what was not anchored"),
        pytest.param(
            {"anchored_size": 3, "count": 2, "last_leaf": bytes([3]) * 32},
            4,
            id="is followed by an entry that names another",
        ),
    ],
)
def test_a_head_against_an_entry(changes: dict[str, Any], index: int) -> None:
    log = honest_log(6)
    lying = log.receipt(0, trail_head=log.trail_head(PARCEL, **changes))
    assert kinds(log, lying, log.receipt(index, trail_head=None)) == {"head-against-entry"}


def test_many_heads_of_one_trail_are_not_held_against_each_of_its_entries() -> None:
    log = SmallLog().fill(60, PARCEL)
    log.anchor()
    sizes = range(60, 110)
    heads = [log.trail_head(PARCEL, count=60, anchored_size=size) for size in sizes]
    receipts = [log.receipt(at, trail_head=heads[at % len(heads)]) for at in range(60)]
    compared = 0

    def counting(head: TrailHead, *, index: int, entry: Entry) -> str:
        nonlocal compared
        compared += 1
        return head_contradiction(head, index=index, entry=entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conduct, "head_contradiction", counting)
        assert kinds(log, *receipts) == set()
    assert compared <= 2 * len(heads)


def test_a_broken_acknowledgement() -> None:
    log = honest_log(4)
    lost = log.fork(2).fill(2, "urn:lost:1")
    ack = lost.acknowledgement(2, 1)
    assert kinds(log, log.receipt(2), acknowledgements=(ack,)) == {"broken-acknowledgement"}


def test_acknowledged_entries_that_changed_places() -> None:
    log = SmallLog()
    for subject in (PARCEL, OTHER):
        log.append(subject, at=START_MS)
    log.anchor()
    ack = log.acknowledgement(0, 2, root=root_of(log.leaves[::-1]))
    receipts = [log.receipt(0), log.receipt(1)]
    assert kinds(log, *receipts, acknowledgements=(ack,)) == {"broken-acknowledgement"}
    assert kinds(log, *receipts, acknowledgements=(log.acknowledgement(0, 2),)) == set()


def test_an_acknowledged_time_that_changed() -> None:
    log = honest_log(4)
    ack = log.acknowledgement(2, 1, at=log.entries[2].at - 1)
    assert kinds(log, log.receipt(2), acknowledgements=(ack,)) == {"broken-acknowledgement"}


def test_two_promises_for_one_place() -> None:
    log = honest_log(4)
    acks = (log.acknowledgement(2, 2), log.acknowledgement(2, 2, root=RootHash(bytes(32))))
    assert kinds(log, acknowledgements=acks) == {"broken-acknowledgement"}


def test_a_promise_repeated_under_a_new_key_is_no_misconduct() -> None:
    log = honest_log(4)
    new = seeded_signer(log.origin, "new")
    text = split_note(log.acknowledgement(2, 1)).text
    again = text + "\n" + new.signature_line(text.encode())
    trust = log.trust(keys=(log.signers[0].verifier(), new.verifier()))
    assert find_misconduct([], trust, acknowledgements=[log.acknowledgement(2, 1), again]) == []


def test_what_no_trusted_key_signed_is_nobodys_word() -> None:
    log = honest_log(6)
    stranger = SmallLog(seed="stranger").fill(6, "urn:forked:1")
    stranger.anchor(6)
    head = stranger.sign(split_note(log.trail_head(PARCEL, count=1)).text)
    receipts = [log.receipt(0), stranger.receipt(0), log.receipt(1, trail_head=head)]
    assert kinds(log, *receipts, acknowledgements=(stranger.acknowledgement(0, 2),)) == set()


def test_what_is_not_proven_is_nobodys_word() -> None:
    log = honest_log(6)
    forged = log.receipt(
        1, entry=replace(log.entries[1], commitment=Commitment(bytes(32))), trail_head=None
    )
    assert kinds(log, log.receipt(1), forged) == set()


def test_a_subject_that_does_not_open_the_commitment_is_nobodys_word() -> None:
    log = honest_log(6)
    statement = replace(log.records[0].statement, subject="urn:slander:1")
    slander = log.receipt(0, statement=statement, trail_head=None)
    assert kinds(log, log.receipt(0), slander) == set()


class TestSuccession:
    """A log and the one that carries it on are one line."""

    def logs(self) -> tuple[SmallLog, SmallLog]:
        old = honest_log(6)
        new = old.succeed(6).fill(4, PARCEL, OTHER)
        new.anchor()
        return old, new

    def test_an_honest_one_gives_none(self) -> None:
        old, new = self.logs()
        receipts = [*map(old.receipt, range(6)), *map(new.receipt, range(6, 10))]
        acks = [old.acknowledgement(0, 1), new.acknowledgement(7, 1)]
        trust = succession(old, new)
        assert find_misconduct(receipts, trust, acknowledgements=acks) == []

    def test_the_successor_cannot_begin_a_second_trail(self) -> None:
        old, new = self.logs()
        new.append(PARCEL, trail=bytes([7]) * 32)
        new.anchor()
        receipts = [old.receipt(0), new.receipt(10, trail_head=None)]
        found = find_misconduct(receipts, succession(old, new))
        assert {item.kind for item in found} == {"two-trails-of-one-subject"}

    def test_the_successor_keeps_what_was_acknowledged(self) -> None:
        old, new = self.logs()
        old.append("urn:lost:1")
        found = find_misconduct(
            [new.receipt(6)], succession(old, new), acknowledgements=[old.acknowledgement(6, 1)]
        )
        assert {item.kind for item in found} == {"broken-acknowledgement"}

    def test_what_a_stolen_key_anchored_above_the_succession_is_void(self) -> None:
        old, new = self.logs()
        old.fill(4, "urn:garbage:1").anchor()
        receipts = [old.receipt(7), *map(new.receipt, range(6, 10))]
        assert find_misconduct(receipts, succession(old, new)) == []


def test_copies_of_one_head_are_compared_once() -> None:
    """Unknown signature lines make many notes of one head; that must not multiply the work."""
    log = honest_log(6)
    note = log.trail_head(PARCEL)
    witness = seeded_signer("witness.example/w", "w")
    copies = [note, note + witness.signature_line(note.encode())]
    lying = log.trail_head(PARCEL, count=2, last_leaf=log.leaves[2])
    receipts = [log.receipt(0, trail_head=head) for head in (*copies, lying)]
    found = find_misconduct(receipts, log.trust())
    assert len([item for item in found if item.kind == "shorter-head"]) == 1
    assert TrailHead.parse(split_note(copies[1]).text) == TrailHead.parse(split_note(note).text)
