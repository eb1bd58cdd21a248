"""A correction refers to every entry of the event that it corrects."""

import pytest
from sqlalchemy import select

from fixtures.logs import (
    OTHER_SUBMITTER,
    check_log,
    event,
    log_under_test,
    submission,
)
from provenance.core.jcs import parse_canonical
from provenance.core.statement import Statement
from provenance.db.tables import records

pytestmark = pytest.mark.services


def refs_of(statement: bytes | None) -> list[str]:
    assert statement is not None
    return [ref.leaf.hex() for ref in Statement.from_json(parse_canonical(statement)).refs]


async def test_a_correction_refers_to_every_entry_of_what_it_corrects(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        subjects = ("urn:example:a", "urn:example:b")
        original = await writer.submit(submission(event("e", *subjects, event_id="urn:id:1")))
        for n in range(2):
            await writer.submit(
                submission(
                    event(f"correction{n}", *subjects, event_id="urn:id:1", corrects="urn:id:1")
                )
            )
        entries = await check_log(log)
        assert original.records[0] is not None
        expected = [leaf.hex() for leaf in original.records[0].leaf_hashes]
        for entry in entries[2:]:
            assert refs_of(entry.statement) == expected
        async with log.engine.connect() as connection:
            corrects = await connection.scalars(
                select(records.c.corrects).order_by(records.c.first_index)
            )
            assert list(corrects) == [None, 0, 0]


async def test_a_correction_may_come_in_the_submission_of_what_it_corrects(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        logged = await writer.submit(
            submission(
                event("e", event_id="urn:id:1"),
                event("correction", event_id="urn:id:1", corrects="urn:id:1"),
            )
        )
        entries = await check_log(log)
        assert logged.records[0] is not None
        assert refs_of(entries[1].statement) == [logged.records[0].leaf_hashes[0].hex()]


async def test_a_correction_of_another_submitters_event_refers_to_nothing(
    database_url: str,
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await writer.submit(submission(event("e", event_id="urn:id:1")))
        await writer.submit(
            submission(
                event("c", event_id="urn:id:1", corrects="urn:id:1", submitter=OTHER_SUBMITTER)
            )
        )
        entries = await check_log(log)
        assert refs_of(entries[1].statement) == []
