"""Hostile files offered as documents: each refused by name, and nothing of any is kept."""

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.documents import PDF, files_below, upload
from fixtures.hostile_documents import HOSTILE_UPLOADS, Row

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

GIGABYTE = 1 << 30


async def kept(service: ServiceUnderTest) -> tuple[int, list[bytes]]:
    """Entries of the log, and the sealed objects."""
    head = await service.services.entries.head()
    return head.size, sorted(files_below(service.settings.data_dir / "blobs" / "sealed"))


@pytest.mark.parametrize("row", HOSTILE_UPLOADS, ids=[row[0] for row in HOSTILE_UPLOADS])
async def test_a_hostile_file_is_refused_by_name_and_leaves_nothing(
    service: ServiceUnderTest, row: Row
) -> None:
    _, data, declared, query, status, code = row
    carrier = await service.new_carrier()
    before = await kept(service)
    answer = await upload(carrier, data, parcel(), media_type=declared, **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json()["detail"]
    assert await kept(service) == before


async def test_a_body_that_claims_2_gb_is_refused_before_it_is_read(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    before = await kept(service)
    claim = {"content-length": str(2 * GIGABYTE)}
    answer = await upload(carrier, PDF, parcel(), headers=claim)
    assert (answer.status_code, answer.json()["code"]) == (413, "body-too-large")
    assert await kept(service) == before


async def test_a_compressed_body_is_not_unpacked(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    answer = await upload(carrier, PDF, parcel(), headers={"content-encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-content-coding")
