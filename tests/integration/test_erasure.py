"""What is erased is gone from everything that the service keeps, and nothing else is."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import pdf, upload
from fixtures.embedded import PostgresFixture
from fixtures.erasing import LD, canary, erase, everything, places_of, plain_dump, purge_all
from provenance.core.receipt import Receipt
from provenance.verify.audit import audit_database
from provenance.wiring.auditing import expected_records
from provenance.wiring.chain import file_keys

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def test_no_copy_of_a_canary_is_left_and_everything_else_still_verifies(
    service: ServiceUnderTest, postgres: PostgresFixture
) -> None:
    carrier, about, word = await service.new_carrier(), parcel(), canary()
    other = event(about, bizLocation={"id": "https://example.com/elsewhere"})
    kept = (await carrier.post("/epcis/events", json=other, headers=LD)).json()
    said = event(
        about, bizLocation={"id": f"https://example.com/{word}"}, **{"example:signer": word}
    )
    said["@context"].append({"example": "https://example.com/voc/"})
    gone = await carrier.post(
        "/epcis/events", json=said, headers={**LD, "idempotency-key": f"key-{word}"}
    )
    assert gone.status_code == 201, gone.text
    document = await upload(carrier, pdf(size=100_000, mark=word), about, filename=f"{word}.pdf")
    await service.anchor()
    settle(service)
    folders = everything(service, postgres)
    before = places_of(word, *folders)
    for place in ("blobs/logs/", "postgres/base/", "postgres/pg_wal/"):
        assert any(one.startswith(place) for one in before), (place, before)
    receipts = {
        first: (await carrier.get(f"/v1/receipts/{first}")).content
        for first in (kept["first_index"], gone.json()["first_index"])
    }

    answer = await erase(
        service, records=[gone.json()["first_index"], document.json()["first_index"]]
    )
    [erasure] = answer["erasures"]
    assert erasure["state"] == "erased"
    assert (await carrier.get(f"/v1/documents/{document.json()['first_index']}")).status_code == 410
    await purge_all(service)
    operator = await service.as_role("admin", organisation="Operator")
    shown = (await operator.get(f"/v1/erasures/{erasure['id']}")).json()
    assert (shown["state"], shown.get("left")) == ("purged", None)

    assert places_of(word, *folders) == set()
    assert service.settings.database_url
    assert word not in plain_dump(service.settings.database_url)
    assert await findings(service) == []
    for first, held in receipts.items():
        # What somebody holds goes on to verify; what is asked for now tells the erasure.
        assert await verdict(service, held) == "VALID"
        now = Receipt.decode((await carrier.get(f"/v1/receipts/{first}")).content)
        assert now.state == (None if first == kept["first_index"] else "erased")
        assert now.entry == Receipt.decode(held).entry
    timeline = (await carrier.get(f"/v1/shipments/{quote(about, safe='')}/timeline")).json()
    erased = [one for one in timeline["events"] if one.get("erased")]
    assert len(erased) == 2
    assert {one["erased_ground"] for one in erased} == {"data_subject_request"}
    assert all(one["erased_at"] >= one["recorded_at"] for one in erased)
    assert word not in str(timeline)


async def test_a_row_that_says_another_erasure_is_named(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    first, second = [
        (await carrier.post("/epcis/events", json=event(parcel()), headers=LD)).json()[
            "first_index"
        ]
        for _ in range(2)
    ]
    await service.anchor()
    for record in (first, second):
        await erase(service, records=[record])
    await purge_all(service)
    assert await findings(service) == []
    for value in ("NULL", "0", f"(SELECT erased_by FROM records WHERE first_index = {second})"):
        with altered_row(service, "erased_by", value, first):
            (found,) = await findings(service)
            assert f"erased_by of record {first}" in found
    assert await findings(service) == []


@pytest.mark.parametrize(
    ("column", "value", "problem"),
    [
        ("event_type", "'retention_ended'", "is 'retention_ended' in the table and 'data_subject"),
        ("disposition", "'x'", "is 'x' in the table and None in the statement"),
        ("content_mac", "NULL", "is missing"),
        ("payload_salt", "'x'", "is set beside a sealed payload"),
    ],
)
async def test_a_row_of_an_erasure_that_says_otherwise_is_named(
    service: ServiceUnderTest, column: str, value: str, problem: str
) -> None:
    carrier = await service.new_carrier()
    event_of = await carrier.post("/epcis/events", json=event(parcel()), headers=LD)
    await service.anchor()
    await erase(service, records=[event_of.json()["first_index"]])
    await purge_all(service)
    async with service.services.engine.connect() as connection:
        last = text("SELECT max(first_index) FROM records WHERE kind = 'erasure'")
        erasure = (await connection.execute(last)).scalar_one()
    with altered_row(service, column, value, erasure):
        (found,) = await findings(service)
        assert f"{column} of record {erasure}: {problem}" in found
    assert await findings(service) == []


@contextmanager
def altered_row(
    service: ServiceUnderTest, column: str, value: str, first_index: int
) -> Iterator[None]:
    """A record's row that says something else for a while."""
    assert service.settings.database_url
    url = service.settings.database_url.replace("+psycopg", "")
    where = f" WHERE first_index = {first_index}"
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(f"SELECT {column} FROM records{where}").fetchone()
        assert row is not None
        connection.execute(f"UPDATE records SET {column} = {value}{where}")
        yield
        connection.execute(f"UPDATE records SET {column} = %s{where}", row)


async def verdict(service: ServiceUnderTest, receipt: bytes) -> str:
    """Overall verdict on a receipt."""
    answer = await service.anonymous.post(
        "/v1/verify", content=receipt, headers={"content-type": "application/json"}
    )
    outcome: str = answer.json()["outcome"]
    return outcome


def settle(service: ServiceUnderTest) -> None:
    """Let PostgreSQL sample the rows and write them to their tables."""
    assert service.settings.database_url
    url = service.settings.database_url.replace("+psycopg", "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")
        connection.execute("CHECKPOINT")


async def findings(service: ServiceUnderTest) -> list[str]:
    """What an audit of the database finds."""
    settings = service.settings
    assert settings.database_url
    report = await audit_database(
        settings.database_url,
        origin=settings.origin,
        trust=await service.services.trust(),
        rpc_url=settings.rpc_url,
        expected_of=expected_records(settings, file_keys(settings)),
        sealed=service.services.vault,
    )
    return [str(finding) for finding in report.findings]
