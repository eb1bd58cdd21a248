"""Dossiers that the operator signs and that hide or mislabel something: found, and named."""

import io
import json

import pytest

from fixtures.forged_dossiers import Forgeable, forged_dossiers
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
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
