"""An erasure that is ordered while a refill is at work is recorded in nobody's lost name."""

import json
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import at, new_desk
from fixtures.erasing import REASON
from provenance.anchor.submitters import take_submitters

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

STAGED = """
CREATE TEMPORARY TABLE staged_organisations ON COMMIT DROP AS
SELECT CAST(%s AS uuid) AS organisation_id, name, created_at FROM organisations WHERE name = 'Lost'
"""
NAMELESS = """
SELECT count(*) FROM records LEFT JOIN organisations ON organisation_id = submitter
WHERE name IS NULL
"""


async def refilled(service: ServiceUnderTest) -> None:
    """Bring back the organisation under the id that it had, as the loading of a batch does."""
    async with (
        service.services.eraser.connect() as connection,
        connection.transaction(),
    ):
        await connection.execute(STAGED, (uuid4(),))
        await take_submitters(connection)


async def test_an_erasure_is_not_recorded_under_an_id_that_a_refill_replaced_meanwhile(
    service: ServiceUnderTest,
) -> None:
    services = service.services
    admin = await service.as_role("admin", organisation="Lost")
    desk = await new_desk(service)
    (first,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", parcel()))
    body = json.dumps({**REASON, "records": [first]}).encode()

    async def slow() -> AsyncIterator[bytes]:
        # Its key was asked for before anything of the body is.
        yield body[:5]
        await refilled(service)
        services.writer.open()
        yield body[5:]

    services.writer.close(state="behind", reason="for this test")
    headers = {"content-type": "application/json"}
    refused = await admin.post("/v1/erasures", content=slow(), headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (503, "log-unavailable")
    again = await admin.post("/v1/erasures", content=body, headers=headers)
    assert again.status_code == 202, again.text
    async with services.engine.connect() as connection:
        assert (await connection.execute(text(NAMELESS))).scalar_one() == 0
