"""What keeps an erasure from being complete is told with the remedy, and made good afterwards."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import make_url

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.embedded import PostgresFixture
from fixtures.erasing import LD, erase, purge, purge_all

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def erased(service: ServiceUnderTest) -> str:
    """Order the erasure of a fresh event; returns the order's id."""
    carrier = await service.new_carrier()
    answer = await carrier.post("/epcis/events", json=event(parcel()), headers=LD)
    done = await erase(service, records=[answer.json()["first_index"]])
    id_: str = done["erasures"][0]["id"]
    return id_


@asynccontextmanager
async def looking_back(service: ServiceUnderTest) -> AsyncIterator[None]:
    """Somebody reads the database as it is now, such as a dump does."""
    assert service.settings.database_url
    url = service.settings.database_url.replace("+psycopg", "")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
        await connection.execute("SELECT count(*) FROM logs")
        yield


async def test_an_entry_that_is_not_anchored_is_waited_for(service: ServiceUnderTest) -> None:
    order = await erased(service)
    services = service.services
    left = await services.eraser.finish(writer=services.writer)
    assert left[order] == ["batches: entries are not anchored yet; waited for"]
    services.erasing.left = left
    metrics = (await service.anonymous.get("/metrics")).text
    assert f"provenance_erasure_left {float(len(left))}" in metrics.splitlines()
    await purge_all(service)


async def test_rows_that_an_older_transaction_sees_are_told_and_go_after_it(
    service: ServiceUnderTest,
) -> None:
    await purge(service)
    carrier = await service.new_carrier()
    answer = await carrier.post("/epcis/events", json=event(parcel()), headers=LD)
    async with looking_back(service):
        done = await erase(service, records=[answer.json()["first_index"]])
        left = await purge(service)
        said = left[done["erasures"][0]["id"]]
        assert said[0].startswith("table records: an older transaction")
        assert all("an older transaction" in what for what in said)
    await purge_all(service)


async def test_a_right_that_is_missing_is_named(
    service: ServiceUnderTest, postgres: PostgresFixture
) -> None:
    assert service.settings.database_url
    database = make_url(service.settings.database_url).database
    assert database is not None
    admin = replace(postgres.admin, database=database).dsn
    user = postgres.address.user
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"REVOKE EXECUTE ON FUNCTION pg_switch_wal() FROM {user}".encode())
        try:
            order = await erased(service)
            left = await purge(service)
            operator = await service.as_role("admin", organisation="Operator")
            shown = (await operator.get(f"/v1/erasures/{order}")).json()
        finally:
            connection.execute(f"GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {user}".encode())
    [what] = left[order]
    assert what.startswith("write-ahead log: permission denied for function pg_switch_wal")
    assert "pg_checkpoint" in what
    assert shown["state"] == "erased"
    await purge_all(service)


async def test_with_an_hour_for_it_tables_wait_and_everything_else_does_not(
    service: ServiceUnderTest,
) -> None:
    order = await erased(service)
    await service.anchor()
    services = service.services
    left = await services.eraser.finish(writer=services.writer, may_rewrite=False)
    assert left[order] == ["tables: they are rewritten at the hour of PROVENANCE_ERASURE_HOUR"]
    assert await services.eraser.finish(writer=services.writer) == {}


async def test_erasures_are_listed_newest_first_a_page_at_a_time(service: ServiceUnderTest) -> None:
    ordered = [await erased(service) for _ in range(3)]
    auditor = await service.as_role("auditor")
    found: list[str] = []
    query: dict[str, str | int] = {"perPage": 2}
    while True:
        page = (await auditor.get("/v1/erasures", params=query)).json()
        found += [one["id"] for one in page["erasures"]]
        assert all("leaves" not in one and one["entries"] == 1 for one in page["erasures"])
        if "nextPageToken" not in page:
            break
        query["nextPageToken"] = page["nextPageToken"]
    assert found[:3] == ordered[::-1]
    assert len(set(found)) == len(found)
    one = (await auditor.get(f"/v1/erasures/{ordered[0]}")).json()
    assert (len(one["leaves"]), one["ground"]) == (1, "data_subject_request")
    assert (await auditor.get("/v1/erasures/nothing")).status_code == 404
