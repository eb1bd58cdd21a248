"""Each verdict of the check of a receipt, and each way in which it comes about."""

from dataclasses import replace
from typing import Any

import pytest

from fixtures.findings import finding
from fixtures.small_log import OTHER, PARCEL, SmallLog, seeded_signer, succession
from provenance.core.check import LOCAL, check_receipt
from provenance.core.digests import LeafHash, Salt, TrailId
from provenance.core.fields import Field
from provenance.core.notes import sign_note, split_note
from provenance.core.receipt import PayloadOpening
from provenance.core.verdict import CHECKS, Outcome

VALID, INVALID, UNKNOWN = Outcome.VALID, Outcome.INVALID, Outcome.UNKNOWN
ZEROS = bytes(32)


def test_a_good_receipt_is_valid_in_every_check(log: SmallLog) -> None:
    receipt = log.receipt(4, pointers=["/number"], later=[12])
    evidence = log.evidence(receipt, payload=log.records[4].payload, statuses=())
    report = check_receipt(receipt, evidence)
    assert [(item.check, item.outcome) for item in report.verdicts] == [
        (check, VALID) for check in CHECKS
    ]
    assert report.outcome is VALID
    assert report.qualification == ""
    assert report.to_json()["outcome"] == "VALID"


def test_without_a_trust_file_nothing_is_vouched_for(log: SmallLog) -> None:
    receipt = log.receipt(4)
    report = check_receipt(receipt, log.evidence(receipt, trust=None))
    unknown = {item.check for item in report.verdicts if item.outcome is UNKNOWN}
    assert unknown >= {"checkpoint", "trail", "anchor", "finality", "timing"}
    assert report.outcome is UNKNOWN


def test_a_local_chain_never_gives_a_plain_valid(log: SmallLog) -> None:
    receipt = log.receipt(4)
    report = check_receipt(receipt, log.evidence(receipt, trust=log.trust(local=True)))
    assert report.outcome is VALID
    assert report.qualification == LOCAL
    assert report.to_json()["qualification"] == LOCAL
    assert LOCAL in report.verdict("anchor").reason


class TestContent:
    def test_the_recorded_payload_is_valid(self, log: SmallLog) -> None:
        payload = log.records[4].payload
        assert finding("content", log.receipt(4), log, payload=payload)[0] is VALID

    @pytest.mark.parametrize(("cut", "added"), [(0, b" "), (1, b" "), (1, b"")])
    def test_another_payload_is_invalid(self, log: SmallLog, cut: int, added: bytes) -> None:
        recorded = log.records[4].payload
        payload = recorded[: len(recorded) - cut] + added
        assert finding("content", log.receipt(4), log, payload=payload)[0] is INVALID

    def test_without_a_payload_it_is_unknown_and_may_be(self, log: SmallLog) -> None:
        receipt = log.receipt(4)
        assert finding("content", receipt, log)[0] is UNKNOWN
        assert check_receipt(receipt, log.evidence(receipt)).outcome is VALID

    @pytest.mark.parametrize("state", [None, "withheld"])
    def test_a_payload_that_nothing_opens_is_unknown_and_may_not_be(
        self, log: SmallLog, state: str | None
    ) -> None:
        receipt = log.receipt(4, payload=None)
        if state:
            receipt = replace(receipt, state=state, statement=None, salt=None)
        evidence = log.evidence(receipt, payload=b"anything")
        assert finding("content", receipt, log, evidence)[0] is UNKNOWN
        assert check_receipt(receipt, evidence).outcome is UNKNOWN

    def test_disclosed_fields_that_are_not_the_payloads_are_invalid(self, log: SmallLog) -> None:
        """The operator committed to a field tree of another payload."""
        payload = log.records[4].payload
        receipt = log.receipt(4, pointers=["/number"])
        lying = replace(receipt.fields[0], field=Field("/number", "5"))
        receipt = replace(receipt, fields=(lying,))
        outcome, reason = finding("content", receipt, log, payload=payload)
        assert (outcome, reason) == (INVALID, "the disclosed fields are not the payload's")


