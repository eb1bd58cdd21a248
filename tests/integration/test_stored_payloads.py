"""What checklists and cross-checks read of documents, where these lie: open, sealed, or gone."""

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.cases import Desk, new_desk
from fixtures.documents import XML, pdf, upload
from provenance.evidence.documents import StoredPayloads

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
LIMIT = 1 << 20


def payloads(service: ServiceUnderTest) -> StoredPayloads:
    parts = service.services
    return StoredPayloads(parts.engine, parts.vault, log_id=parts.log.log_id)


async def sealed(desk: Desk, data: bytes, media_type: str = "application/pdf") -> int:
    """Upload a document about a parcel of its own; returns its first entry."""
    epc = parcel()
    await desk.capture(event(epc))
    added = await upload(desk.claims, data, epc, media_type=media_type)
    assert added.status_code == 201, added.text
    first: int = added.json()["first_index"]
    return first


async def stored_at(service: ServiceUnderTest, first_index: int) -> tuple[str, str, int]:
    query = (
        "SELECT sealed_path, sealed_segment, sealed_slot FROM records WHERE first_index = :first"
    )
    async with service.services.engine.connect() as connection:
        row = (await connection.execute(text(query), {"first": first_index})).one()
    assert row.sealed_path is not None
    return row.sealed_path, row.sealed_segment, row.sealed_slot


async def test_a_sealed_document_is_read_byte_for_byte(service: ServiceUnderTest) -> None:
    desk = await new_desk(service)
    # Three chunks of the sealed stream, the last one of a few bytes.
    long = pdf(size=2 * 65_536 + 5, mark="long")
    for data, media_type in ((XML, "application/xml"), (long, "application/pdf")):
        first = await sealed(desk, data, media_type)
        assert await payloads(service).payload(first, limit=LIMIT) == data


async def test_what_lies_open_in_the_database_is_read_there(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    (first,) = await desk.capture(event(epc))
    found = await payloads(service).payload(first, limit=LIMIT)
    assert found is not None
    assert epc.encode() in found


@pytest.mark.parametrize("size", [100, 200_000])
async def test_what_is_longer_than_the_limit_is_not_read(
    service: ServiceUnderTest, size: int
) -> None:
    desk = await new_desk(service)
    data = pdf(size=size, mark="limited")
    first = await sealed(desk, data)
    assert await payloads(service).payload(first, limit=len(data)) == data
    assert await payloads(service).payload(first, limit=len(data) - 1) is None
    (open_one,) = await desk.capture(event(parcel()))
    assert await payloads(service).payload(open_one, limit=10) is None


async def test_a_record_that_is_not_there_has_no_payload(service: ServiceUnderTest) -> None:
    assert await payloads(service).payload(999_999, limit=LIMIT) is None


async def test_a_document_whose_key_was_destroyed_is_gone(service: ServiceUnderTest) -> None:
    first = await sealed(await new_desk(service), pdf(mark="erased"))
    _, segment, slot = await stored_at(service, first)
    await service.services.vault._shelf.erase(segment, [slot])
    assert await payloads(service).payload(first, limit=LIMIT) is None


@pytest.mark.parametrize("harm", ["altered", "cut", "lost"])
async def test_a_document_whose_bytes_were_harmed_is_not_read_in_part(
    service: ServiceUnderTest, harm: str
) -> None:
    first = await sealed(await new_desk(service), pdf(size=100_000, mark=harm))
    path, _, _ = await stored_at(service, first)
    file = service.settings.data_dir / "blobs" / path
    data = file.read_bytes()
    if harm == "altered":
        # In the second chunk: the first one is good.
        file.write_bytes(data[:70_000] + bytes([data[70_000] ^ 1]) + data[70_001:])
    elif harm == "cut":
        file.write_bytes(data[:70_000])
    else:
        file.unlink()
    assert await payloads(service).payload(first, limit=LIMIT) is None
