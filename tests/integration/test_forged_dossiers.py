"""Dossiers that the operator signs and that hide or mislabel something: found, and named."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.commands import provenance
from fixtures.differing_dossiers import differing_dossiers
from fixtures.dossiers import PARCEL
from fixtures.embedded import ChainFixture
from fixtures.equivocal_cases import equivocal_cases
from fixtures.erased_acts import erased_acts
from fixtures.forged_cases import forged_cases, without_shipments
from fixtures.forged_dossiers import Forgeable, forged_dossiers, of_one_payload
from fixtures.redacted_dossiers import redacted_dossiers
from fixtures.strange_cases import disguised_cases, strange_cases
from provenance.core.verdict import Outcome
from provenance.evidence.cases import states
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.case import CLOSED, STATES
from provenance.verify.dossier.closing import judge_origins
from provenance.verify.dossier.report import DossierReport
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services


def verify(whole: Forgeable, data: bytes) -> DossierReport:
    trust, vouches = whole.log.trust(), named([whole.block])
    return verify_dossier(io.BytesIO(data), trust=trust, vouches=vouches)


def test_the_whole_dossier_is_valid_with_its_erasure(forgeable: Forgeable) -> None:
    report = verify(forgeable, forgeable.written())
    assert report.outcome is Outcome.VALID, report.to_json()
    assert len(report.qualifications) == 2
    assert "the operator's control" in report.qualifications[0]
    assert report.qualifications[1].startswith("1 of 6 entries are withheld or erased")


def test_what_an_operator_hides_or_mislabels_is_named(forgeable: Forgeable) -> None:
    for name, data, outcome, said in forged_dossiers(forgeable):
        report = verify(forgeable, data)
        assert report.outcome.value == outcome, (name, report.to_json())
        if outcome == "VALID":
            assert any(said in qualification for qualification in report.qualifications), name
        else:
            reasons = [f"{check.check}: {check.reason}" for check in report.checks]
            assert said in json.dumps([*reasons, report.to_json()["receipts"]]), (name, reasons)


def test_a_document_does_not_hide_behind_one_of_the_same_payload(anvil: ChainFixture) -> None:
    whole, rows = of_one_payload(anvil)
    for name, data, outcome, said in rows:
        report = verify(whole, data)
        files = next(check for check in report.checks if check.check == "files")
        assert (report.outcome.value, files.outcome.value) == (outcome, outcome), name
        assert said in f"files: {files.reason}", name


def test_what_is_read_in_one_way_has_one_outcome(forgeable: Forgeable) -> None:
    for name, data, outcome in differing_dossiers(forgeable):
        report = verify(forgeable, data)
        assert report.outcome.value == outcome, (name, report.to_json())


def test_that_nothing_supersedes_an_entry_is_said_only_where_it_is_seen(
    forgeable: Forgeable,
) -> None:
    for name, data, expected in redacted_dossiers(forgeable):
        report = verify(forgeable, data)
        assert report.outcome is Outcome.VALID, name
        assert report.receipts is not None
        for index, status in expected.items():
            found = report.receipts.receipts[index].report.verdict("status")
            assert (found.outcome.value, found.reason) == status, (name, index)


def test_what_a_manifest_says_of_its_case_is_held_against_the_acts(claimed: Forgeable) -> None:
    for name, data, outcome, of_case, said in forged_cases(claimed):
        report = verify(claimed, data)
        (found,) = [check for check in report.checks if check.check == "case"]
        assert (report.outcome.value, found.outcome.value) == (outcome, of_case), (name, found)
        assert said in found.reason, name
        if of_case == "UNKNOWN":
            assert found.reason.startswith("signed by the operator, not proven"), name


def test_what_others_recorded_about_a_case_is_named_and_changes_nothing(
    strange: Forgeable, disguised: Forgeable
) -> None:
    rows = [(strange, row) for row in strange_cases(strange)]
    rows += [(disguised, row) for row in disguised_cases(disguised)]
    for whole, (name, data, outcome, of_case, said, others) in rows:
        report = verify(whole, data)
        (found,) = [check for check in report.checks if check.check == "case"]
        assert (report.outcome.value, found.outcome.value) == (outcome, of_case), (name, found)
        assert said in found.reason, name
        assert report.qualifications[-1].endswith(others), (name, report.qualifications)


def test_a_case_is_what_the_acts_of_its_own_trail_say_in_their_order(anvil: ChainFixture) -> None:
    for whole, (name, data, outcome, of_case, said) in equivocal_cases(anvil):
        report = verify(whole, data)
        (found,) = [check for check in report.checks if check.check == "case"]
        assert (report.outcome.value, found.outcome.value) == (outcome, of_case), (name, found)
        assert said in found.reason, name


def test_an_erased_act_lets_nothing_follow_that_it_may_contradict(anvil: ChainFixture) -> None:
    for whole, (name, data, outcome, of_case, said) in erased_acts(anvil):
        report = verify(whole, data)
        (found,) = [check for check in report.checks if check.check == "case"]
        assert (report.outcome.value, found.outcome.value) == (outcome, of_case), (name, found)
        assert said in found.reason, name
        if of_case == "UNKNOWN":
            assert found.reason == f"signed by the operator, not proven: {said}"
            assert report.qualifications[-1] == said


def test_the_states_of_a_case_are_those_that_the_service_has() -> None:
    assert states.STATES == STATES
    assert [state for state, moves in states.MOVES.items() if not moves] == [CLOSED]


def test_shipments_of_the_case_that_are_left_out_are_named(claimed: Forgeable) -> None:
    report = verify(claimed, without_shipments(claimed))
    assert report.outcome is Outcome.VALID, report.to_json()
    assert report.qualifications[-1] == (
        f"the case is about shipments whose trails are not in it: {PARCEL}"
    )


def test_every_log_of_its_checkpoints_is_named(forgeable: Forgeable) -> None:
    closing, origin = forgeable.content.closing, forgeable.log.origin
    last = closing.parsed()
    older = replace(last, origin="older.example/log", size=1)
    assert judge_origins(closing, [last, older], (older.origin, origin)) == ""
    assert judge_origins(closing, [older], (older.origin,)).endswith(f"not name the log {origin}")
    assert judge_origins(closing, [older], (origin,)).endswith(f"not name the log {older.origin}")


def test_a_title_reads_in_a_terminal_as_what_it_is(forgeable: Forgeable, tmp_path: Path) -> None:
    invoice, report = forgeable.content.documents
    titles = {
        "mark \u202efdp.exe\u2028": "mark \\u202efdp.exe\\u2028",
        "\u0641\u0627\u062a\u0648\u0631\u0629.pdf": "\u0641\u0627\u062a\u0648\u0631\u0629.pdf",
        "\u0645\u06cc\u200c\u062e\u0648\u200f.pdf": "\u0645\u06cc\u200c\u062e\u0648\\u200f.pdf",
    }
    for title, shown in titles.items():
        data = forgeable.written(documents=(replace(invoice, title=title), report))
        (tmp_path / "case.zip").write_bytes(data)
        done = provenance("verify", "case.zip", "--json", cwd=tmp_path)
        assert f'"title": "{shown}"' in done.out
        assert [file.get("title") for file in json.loads(done.out)["files"]].count(title) == 1


def test_what_only_the_operator_says_is_marked(forgeable: Forgeable) -> None:
    files = {file.role: file for file in verify(forgeable, forgeable.written()).files}
    assert files["readme"].reason == (
        "as the manifest says; what it tells: signed by the operator, not proven"
    )
    assert files["document"].reason.endswith("; its name: signed by the operator, not proven")
    assert files["receipts"].reason == "as the manifest says"
