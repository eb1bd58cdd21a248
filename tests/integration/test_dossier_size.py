"""The largest case that is planned for: a thousand documents and ten thousand events."""

import time
from pathlib import Path

import pytest

from fixtures.embedded import ChainFixture
from fixtures.large_dossier import make_large_case
from provenance.core.verdict import Outcome
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services
DOCUMENTS = 1_000
EVENTS = 10_000


def test_a_large_case_is_written_and_verified_in_time(anvil: ChainFixture, tmp_path: Path) -> None:
    case = make_large_case(anvil, documents=DOCUMENTS)
    told: list[tuple[str, int, int]] = []
    path = tmp_path / "dossier.zip"
    with path.open("w+b") as file:
        started = time.process_time()
        case.write(file, progress=lambda *said: told.append(said))
        written = time.process_time() - started
    assert told[-1][1] == told[-1][2] == len(told) - 1
    block = case.content.closing.anchor.block_hash
    with path.open("rb") as file:
        started = time.process_time()
        report = verify_dossier(file, trust=case.log.trust(), vouches=named([block]))
        verified = time.process_time() - started
    assert report.outcome is Outcome.VALID, report.refusal or report.checks
    assert report.about["entries"] == DOCUMENTS + EVENTS
    assert written < 60, written
    assert verified < 10, verified
    print(f"\nwritten {written:.1f} s, verified {verified:.1f} s, {path.stat().st_size} bytes")