class TestCommitment:
    @pytest.mark.parametrize("state", ["withheld", "erased"])
    def test_a_missing_statement_is_unknown(self, log: SmallLog, state: str) -> None:
        receipt = log.receipt(4, state=state, statement=None, salt=None, payload=None)
        outcome, reason = finding("commitment", receipt, log)
        assert outcome is UNKNOWN
        assert state in reason
        assert finding("inclusion", receipt, log)[0] is VALID
        assert finding("trail", receipt, log)[0] is VALID

    def test_another_statement_is_invalid(self, log: SmallLog) -> None:
        statement = replace(log.records[4].statement, type="arriving")
        assert finding("commitment", log.receipt(4, statement=statement), log)[0] is INVALID

    def test_another_salt_is_invalid(self, log: SmallLog) -> None:
        assert finding("commitment", log.receipt(4, salt=Salt(ZEROS)), log)[0] is INVALID

    @pytest.mark.parametrize("changes", [{"salt": ZEROS}, {"sha256": ZEROS}])
    def test_another_opening_of_the_payload_is_invalid(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        receipt = log.receipt(4)
        assert isinstance(receipt.payload, PayloadOpening)
        receipt = replace(receipt, payload=replace(receipt.payload, **changes))
        assert finding("commitment", receipt, log)[0] is INVALID

    def test_a_disclosed_field_that_is_not_proven_is_invalid(self, log: SmallLog) -> None:
        receipt = log.receipt(4, pointers=["/number"])
        lying = replace(receipt.fields[0], field=Field("/number", "5"))
        assert finding("commitment", replace(receipt, fields=(lying,)), log)[0] is INVALID

    def test_fields_of_a_statement_that_commits_to_none_are_invalid(self, log: SmallLog) -> None:
        index = log.append(PARCEL, payload=b"%PDF-1.7", kind="document", type="380")
        log.anchor()
        fields = log.receipt(4, pointers=["/number"]).fields
        assert finding("commitment", log.receipt(index, fields=fields), log)[0] is INVALID


class TestInclusion:
    def test_a_path_to_another_root_is_invalid(self, log: SmallLog) -> None:
        receipt = log.receipt(4)
        path = (ZEROS, *receipt.anchored.path[1:])
        receipt = replace(receipt, anchored=replace(receipt.anchored, path=path))
        assert finding("inclusion", receipt, log)[0] is INVALID

    @pytest.mark.parametrize("index", [5, 8, 2**53 - 1])
    def test_another_index_is_invalid(self, log: SmallLog, index: int) -> None:
        assert finding("inclusion", replace(log.receipt(4), index=index), log)[0] is INVALID

    def test_a_later_path_to_another_root_is_invalid(self, log: SmallLog) -> None:
        receipt = log.receipt(4, later=[12])
        later = replace(receipt.later[0], path=receipt.later[0].path[:-1])
        assert finding("inclusion", replace(receipt, later=(later,)), log)[0] is INVALID

    @pytest.mark.parametrize("note", ["", "no note", "a\nb\nc\n\n\u2014 a AAAAAAAA\n"])
    def test_a_checkpoint_that_is_none_is_invalid(self, log: SmallLog, note: str) -> None:
        receipt = log.receipt(4)
        receipt = replace(receipt, anchored=replace(receipt.anchored, checkpoint=note))
        for check in ("inclusion", "checkpoint", "anchor"):
            assert finding(check, receipt, log)[0] is INVALID


class TestCheckpoint:
    def test_a_key_that_was_added_later_is_valid(self, log: SmallLog) -> None:
        new = seeded_signer(log.origin, "new")
        trust = log.trust(keys=(new.verifier(), log.signers[0].verifier()))
        assert finding("checkpoint", log.receipt(4), log, trust=trust)[0] is VALID

    def test_no_signature_by_a_trusted_key_is_invalid(self, log: SmallLog) -> None:
        trust = log.trust(keys=(seeded_signer(log.origin, "new").verifier(),))
        assert finding("checkpoint", log.receipt(4), log, trust=trust)[0] is INVALID

    def test_a_text_that_was_not_signed_is_invalid(self, log: SmallLog) -> None:
        receipt = log.receipt(4)
        forged = receipt.anchored.checkpoint.replace("\n8\n", "\n9\n")
        receipt = replace(receipt, anchored=replace(receipt.anchored, checkpoint=forged))
        assert finding("checkpoint", receipt, log)[0] is INVALID

    def test_a_log_that_is_not_trusted_is_unknown(self, log: SmallLog) -> None:
        other = SmallLog(origin="log.example/other").trust()
        outcome, reason = finding("checkpoint", log.receipt(4), log, trust=other)
        assert outcome is UNKNOWN
        assert log.origin in reason

    def test_a_later_checkpoint_of_another_line_is_unknown(self, log: SmallLog) -> None:
        """A trusted log that does not carry this one on has no say about it."""
        other = log.fork(12)
        other.origin, other.signers = "log.example/x", [seeded_signer("log.example/x", "x")]
        other.anchors = [3, 8, 12]
        receipt = replace(log.receipt(4), later=other.receipt(4, later=[12]).later)
        trust = replace(log.trust(), logs=(log.trusted(), other.trusted()))
        assert finding("checkpoint", receipt, log, trust=trust)[0] is UNKNOWN
        assert finding("anchor", receipt, log, trust=trust)[0] is UNKNOWN


class TestTrail:
    def test_a_head_with_a_place_for_the_entry_is_valid(self, log: SmallLog) -> None:
        outcome, reason = finding("trail", log.receipt(4), log)
        assert (outcome, "3 of 6" in reason) == (VALID, True)

    def test_no_head_is_unknown(self, log: SmallLog) -> None:
        assert finding("trail", log.receipt(4, trail_head=None), log)[0] is UNKNOWN

    def test_a_head_that_is_older_than_the_entry_is_unknown(self, log: SmallLog) -> None:
        receipt = log.receipt(4, trail_head=log.trail_head(PARCEL, size=3))
        assert finding("trail", receipt, log)[0] is UNKNOWN

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"subject": OTHER}, id="another subject"),
            pytest.param({"trail": TrailId(ZEROS)}, id="another trail"),
            pytest.param({"count": 2}, id="leaves the entry out"),
            pytest.param({"count": 3}, id="ends in another entry"),
            pytest.param({"anchored_size": 4, "count": 3}, id="counts it too early"),
            pytest.param({"anchored_size": 3, "count": 2}, id="ends before in another entry"),
        ],
    )
    def test_a_head_that_contradicts_the_entry_is_invalid(
        self, log: SmallLog, changes: dict[str, Any]
    ) -> None:
        head = log.trail_head(PARCEL, **{"last_leaf": LeafHash(ZEROS), **changes})
        assert finding("trail", log.receipt(4, trail_head=head), log)[0] is INVALID

    def test_a_head_by_an_unknown_key_is_invalid(self, log: SmallLog) -> None:
        text = split_note(log.trail_head(PARCEL)).text
        head = sign_note(text, [seeded_signer(log.origin, "stranger")])
        assert finding("trail", log.receipt(4, trail_head=head), log)[0] is INVALID

    def test_another_text_of_the_log_is_no_head(self, log: SmallLog) -> None:
        for note in (log.checkpoint(8), log.acknowledgement(4, 1)):
            assert finding("trail", log.receipt(4, trail_head=note), log)[0] is INVALID

    def test_more_entries_before_it_than_the_log_has_is_invalid(self, log: SmallLog) -> None:
        index = log.append(PARCEL, seq=13, prev=ZEROS[:-1] + b"\1")
        log.anchor()
        head = log.trail_head(PARCEL, count=13)
        outcome, reason = finding("trail", log.receipt(index, trail_head=head), log)
        assert (outcome, "before it than the log" in reason) == (INVALID, True)

    def test_the_log_that_carries_on_may_sign_the_head(self, log: SmallLog) -> None:
        new = log.succeed(12).fill(2)
        new.anchor()
        receipt = log.receipt(4, trail_head=new.trail_head(PARCEL))
        assert finding("trail", receipt, log, trust=succession(log, new))[0] is VALID
        assert finding("trail", receipt, log)[0] is UNKNOWN

    def test_a_head_above_the_succession_is_void(self, log: SmallLog) -> None:
        new = log.succeed(12).fill(2)
        new.anchor()
        log.fill(2, OTHER)
        receipt = log.receipt(4, trail_head=log.trail_head(PARCEL, size=13))
        assert finding("trail", receipt, log)[0] is VALID
        assert finding("trail", receipt, log, trust=succession(log, new))[0] is UNKNOWN
