"""Services that do not publish what they anchored: the chain holds them to it."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from fixtures.auditing import AuditedLog, Copy, named, number
from provenance.api.app import create_app
from provenance.api.server import open_services
from provenance.core.verdict import Outcome
from provenance.verify.audit import AuditReport
from provenance.verify.audit.published import audit_published
from provenance.verify.audit.web import WebLog

pytestmark = pytest.mark.services
SizedLogs = Callable[[int, bool], Awaitable[AuditedLog]]
CopiesOf = Callable[[AuditedLog], Copy]
FIRST = 24
"""The first anchored size of a log of 40 entries; the second is 40."""


async def behind(copy: Copy, *hidden: str, with_chain: bool = True) -> AuditReport:
    """Audit a service that says 404 where a path begins with one of ``hidden``."""
    async with open_services(copy.settings) as services:
        transport = httpx.ASGITransport(create_app(services))

        async def answer(request: httpx.Request) -> httpx.Response:
            path = request.url.path.removeprefix("/v1/log/")
            if path in hidden:
                return httpx.Response(404)
            found = await transport.handle_async_request(request)
            return httpx.Response(found.status_code, content=await found.aread())

        async with WebLog(
            "http://log.example", key=copy.log.auditor, transport=httpx.MockTransport(answer)
        ) as log:
            rpc_url = copy.settings.rpc_url if with_chain else None
            return await audit_published(log, trust=copy.log.trust, rpc_url=rpc_url)


async def test_a_service_that_publishes_no_checkpoint_is_held_to_the_chain(
    sized_logs: SizedLogs, copies_of: CopiesOf
) -> None:
    copy = copies_of(await sized_logs(40, True))
    copy.execute(f"DELETE FROM anchors WHERE size = {FIRST}", "DELETE FROM anchors WHERE size = 40")
    assert number(copy, "SELECT count(*) FROM anchors") == 0
    report = await copy.by_url()
    assert report.outcome is Outcome.INVALID
    assert [str(finding) for finding in report.findings] == [
        "checkpoints up to 40: none is published, but the chain holds 2 anchors"
    ]
    assert (report.origin, report.size) == (copy.settings.origin, 40)


async def test_a_service_that_keeps_back_the_last_ones_is_told_each(
    sized_logs: SizedLogs, copies_of: CopiesOf
) -> None:
    copy = copies_of(await sized_logs(40, True))
    copy.execute("DELETE FROM anchors WHERE size = 40")
    report = await copy.by_url()
    assert named(report) == ["checkpoint 40"]
    assert report.outcome is Outcome.INVALID


@pytest.mark.parametrize(
    ("hidden", "object_"),
    [
        (("checkpoint",), "latest checkpoint"),
        (("checkpoints",), "checkpoints up to 40"),
        (("checkpoint", "checkpoints"), "checkpoints up to 40"),
    ],
)
async def test_a_service_that_hides_a_path_is_told_so(
    sized_logs: SizedLogs, copies_of: CopiesOf, hidden: tuple[str, ...], object_: str
) -> None:
    report = await behind(copies_of(await sized_logs(40, True)), *hidden)
    assert named(report) == [object_]
    assert report.outcome is Outcome.INVALID


@pytest.mark.parametrize("hidden", ["checkpoint", "checkpoints"])
async def test_without_a_chain_what_is_hidden_is_not_known(
    sized_logs: SizedLogs, copies_of: CopiesOf, hidden: str
) -> None:
    report = await behind(copies_of(await sized_logs(40, True)), hidden, with_chain=False)
    assert report.findings == ()
    said = {verdict.check: verdict.outcome for verdict in report.verdicts}
    assert said["checkpoints"] is Outcome.UNKNOWN
