"""Copies of batches are written anew, and a database is refilled from the new ones."""

import pytest

from fixtures.anchoring import Dump, World
from provenance.anchor.batch import BatchName, BatchPaths, decode_manifest
from provenance.anchor.batch_writing import BatchWriter
from provenance.anchor.session import connect
from provenance.blobs import BlobStore

pytestmark = pytest.mark.services

_CONTENT = "SELECT first_index, payload, payload_salt FROM records ORDER BY first_index"
_EMPTY = "UPDATE records SET payload = NULL, payload_salt = NULL WHERE first_index = 3"


@pytest.fixture(params=["files", "s3"])
def blobs(request: pytest.FixtureRequest, world: World) -> BlobStore:
    if request.param == "s3":
        world.blobs = BlobStore.from_url(request.getfixturevalue("s3_url"))
    return world.blobs


async def parts(blobs: BlobStore, paths: BatchPaths, name: BatchName) -> set[str]:
    folder = f"{paths.batches}/{name}"
    return {blob.path.rpartition("/")[2] async for blob in blobs.list(folder)}


async def test_a_batch_that_was_written_anew_holds_what_the_rows_hold_now(
    world: World, dump: Dump, blobs: BlobStore
) -> None:
    async with world.working(world.worker()):
        old = await world.append(3)
        await world.anchored(old)
    restore = await dump()
    async with world.working(world.worker()):
        size = await world.append(4)
        await world.anchored(size)
    name, paths = BatchName(old, size), BatchPaths(world.log.origin)
    secret = (await world.query("SELECT payload FROM records WHERE first_index = 3"))[0][0]
    async with connect(world.database_url) as connection:
        await connection.execute(_EMPTY)
        writer = BatchWriter(blobs, connection, log_id=world.log.log_id, origin=world.log.origin)
        assert await writer.rewrite(name)
        assert await parts(blobs, paths, name) == {
            "entries", "leaves", "places.1", "rows.1", "manifest.json",
        }  # fmt: skip
        # A manifest that was never written leaves nothing behind either.
        await blobs.put(paths.object(name, "rows.7"), b"left by a crash")
        assert await writer.rewrite(name)
        assert not await writer.rewrite(BatchName(old, size + 1))
    assert await parts(blobs, paths, name) == {
        "entries", "leaves", "places.2", "rows.2", "manifest.json",
    }  # fmt: skip
    manifest = decode_manifest(await blobs.get(paths.manifest(name)))
    assert (manifest.generation, manifest.size) == (2, size)
    rows = await blobs.get(paths.object(name, "rows.2"))
    assert secret.hex().encode() not in rows
    before = await world.query(_CONTENT)
    await restore()
    async with world.working(world.worker()):
        await world.anchored(size)
        await world.until_state("open")
    assert await world.query(_CONTENT) == before
