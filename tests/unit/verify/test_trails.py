"""Which of several trail heads says how long a trail is."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pytest

from fixtures.abandoned_heads import CUT, END, CarriedOn, abandoned_heads, carried_on
from fixtures.small_log import SmallLog
from provenance.core.check import Evidence
from provenance.core.digests import LeafHash
from provenance.core.receipt import Receipt
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.dossier.run import verify_dossier
from provenance.verify.sets import ReadReceipt, SetReport, judge

LOGS = list(abandoned_heads())


def judged(receipts: Sequence[Receipt], trust: TrustFile) -> SetReport:
    """What the set shows, no chain being asked."""
    items = [
        ReadReceipt(str(number), receipt, Evidence(trust=trust, facts=None))
        for number, receipt in enumerate(receipts)
    ]
    return judge(items, trust=trust)


@pytest.mark.parametrize("log", [row[1] for row in LOGS], ids=[row[0] for row in LOGS])
def test_a_head_from_above_a_succession_says_nothing_of_the_trail(log: CarriedOn) -> None:
    whole = log.receipts()
    for receipts in (whole, [log.kept(0), *whole], [*whole, log.kept(1)]):
        report = judged(receipts, log.trust)
        [trail] = report.trails
        assert trail.verdict.outcome is Outcome.VALID, trail
        assert trail.verdict.reason.startswith(f"complete: all {END} entries as of size {END},")
        assert report.misconduct == ()


@pytest.mark.parametrize("log", [row[1] for row in LOGS], ids=[row[0] for row in LOGS])
def test_nor_does_it_in_a_dossier(log: CarriedOn) -> None:
    report = verify_dossier(io.BytesIO(log.dossier()), trust=log.trust, vouches={})
    [history] = [check for check in report.checks if check.check == "history"]
    assert (history.outcome, history.reason) == (Outcome.VALID, "whole and gapless trails: 1")


def test_a_head_of_the_size_of_the_succession_still_counts() -> None:
    log = carried_on()
    receipts = [log.old.receipt(index) for index in range(CUT)]
    [trail] = judged(receipts, log.trust).trails
    assert trail.verdict.outcome is Outcome.VALID
    assert trail.verdict.reason.startswith(f"complete: all {CUT} entries as of size {CUT},")


def test_of_heads_that_say_as_much_that_of_the_first_receipt_counts() -> None:
    """They are misconduct; what else is said of the trail is the same in each run."""
    log = SmallLog().fill(8)
    log.anchor()
    heads = [log.trail_head()]
    heads += [log.trail_head(last_leaf=LeafHash(bytes([at]) * 32)) for at in range(1, 8)]
    for shift in range(8):
        turned = heads[shift:] + heads[:shift]
        receipts = [
            replace(log.receipt(index), trail_head=head) for index, head in enumerate(turned)
        ]
        report = judged(receipts, log.trust())
        [trail] = report.trails
        assert trail.verdict.outcome is (Outcome.INVALID if shift else Outcome.VALID)
        assert report.misconduct
