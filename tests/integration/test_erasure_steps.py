"""An erasure that is cut off behind any of its steps is made good by the next start."""

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import pdf, upload
from fixtures.embedded import PostgresFixture
from fixtures.erasing import LD, canary, erase, everything, places_of
from fixtures.waiting import eventually
from provenance.core.errors import ProvenanceError
from provenance.erasure.book import ErasureList
from provenance.erasure.eraser import Eraser
from provenance.erasure.records import Reason
from provenance.erasure.steps import Step
from provenance.wiring.erasing import open_eraser

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


class CrashError(ProvenanceError):
    """Stands for the end of the process."""


@pytest.mark.parametrize(
    "last", [step for step in Step if step is not Step.WITHDRAW], ids=lambda step: step.value
)
async def test_the_next_start_takes_up_what_was_left(
    service: ServiceUnderTest, postgres: PostgresFixture, last: Step
) -> None:
    carrier, about, word = await service.new_carrier(), parcel(), canary()
    said = event(about, eventID=f"urn:example:{word}")
    first = (await carrier.post("/epcis/events", json=said, headers=LD)).json()["first_index"]
    document = await upload(carrier, pdf(mark=word), about, filename=f"{word}.pdf")
    await service.anchor()
    services = service.services
    targets = await services.eraser.targets.records([first, document.json()["first_index"]])
    organisation = await services.accounts.organisation("Operator")

    async def crash(step: Step) -> None:
        if step is last:
            raise CrashError(step.value)

    dying = replace(services.eraser, steps=crash)
    reason = Reason("objection", author="A. Officer", organisation=organisation)

    async def erased() -> None:
        await dying.request(targets, reason, writer=services.writer)
        await service.anchor()
        await eventually(lambda: nothing_is_left(dying))

    async def nothing_is_left(eraser: Eraser) -> bool:
        # PostgreSQL's own work may look back at a row for a moment, which is tried again then.
        return await eraser.finish(writer=services.writer) == {}

    with pytest.raises(CrashError, match=last.value):
        await erased()
    next_start = open_eraser(service.settings, services.engine, log_id=services.log.log_id)
    await next_start.restore()
    # Nothing that the log names is served, whatever was cut off.
    served = await carrier.get(f"/v1/records/{first}/payload")
    assert served.status_code == (200 if last is Step.LIST else 410)
    await next_start.finish(writer=services.writer)
    await service.anchor()
    await eventually(lambda: nothing_is_left(next_start))
    orders = (await next_start.orders.orders()).values()
    [order] = [one for one in orders if set(one.leaves) == {*targets[0].leaves, *targets[1].leaves}]
    assert order.state == "purged"
    assert places_of(word, *everything(service, postgres)) == set()
    query = text("SELECT count(*) FROM records WHERE event_id = :order")
    async with services.engine.connect() as connection:
        assert await connection.scalar(query, {"order": order.id}) == 1


async def test_what_the_log_says_was_erased_is_erased_again_though_the_list_was_lost(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    first = (await carrier.post("/epcis/events", json=event(about), headers=LD)).json()[
        "first_index"
    ]
    services = service.services
    where = f"WHERE first_index = {first}"
    async with services.engine.connect() as connection:
        # An older database, kept for later.
        await connection.execute(text(f"CREATE TABLE kept AS SELECT * FROM records {where}"))
        await connection.execute(
            text(f"CREATE TABLE kept_salt AS SELECT salt FROM entries WHERE index = {first}")
        )
    answer = await erase(service, records=[first])
    [done] = answer["erasures"]
    async with services.engine.connect() as connection:
        await connection.execute(text(f"DELETE FROM records {where}"))
        await connection.execute(text("INSERT INTO records SELECT * FROM kept"))
        await connection.execute(
            text(f"UPDATE entries SET salt = (SELECT salt FROM kept_salt) WHERE index = {first}")
        )
        await connection.execute(text("DROP TABLE kept, kept_salt"))
    assert (await carrier.get(f"/v1/records/{first}/payload")).status_code == 200

    orders = ErasureList(tmp_path / "erasures", now_ms=services.clock)
    assert await replace(services.eraser, orders=orders).restore() >= 1
    assert (await carrier.get(f"/v1/records/{first}/payload")).status_code == 410
    [order] = [one for one in (await orders.orders()).values() if one.id == done["id"]]
    assert (order.state, order.ground) == ("erased", "data_subject_request")
    assert [leaf.hex() for leaf in order.leaves] == done["leaves"]
    # What was gone already is not taken up again.
    assert await replace(services.eraser, orders=orders).restore() == 0
