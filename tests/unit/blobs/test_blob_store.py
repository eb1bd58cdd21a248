"""Objects appear whole, are found again, and are on disk when they were stored."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from obstore.store import S3Store

from provenance.blobs import BlobNotFoundError, BlobStore, BlobStoreError


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore.in_folder(tmp_path / "blobs")


def beside(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def chunks(*, number: int, size: int) -> AsyncIterator[bytes]:
    for value in range(number):
        yield bytes([value]) * size


async def test_an_object_is_read_as_it_was_stored(store: BlobStore) -> None:
    await store.put("a/b/c", b"content")
    assert await store.get("a/b/c") == b"content"
    assert await store.get_range("a/b/c", start=3, length=4) == b"tent"
    assert await store.exists("a/b/c")


async def test_a_stream_is_stored_and_read_in_pieces(store: BlobStore) -> None:
    await store.put("large", chunks(number=9, size=900_000))
    pieces = [piece async for piece in store.stream("large")]
    assert len(pieces) > 1
    assert b"".join(pieces) == b"".join(bytes([value]) * 900_000 for value in range(9))


async def test_a_stream_that_breaks_leaves_nothing_behind(store: BlobStore) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"half"
        raise EOFError

    with pytest.raises(EOFError):
        await store.put("a/half", broken())
    assert not await store.exists("a/half")
    assert [blob async for blob in store.list("a")] == []


async def test_a_replaced_object_has_the_new_content(store: BlobStore) -> None:
    await store.put("one", b"old")
    await store.put("one", b"new")
    assert await store.get("one") == b"new"


async def test_objects_are_listed_below_their_folder_only(store: BlobStore) -> None:
    for path in ("logs/a/1", "logs/a/2", "logs/ab/3"):
        await store.put(path, path.encode())
    assert {(blob.path, blob.size) async for blob in store.list("logs/a")} == {
        ("logs/a/1", 8),
        ("logs/a/2", 8),
    }


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: BlobStore) -> None:
    await store.put("a", b"x")
    await store.delete("a")
    await store.delete("a")
    with pytest.raises(BlobNotFoundError):
        await store.get("a")


@pytest.mark.parametrize("path", ["../outside", "a/../../outside", "/etc/passwd"])
async def test_no_path_leads_out_of_the_folder(store: BlobStore, tmp_path: Path, path: str) -> None:
    with suppress(BlobStoreError):
        await store.put(path, b"x")
    assert beside(tmp_path) == ["blobs"]


async def test_a_store_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    store = BlobStore.in_folder(tmp_path / "blobs")
    (tmp_path / "blobs").rmdir()
    (tmp_path / "blobs").write_bytes(b"a file where the folder was")
    with pytest.raises(BlobStoreError):
        await store.put("a", b"x")


async def test_file_urls_name_folders(tmp_path: Path) -> None:
    await BlobStore.from_url(f"file://{tmp_path}/other").put("a", b"x")
    assert beside(tmp_path / "other") == ["a"]


async def test_an_unknown_store_is_refused() -> None:
    with pytest.raises(BlobStoreError):
        BlobStore.from_url("gopher://x")


async def test_an_error_says_what_failed_without_secrets_in_addresses() -> None:
    with pytest.raises(BlobStoreError) as refused:
        BlobStore.from_url("nonsense://user:secret@bucket/prefix?sig=secret")
    assert "nonsense://bucket/prefix" in str(refused.value)
    assert "secret" not in str(refused.value)


async def test_an_error_of_a_request_leaves_out_what_the_store_was_set_up_with() -> None:
    remote = S3Store(
        "bucket",
        endpoint="http://user:secret@127.0.0.1:9",
        access_key_id="id",
        secret_access_key="secret",
        region="nowhere",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    with pytest.raises(BlobStoreError) as refused:
        await BlobStore(remote).get("a/b")
    assert str(refused.value).startswith("a/b: ")
    assert "GET http://127.0.0.1:9/bucket/a/b in" in str(refused.value)
    assert "secret" not in str(refused.value)
