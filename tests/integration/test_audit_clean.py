"""The audit of a log that is in order."""

from collections.abc import Callable

import pytest

from fixtures.auditing import AuditedLog, Copy
from provenance.core.verdict import Outcome
from provenance.verify.audit import AuditReport
from provenance.verify.audit.report import CHECKS

pytestmark = pytest.mark.services
Copies = Callable[[], Copy]


def said(report: AuditReport) -> dict[str, str]:
    """Each check with its outcome."""
    return {verdict.check: verdict.outcome.value for verdict in report.verdicts}


async def test_both_ways_find_nothing_and_leave_nothing_unchecked(
    copies: Copies, audited_log: AuditedLog
) -> None:
    copy = copies()
    by_database, by_url = await copy.by_database(), await copy.by_url()
    assert by_database.findings == ()
    assert by_url.findings == ()
    assert said(by_database) == dict.fromkeys(CHECKS, "VALID")
    assert said(by_url) == dict.fromkeys(CHECKS[:-2], "VALID")
    assert by_database.size == by_url.size == audited_log.size > 512
    assert "under the operator's control" in by_url.qualification


async def test_a_stranger_without_a_key_checks_everything_but_the_entries(copies: Copies) -> None:
    report = await copies().by_url(key=False)
    assert report.findings == ()
    assert report.outcome is Outcome.UNKNOWN
    assert said(report) == {
        **dict.fromkeys(CHECKS[:-2], "VALID"),
        "entries": "UNKNOWN",
        "trails": "UNKNOWN",
    }
