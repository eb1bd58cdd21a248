"""Whoever is told to stop has the time that what he does may take."""

import re
from pathlib import Path

from provenance.api.connection import GRACE_S
from provenance.launch.programs import STOP
from provenance.log.writer import WriterLimits

ROOT = Path(__file__).resolve().parents[3]


def test_a_transaction_ends_before_requests_are_given_up_and_these_before_the_process_is() -> None:
    limits = WriterLimits()
    assert limits.patience_seconds < limits.transaction_seconds < GRACE_S < STOP[0][1]


def test_the_container_is_given_the_time_of_all_its_processes() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    found = re.search(r"stop_grace_period: (\d+)s", compose)
    assert found is not None
    # API and worker, one after the other.
    assert int(found[1]) >= 2 * sum(seconds for _, seconds in STOP)
