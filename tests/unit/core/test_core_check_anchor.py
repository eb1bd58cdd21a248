"""The verdicts of a receipt that the chain has a say in, and each way in which they come about."""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.findings import finding, with_anchor
from fixtures.small_log import SmallLog, succession
from provenance.core.check import LATE_ANCHOR_MS, TOLERANCE_MS, check_receipt
from provenance.core.receipt import AnchorRecord
from provenance.core.trustfile import Successor
from provenance.core.verdict import Outcome

VALID, INVALID, UNKNOWN = Outcome.VALID, Outcome.INVALID, Outcome.UNKNOWN
ZEROS = bytes(32)


class TestAnchor:
    @pytest.mark.parametrize(
        "changes",
        [
            {"size": 9},
            {"old_size": 5},
            {"log_id": ZEROS},
            {"chain_id": 1},
            {"genesis_hash": ZEROS},
            {"contract": bytes(20)},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_an_anchor_that_is_not_this_logs_is_invalid(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        receipt = with_anchor(log.receipt(4), **changes)
        assert finding("anchor", receipt, log, log.evidence(log.receipt(4)))[0] is INVALID

    def test_an_anchor_that_is_not_the_first_is_invalid(self, log: SmallLog) -> None:
        receipt = replace(log.receipt(4), anchored=log.anchored(4, 12))
        outcome, reason = finding("anchor", receipt, log)
        assert (outcome, "not the first" in reason) == (INVALID, True)

    def test_another_old_size_than_the_chains_is_invalid(self, log: SmallLog) -> None:
        receipt = log.receipt(4)
        assert finding("anchor", with_anchor(receipt, old_size=2), log)[0] is INVALID

    @pytest.mark.parametrize(
        "changes",
        [{"code_hash": ZEROS}, {"root": ZEROS}, {"abandoned_above": 7}],
        ids=lambda changes: next(iter(changes)),
    )
    def test_a_chain_that_contradicts_is_invalid(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        facts = log.facts(8, **changes)
        assert finding("anchor", log.receipt(4), log, facts=facts)[0] is INVALID

    @pytest.mark.parametrize(("until", "outcome"), [(7, INVALID), (8, VALID)])
    def test_a_checkpoint_above_the_succession_is_invalid(
        self, log: SmallLog, until: int, outcome: Outcome
    ) -> None:
        trust = log.trust(successor=Successor("log.example/parcels-2", until))
        assert finding("anchor", log.receipt(4), log, trust=trust)[0] is outcome
        facts = log.facts(8, abandoned_above=until)
        assert finding("anchor", log.receipt(4), log, facts=facts)[0] is outcome

    def test_a_chain_that_was_not_asked_is_unknown_and_says_why(self, log: SmallLog) -> None:
        changes: dict[str, Any] = {"facts": None, "facts_missing": "no RPC URL was given"}
        for check in ("anchor", "finality"):
            assert finding(check, log.receipt(4), log, **changes) == (
                UNKNOWN,
                "no RPC URL was given",
            )

    @pytest.mark.parametrize("changes", [{"chain_id": 1}, {"genesis_hash": ZEROS}])
    def test_another_chain_is_unknown_for_all_that_it_says(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        facts = log.facts(8, **changes)
        for check in ("anchor", "finality", "timing"):
            assert finding(check, log.receipt(4), log, facts=facts)[0] is UNKNOWN

    @pytest.mark.parametrize("changes", [{"root": None}, {"record": None}])
    def test_an_anchor_that_is_not_there_is_unknown(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        facts = log.facts(8, **changes)
        assert finding("anchor", log.receipt(4), log, facts=facts)[0] is UNKNOWN

    @pytest.mark.parametrize(
        "name",
        ["transaction", "log_index", "block_number", "block_hash", "block_time", "old_time"],
    )
    def test_an_anchor_that_moved_is_unknown(self, log: SmallLog, name: str) -> None:
        record = log.anchor_record(8)
        value = getattr(record, name)
        moved: Any = value + 1 if isinstance(value, int) else ZEROS
        facts = log.facts(8, record=replace(record, **{name: moved}))
        assert finding("anchor", log.receipt(4), log, facts=facts)[0] is UNKNOWN


class TestLaterAnchors:
    def test_they_are_asked_for_too(self, log: SmallLog) -> None:
        receipt = log.receipt(4, later=[12])
        assert finding("anchor", receipt, log)[0] is VALID
        assert finding("anchor", receipt, log, later_facts=())[0] is UNKNOWN

    @pytest.mark.parametrize(
        ("changes", "outcome"),
        [
            ({"size": 11}, INVALID),
            ({"contract": bytes(20)}, INVALID),
            ({"old_size": 7}, INVALID),
            ({"block_hash": ZEROS}, UNKNOWN),
        ],
        ids=["size", "contract", "old size", "block"],
    )
    def test_they_are_held_against_the_chain(
        self, log: SmallLog, changes: dict[str, Any], outcome: Outcome
    ) -> None:
        receipt = log.receipt(4, later=[12])
        anchor: AnchorRecord = replace(receipt.later[0].anchor, **changes)
        changed = replace(receipt, later=(replace(receipt.later[0], anchor=anchor),))
        evidence = log.evidence(receipt)
        assert finding("anchor", changed, log, evidence)[0] is outcome

    def test_they_may_be_of_the_log_that_carries_on(self, log: SmallLog) -> None:
        new = log.succeed(12).fill(4)
        new.anchor()
        receipt = replace(log.receipt(4), later=(new.anchored(4, 16),))
        evidence = log.evidence(
            log.receipt(4), trust=succession(log, new), later_facts=(new.facts(16),)
        )
        report = check_receipt(receipt, evidence)
        assert report.outcome is VALID


class TestFinality:
    def test_it_is_what_the_chain_says(self, log: SmallLog) -> None:
        assert finding("finality", log.receipt(4), log) == (VALID, "2 blocks on top")
        facts = log.facts(8, final=False, finality="1 block on top, 2 are needed")
        assert finding("finality", log.receipt(4), log, facts=facts) == (
            UNKNOWN,
            "1 block on top, 2 are needed",
        )

    def test_an_anchor_that_is_not_there_is_not_final(self, log: SmallLog) -> None:
        facts = log.facts(8, record=None)
        assert finding("finality", log.receipt(4), log, facts=facts)[0] is UNKNOWN


class TestTiming:
    @pytest.mark.parametrize(
        ("beyond", "outcome"),
        [(-LATE_ANCHOR_MS - 1, UNKNOWN), (-LATE_ANCHOR_MS, VALID), (TOLERANCE_MS, VALID)],
    )
    def test_logged_before_the_old_anchor(
        self, log: SmallLog, beyond: int, outcome: Outcome
    ) -> None:
        """Entries are logged while an anchor waits; dated much earlier, nobody can tell."""
        window_start = log.block_time(12)
        log.append(at=window_start + beyond)
        log.append(at=window_start + 60_000)
        log.anchor()
        assert finding("timing", log.receipt(12), log)[0] is outcome

    @pytest.mark.parametrize(
        ("late", "outcome"), [(TOLERANCE_MS, VALID), (TOLERANCE_MS + 1, INVALID)]
    )
    def test_logged_after_the_new_anchor(self, log: SmallLog, late: int, outcome: Outcome) -> None:
        at = log.entries[4].at
        receipt = with_anchor(log.receipt(4), block_time=at - late, old_time=at - 60_000)
        facts = log.facts(8, record=receipt.anchored.anchor)
        assert finding("timing", receipt, log, facts=facts)[0] is outcome

    def test_a_window_begins_where_an_early_entry_is_dated(self, log: SmallLog) -> None:
        start = log.block_time(12)
        log.append(at=start - 60_000)
        log.append(at=start + 1_000)
        log.anchor()
        width = (log.block_time(14) - start) / 1000 + 60
        assert f"window of {width:.1f} s" in finding("timing", log.receipt(12), log)[1]

    def test_anchors_in_the_wrong_order_are_invalid(self, log: SmallLog) -> None:
        at = log.entries[4].at
        receipt = with_anchor(log.receipt(4), block_time=at, old_time=at + 1)
        facts = log.facts(8, record=receipt.anchored.anchor)
        assert finding("timing", receipt, log, facts=facts)[0] is INVALID

    def test_times_that_the_chain_did_not_confirm_are_unknown(self, log: SmallLog) -> None:
        assert finding("timing", log.receipt(4), log, facts=None)[0] is UNKNOWN
        moved = replace(log.anchor_record(8), block_time=log.block_time(8) + 1)
        facts = log.facts(8, record=moved)
        assert finding("timing", log.receipt(4), log, facts=facts)[0] is UNKNOWN

    def test_the_width_of_the_window_and_the_lag_are_shown(self, log: SmallLog) -> None:
        reason = finding("timing", log.receipt(4), log)[1]
        assert "window of 5.0 s" in reason
        assert "anchored 4.5 s later" in reason


class TestStatus:
    def test_it_says_what_is_known_of_later_records(self, log: SmallLog) -> None:
        receipt = log.receipt(4)
        assert finding("status", receipt, log)[0] is UNKNOWN
        assert finding("status", receipt, log, statuses=())[0] is VALID
        statuses = ("corrected by entry 9",)
        assert finding("status", receipt, log, statuses=statuses) == (VALID, statuses[0])
