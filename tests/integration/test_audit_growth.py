"""A log that grew after a clean audit, and was altered then: the next audit names what was."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import make_url

from fixtures.application import ServiceUnderTest, document, event, running_service
from fixtures.auditing import PARCELS, AuditedLog, Copy, flip, named, number
from provenance.core.verdict import Outcome

pytestmark = pytest.mark.services
SizedLogs = Callable[[int, bool], Awaitable[AuditedLog]]
CopiesOf = Callable[[AuditedLog], Copy]

BEFORE, AFTER = 250, 530
"""Sizes of the log at the first audit and at the last: a part of a tile becomes two and a part."""

OLD, NEW = 244, 500
"""Entries that were there at the first audit, and that came afterwards."""

ALTERED = {
    "an entry that was audited": (flip("entries", "commitment", f"index = {OLD}"), f"entry {OLD}"),
    "an entry of the tile that was completed": (
        flip("entries", "prev", "index = 253"),
        "entry 253",
    ),
    "an entry that is new": (flip("entries", "commitment", f"index = {NEW}"), f"entry {NEW}"),
    "a time that is new": (f"UPDATE entries SET at = at + 1 WHERE index = {NEW}", f"entry {NEW}"),
    "an entry that was audited and deleted": (
        f"DELETE FROM entries WHERE index = {OLD}",
        f"entry {OLD}",
    ),
    "an entry that is new and deleted": (
        f"DELETE FROM entries WHERE index = {NEW}",
        f"entry {NEW}",
    ),
    "the tile that was completed": (flip("tiles", "data", "level = 0 AND n = 0"), "tile 0/000"),
    "a tile that is new": (flip("tiles", "data", "level = 0 AND n = 1"), "tile 0/001"),
    "the tile above": (flip("tiles", "data", "level = 1"), "tile 1/000.p/2"),
}


async def grow(service: ServiceUnderTest) -> None:
    """Add events up to the later size, anchored in two steps."""
    carrier = await service.new_carrier()
    for start in range(BEFORE, AFTER, 140):
        events = [
            event(PARCELS[at % 7], eventTime=f"2026-07-23T06:45:00.{at:03d}+02:00")
            for at in range(start, start + 140)
        ]
        answer = await carrier.post(
            "/epcis/capture",
            json=document(*events),
            headers={"content-type": "application/ld+json"},
        )
        assert answer.status_code == 202, answer.text
        await service.anchor()


async def test_a_log_that_is_written_to_and_anchored_meanwhile_is_clean(
    sized_logs: SizedLogs, copies_of: CopiesOf
) -> None:
    copy = copies_of(await sized_logs(BEFORE - 1, True))
    sizes: list[int] = []
    async with running_service(copy.settings) as service:
        growing = asyncio.create_task(grow(service))
        while not growing.done():
            report = await copy.by_database()
            assert report.findings == ()
            assert report.outcome is Outcome.VALID
            sizes.append(report.size)
        await growing
    assert sizes[0] < AFTER - 1
    assert sizes == sorted(sizes)


async def test_alterations_after_a_clean_audit_and_growth_are_named_by_url_and_database(
    sized_logs: SizedLogs, copies_of: CopiesOf
) -> None:
    log = await sized_logs(BEFORE, True)
    copy = copies_of(log)
    first = await copy.by_url()
    assert (first.outcome, first.size) == (Outcome.VALID, BEFORE)
    async with running_service(copy.settings) as service:
        await grow(service)
    grown = await copy.by_url()
    assert (grown.outcome, grown.size, grown.findings) == (Outcome.VALID, AFTER, ())
    assert number(copy, "SELECT size FROM log_heads") == AFTER
    database = make_url(copy.url).database
    assert database is not None
    for name, (sql, object_) in ALTERED.items():
        altered = copies_of(replace(log, database=database))
        altered.execute(sql)
        assert named(await altered.by_url()) == [object_], name
        assert named(await altered.by_database()) == [object_], name
