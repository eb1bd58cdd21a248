"""The object store over S3, against a running server: batches and sealed documents alike."""

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from provenance.blobs import BlobNotFoundError, BlobStore
from provenance.keys.files import FileKeys
from provenance.sealing import AlteredError, KeyShelf, Vault
from provenance.wiring.sealing import SealedObjects

MIB = 1 << 20


async def pieces(count: int, size: int = MIB) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number % 251]) * size


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def vault_of(url: str, folder: Path) -> Vault:
    return Vault(
        SealedObjects(BlobStore.from_url(url)),
        KeyShelf(folder / "shelf", FileKeys(folder), random_bytes=os.urandom, now_ms=now_ms),
        random_bytes=os.urandom,
        now_ms=now_ms,
    )


async def test_objects_are_put_read_listed_and_deleted(s3_url: str) -> None:
    store = BlobStore.from_url(s3_url)
    before = now_ms() - 2_000
    await store.put("one/a", b"0123456789")
    await store.put("one/b", b"b")
    await store.put("two/c", b"c")
    assert await store.get("one/a") == b"0123456789"
    assert await store.get_range("one/a", start=2, length=3) == b"234"
    listed = {blob.path: blob async for blob in store.list("one")}
    assert {path: blob.size for path, blob in listed.items()} == {"one/a": 10, "one/b": 1}
    assert before <= listed["one/a"].modified_ms <= now_ms() + 2_000
    await store.delete("one/a")
    await store.delete("one/a")
    assert not await store.exists("one/a")
    with pytest.raises(BlobNotFoundError):
        await store.get("one/a")


async def test_an_object_of_several_parts_streams_in_and_out(s3_url: str) -> None:
    store = BlobStore.from_url(s3_url)
    await store.put("large", pieces(13))
    expected = b"".join([piece async for piece in pieces(13)])
    assert b"".join([data async for data in store.stream("large")]) == expected
    part = b"".join([data async for data in store.stream("large", start=MIB - 3, end=9 * MIB)])
    assert part == expected[MIB - 3 : 9 * MIB]
    rest = b"".join([data async for data in store.stream("large", start=12 * MIB)])
    assert rest == expected[12 * MIB :]


async def test_a_sealed_document_goes_to_s3_and_back(s3_url: str, tmp_path: Path) -> None:
    vault = vault_of(s3_url, tmp_path)
    stored = await vault.store(pieces(13))
    sealed = await vault.shelve(stored, payload_salt=bytes(32))
    again = vault_of(s3_url, tmp_path)
    expected = b"".join([piece async for piece in pieces(13)])
    assert await again.measure(sealed, size=stored.size) == stored.sha256
    middle = again.read(sealed, size=stored.size, start=5 * MIB - 1, stop=5 * MIB + 1)
    assert b"".join([data async for data in middle]) == expected[5 * MIB - 1 : 5 * MIB + 1]
    store = BlobStore.from_url(s3_url)
    [path] = [blob.path async for blob in store.list("sealed")]
    raw = await store.get(path)
    assert bytes([7]) * 32 not in raw
    await store.put(path, raw[:-1])
    with pytest.raises(AlteredError):
        await again.measure(sealed, size=stored.size)
    await again.erase(sealed)
    assert not await store.exists(path)


async def test_a_bucket_is_swept_like_a_folder(s3_url: str, tmp_path: Path) -> None:
    stored = await vault_of(s3_url, tmp_path).store(pieces(1))
    objects = SealedObjects(BlobStore.from_url(s3_url))
    hour = 3_600_000
    old = objects.older(before_ms=now_ms() + hour, since_ms=now_ms() - 24 * hour)
    assert [path async for path in old] == [stored.path]
    assert [path async for path in objects.older(before_ms=now_ms() - hour, since_ms=0)] == []
    assert await objects.remove_parts(before_ms=now_ms()) == 0
    await objects.delete(stored.path)
    assert [path async for path in objects.older(before_ms=now_ms() + hour, since_ms=0)] == []


async def test_an_upload_that_fails_leaves_neither_object_nor_parts_in_s3(
    s3_url: str, s3_endpoint: str, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        async for piece in pieces(7):
            yield piece
        raise RuntimeError("the sender went away")

    with pytest.raises(RuntimeError, match="went away"):
        await vault_of(s3_url, tmp_path).store(broken())
    assert [blob async for blob in BlobStore.from_url(s3_url).list("sealed")] == []
    bucket = s3_url.split("/")[2]
    async with httpx.AsyncClient() as client:
        unfinished = await client.get(f"{s3_endpoint}/{bucket}", params={"uploads": ""})
    assert unfinished.status_code == 200
    assert "<Upload>" not in unfinished.text
