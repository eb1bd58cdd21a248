"""Batches of sealed records: they carry references, and a refilled database opens what it refers to."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from fixtures.anchoring import SUBMITTER, Dump, World
from provenance.blobs import BlobStore
from provenance.core.digests import LeafHash, Salt, sha256
from provenance.erasure.book import ErasureList
from provenance.erasure.orders import Order
from provenance.intake.documents.statements import Content, document_statement
from provenance.keys.files import FileKeys
from provenance.log.submissions import DocumentColumns, RecordDraft
from provenance.sealing import KeyGoneError, KeyShelf, SealedRef, Vault
from provenance.wiring.erasing import EmptiesListed
from provenance.wiring.sealing import SealedObjects

pytestmark = pytest.mark.services

DATA = b"a document with a canary in it " * 10_000
SALT = Salt(bytes(range(32)))
SUBJECTS = ("https://id.gs1.org/00/095201234567891235", "urn:example:waybill")
_SEALED = """
SELECT sealed_path, sealed_segment, sealed_slot, sealed_opening, payload, payload_salt, supersedes
FROM records WHERE kind = 'document'
"""


_ERASED = """
SELECT first_index FROM records WHERE statement_head IS NULL AND payload IS NULL
  AND sealed_path IS NULL AND dedup_key IS NULL ORDER BY first_index
"""


async def test_what_was_erased_stays_erased_when_its_batch_is_loaded_again(
    world: World, dump: Dump, tmp_path: Path
) -> None:
    orders = ErasureList(tmp_path / "erasures", now_ms=lambda: 1_764_000_000_000)
    vault = vault_of(world.blobs, tmp_path / "keys")
    async with world.working(world.worker()):
        await world.anchored(await world.append(3))
    restore = await dump()
    async with world.working(world.worker()):
        document = await sealed_draft(vault)
        size = await world.log_drafts(document)
        last = await world.append(2)
        await world.anchored(last)
    leaves = await world.query(
        f"SELECT leaf_hash FROM entries WHERE record_first IN (3, {size}) ORDER BY index"
    )
    order = Order(
        id="ab" * 16,
        at=1_764_000_000_000,
        ground="objection",
        submitter=SUBMITTER,
        leaves=tuple(LeafHash(leaf) for (leaf,) in leaves),
        payload=None,
    )
    await orders.add(order)
    await orders.mark("purged", [order])
    await restore()
    async with world.working(world.worker(erased=EmptiesListed(orders, vault))):
        await world.anchored(last)
        await world.until_state("open")
    assert await world.query(_ERASED) == [(3,), (size,)]
    assert await world.query("SELECT count(*) FROM entries WHERE salt IS NULL") == [(len(leaves),)]
    assert document.sealed is not None
    with pytest.raises(KeyGoneError):
        await vault.opening(document.sealed)
    # The copies that it came from hold it: they are written anew once more.
    assert (await orders.orders())[order.id].state == "erased"


@pytest.fixture(params=["files", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "files":
        return BlobStore.in_folder(tmp_path / "blobs")
    return BlobStore.from_url(request.getfixturevalue("s3_url"))


def vault_of(blobs: BlobStore, folder: Path) -> Vault:
    def now_ms() -> int:
        return 1_764_000_000_000

    shelf = KeyShelf(folder / "shelf", FileKeys(folder), random_bytes=os.urandom, now_ms=now_ms)
    return Vault(SealedObjects(blobs), shelf, random_bytes=os.urandom, now_ms=now_ms)


async def sealed_draft(vault: Vault) -> RecordDraft:
    stored = await vault.store(_once())
    sealed = await vault.shelve(stored, payload_salt=SALT, filename="name-with-canary.pdf")
    return RecordDraft(
        submitter=SUBMITTER,
        subjects=SUBJECTS,
        statement=document_statement(
            Content(sha256=stored.sha256, size=stored.size, media_type="text/plain"),
            subjects=SUBJECTS,
            submitter=str(SUBMITTER),
            payload_salt=SALT,
            type_code="380",
        ),
        sealed=sealed,
        dedup_key=sha256(b"one document"),
        content_mac=sha256(b"its content"),
        document=DocumentColumns(supersedes=7),
    )


async def _once() -> AsyncIterator[bytes]:
    yield DATA


async def test_a_sealed_record_is_refilled_with_its_references(
    world: World, dump: Dump, blobs: BlobStore, tmp_path: Path
) -> None:
    world.blobs = blobs
    vault = vault_of(blobs, tmp_path / "keys")
    async with world.working(world.worker()):
        await world.anchored(await world.append(3))
    restore = await dump()
    async with world.working(world.worker()):
        size = await world.log_drafts(await sealed_draft(vault))
        await world.anchored(size)
        before = await world.query(_SEALED)
    await restore()
    assert await world.query(_SEALED) == []
    async with world.working(world.worker()):
        await world.anchored(size)
        await world.until_state("open")
    [row] = await world.query(_SEALED)
    assert [row] == before
    assert row[4:] == (None, None, 7)
    sealed = SealedRef(*row[:4])
    assert (await vault.opening(sealed)).filename == "name-with-canary.pdf"
    assert await vault.measure(sealed, size=len(DATA)) == sha256(DATA)
    async for blob in blobs.list("logs"):
        assert b"canary" not in await blobs.get(blob.path)
