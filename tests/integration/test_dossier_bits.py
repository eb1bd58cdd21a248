"""A dossier with any single bit changed is INVALID, and the report says where."""

import io
from collections.abc import Iterable

import pytest

from fixtures.bits import all_bits, changed, frame_bytes, sample
from fixtures.dossiers import Case
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services


def check(case: Case, bits: Iterable[int]) -> None:
    trust, vouches = case.log.trust(), named([case.block])
    for bit in bits:
        report = verify_dossier(io.BytesIO(changed(case.data, bit)), trust=trust, vouches=vouches)
        assert report.outcome is Outcome.INVALID, bit
        assert report.refusal is not None, bit
        assert report.refusal.where or report.refusal.offset is not None, bit
        assert report.to_json()["outcome"] == "INVALID", bit


def test_any_bit_of_the_frame_is_found_and_located(dossier_case: Case) -> None:
    check(dossier_case, (8 * at + bit for at in frame_bytes(dossier_case.data) for bit in range(8)))


def test_any_bit_of_a_sample_is_found_and_located(dossier_case: Case) -> None:
    check(dossier_case, sample(dossier_case.data, 2_000, seed=7))


def test_a_bit_of_a_member_is_located_by_the_members_name(dossier_case: Case) -> None:
    at = dossier_case.data.index(b"an invoice")
    report = verify_dossier(
        io.BytesIO(changed(dossier_case.data, 8 * at)), trust=None, vouches=named([])
    )
    assert report.refusal is not None
    assert report.refusal.where == "documents/0001-Invoice-1.pdf"
    assert report.refusal.code == "bad-checksum"


@pytest.mark.soak
def test_every_single_bit_is_found_and_located(dossier_case: Case) -> None:
    check(dossier_case, all_bits(dossier_case.data))
