"""What nobody answers for is not parsed, and what is parsed stays within bounds of memory."""

import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from fixtures.commands import provenance
from fixtures.dossiers import Case, rebuilt, resigned
from fixtures.unanswered import unanswered
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.report import DossierReport
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services
RECEIPTS = "evidence/receipts.jsonl"
MB = 1 << 20


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No more memory than that is taken at any time."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def verify(case: Case, data: bytes) -> DossierReport:
    trust, vouches = case.log.trust(), named([case.block])
    return verify_dossier(io.BytesIO(data), trust=trust, vouches=vouches)


def with_receipts(case: Case, lines: bytes) -> bytes:
    made = rebuilt(case.data, lambda name, old: lines if name == RECEIPTS else old)
    return resigned(made, case.log.signer)


def test_what_nobody_answers_for_is_not_parsed(dossier_case: Case) -> None:
    for name, data, check, reason in unanswered(dossier_case):
        with at_most(8 * MB):
            report = verify(dossier_case, data)
        found: dict[str, Any] = {one.check: one for one in report.checks}
        assert list(found) == ["container", "signature", "files"], name
        assert (found[check].outcome, found[check].reason) == (Outcome.INVALID, reason), name
        assert report.outcome is Outcome.INVALID
        assert report.receipts is None
        assert report.to_json()["receipts"] == []
        assert "nothing but signature, sizes and hashes" in report.qualifications[0]


def test_the_command_names_what_nobody_answers_for(dossier_case: Case, tmp_path: Any) -> None:
    (tmp_path / "trust.json").write_bytes(dossier_case.log.trust().encode())
    for _, data, check, reason in unanswered(dossier_case):
        (tmp_path / "dossier.zip").write_bytes(data)
        done = provenance("verify", "dossier.zip", "--trust", "trust.json", cwd=tmp_path)
        assert done.code == 1, done
        assert f"INVALID: {check}: {reason}" in done.out
        shown = provenance("verify", "dossier.zip", "--trust", "trust.json", "--json", cwd=tmp_path)
        assert json.loads(shown.out)["outcome"] == "INVALID"


def test_many_values_in_each_receipt_are_refused_before_they_are_made(dossier_case: Case) -> None:
    line = replace(dossier_case.content.receipts[0], ext={"a": 0}).encode()
    many = line.replace(b'"ext":{"a":0}', b'"ext":{"a":[%b0]}' % (b"[]," * 1_000_000)) + b"\n"
    data = with_receipts(dossier_case, many * 3)
    with at_most(40 * MB):
        report = verify(dossier_case, data)
    assert report.refusal is not None
    assert (report.refusal.code, report.refusal.where) == ("too-large", f"{RECEIPTS} line 1")


def test_what_receipts_carry_beside_is_not_kept(dossier_case: Case) -> None:
    receipts = dossier_case.content.receipts
    beside: list[Any] = [[] for _ in range(50_000)]
    lines = b"".join(replace(item, ext={"a": beside}).encode() + b"\n" for item in receipts)
    data = with_receipts(dossier_case, lines)
    with at_most(16 * MB):
        report = verify(dossier_case, data)
    assert report.outcome is Outcome.VALID, report.to_json()
