"""Dossiers with hostile parts: each refused with an error of its own that names the part."""

import io

import pytest

from fixtures.dossiers import Case
from fixtures.hostile_dossiers import hostile_dossiers
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services


def test_a_hostile_part_is_refused_by_name(dossier_case: Case) -> None:
    found = {}
    for name, data, code, where in hostile_dossiers(dossier_case):
        report = verify_dossier(
            io.BytesIO(data), trust=dossier_case.log.trust(), vouches=named([dossier_case.block])
        )
        assert report.outcome is Outcome.INVALID, name
        assert report.refusal is not None, name
        assert report.refusal.where.startswith(where), (name, report.refusal)
        found[name] = (report.refusal.code, code)
    assert [name for name, (got, expected) in found.items() if got != expected] == [], found
