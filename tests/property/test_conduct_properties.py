"""An honest log never looks like misconduct, whatever of it is shown, and in whatever order."""

from hypothesis import given
from hypothesis import strategies as st

from fixtures.small_log import SmallLog, succession
from provenance.core.check import check_receipt, head_contradiction
from provenance.core.conduct import find_misconduct
from provenance.core.notes import TrailHead, split_note
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome

SUBJECTS = ["urn:a:1", "urn:a:2", "urn:a:3"]


@st.composite
def honest_logs(draw: st.DrawFn, log: SmallLog | None = None) -> SmallLog:
    """A log of some subjects, anchored now and then and at the end."""
    log = SmallLog() if log is None else log
    for subject in draw(st.lists(st.sampled_from(SUBJECTS), min_size=1, max_size=12)):
        log.append(subject)
        if draw(st.booleans()):
            log.anchor()
    if not log.anchors or log.anchors[-1] != log.size:
        log.anchor()
    return log


def draw_receipts(data: st.DataObject, log: SmallLog) -> list[Receipt]:
    """Receipts as they were given out at any time, with the heads and later anchors of then."""
    receipts = []
    for index in data.draw(st.lists(st.integers(log.start, log.size - 1), max_size=8)):
        covering = [size for size in log.anchors if size > index]
        then = data.draw(st.sampled_from(covering))
        later = [size for size in covering[1:] if size <= then and data.draw(st.booleans())]
        subject = log.records[index].statement.subject
        head = log.trail_head(subject, size=then)
        receipts.append(log.receipt(index, later=later, trail_head=head))
    return receipts


@given(honest_logs(), st.data())
def test_an_honest_log_gives_no_misconduct_and_valid_receipts(
    log: SmallLog, data: st.DataObject
) -> None:
    receipts = draw_receipts(data, log)
    acks = [
        log.acknowledgement(index, 1)
        for index in data.draw(st.lists(st.integers(0, log.size - 1), max_size=3))
    ]
    assert find_misconduct(receipts, log.trust(), acknowledgements=acks) == []
    for receipt in receipts:
        assert check_receipt(receipt, log.evidence(receipt)).outcome is Outcome.VALID


@given(honest_logs(), st.data())
def test_an_honest_succession_gives_none(log: SmallLog, data: st.DataObject) -> None:
    new = data.draw(honest_logs(log.succeed(log.anchors[-1])))
    receipts = [*draw_receipts(data, log), *draw_receipts(data, new)]
    mixed = data.draw(st.permutations(receipts))
    assert find_misconduct(mixed, succession(log, new)) == []


@given(st.data(), st.lists(st.integers(0, 4), min_size=2, max_size=6))
def test_whatever_a_head_contradicts_is_misconduct(data: st.DataObject, seqs: list[int]) -> None:
    """Entries of one trail in any order, of which some are shown, and a head of any length."""
    log = SmallLog()
    for seq in seqs:
        log.append(SUBJECTS[0], seq=seq)
    log.anchor()
    numbers = sorted(data.draw(st.sets(st.integers(0, log.size - 1), min_size=1)))
    ends = data.draw(st.sampled_from(log.leaves))
    count, size = data.draw(st.tuples(st.integers(1, 5), st.integers(1, log.size + 1)))
    note = log.trail_head(SUBJECTS[0], count=count, last_leaf=ends, anchored_size=max(size, count))
    head = TrailHead.parse(split_note(note).text)
    receipts = [log.receipt(index, trail_head=note) for index in numbers]
    contradicted = any(
        head_contradiction(head, index=index, entry=log.entries[index]) for index in numbers
    )
    found = find_misconduct(receipts, log.trust())
    assert found or not contradicted
    if all(item.kind == "head-against-entry" for item in found):
        assert bool(found) == contradicted
