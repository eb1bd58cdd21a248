"""What is not in a backup tells what the backup lacks only where it is named and there."""

from pathlib import Path

import pytest

from provenance.anchor.batch import BatchName, BatchPaths
from provenance.launch.archive import BackupError, LogHead, Manifest
from provenance.launch.outside import why_untold
from provenance.settings import Settings

ORIGIN, OTHER = "log.example/parcels", "log.example/other"


class Store:
    """A folder as the object store that is named."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.settings = Settings(
            data_dir=path / "data",
            blob_url=f"file://{path / 'store'}",
            rpc_url="http://127.0.0.1:9",
        )

    def copied(self, old_size: int, size: int, *, origin: str = ORIGIN) -> "Store":
        path = self.path / "store" / BatchPaths(origin).manifest(BatchName(old_size, size))
        path.parent.mkdir(parents=True)
        path.write_bytes(b"{}")
        return self

    async def untold(self, *anchored: int) -> str | None:
        """Why nothing tells, where the newest of the logs were anchored up to these sizes."""
        origins = (OTHER, ORIGIN)[-len(anchored) :]
        logs = tuple(
            LogHead(origin=origin, size=100, root="", anchored=size)
            for origin, size in zip(origins, anchored, strict=True)
        )
        manifest = Manifest(
            v=1, created_at=1, schema="", logs=logs, has_chain=False, has_blobs=False, files={}
        )
        found = await why_untold(manifest, self.settings)
        assert found is None or found.setting == "PROVENANCE_BLOB_URL"
        return None if found is None else found.why


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


async def test_copies_up_to_what_was_anchored_or_beyond_tell(store: Store) -> None:
    assert await store.copied(0, 40).copied(40, 90).untold(90) is None
    assert await store.copied(90, 120).untold(90) is None
    assert await store.untold(110) is None, "the last one begins below and ends beyond"


async def test_a_store_that_ends_below_tells_nothing_and_says_where(store: Store) -> None:
    said = await store.copied(0, 40).copied(40, 80).untold(90)
    assert said is not None
    assert f"up to size 80 alone of {ORIGIN}, which was anchored up to size 90" in said


async def test_an_empty_store_and_another_logs_tell_nothing(store: Store) -> None:
    for said in (await store.untold(90), await store.copied(0, 90, origin=OTHER).untold(90)):
        assert said is not None
        assert f"has no copies of {ORIGIN}" in said


async def test_a_log_that_was_never_anchored_had_no_copies(store: Store) -> None:
    assert await store.untold(0) is None


async def test_a_successor_that_was_never_anchored_is_told_of_by_what_it_succeeded(
    store: Store,
) -> None:
    assert await store.untold(90, 0) is not None
    assert await store.copied(0, 90, origin=OTHER).untold(90, 0) is None


@pytest.mark.parametrize("url", ["nonsense://bucket", "file://{path}/file/store"])
async def test_a_store_that_cannot_be_asked_is_an_error_of_its_own(store: Store, url: str) -> None:
    (store.path / "file").touch()
    store.settings = store.settings.model_copy(update={"blob_url": url.format(path=store.path)})
    with pytest.raises(BackupError, match=r"PROVENANCE_BLOB_URL names can't be asked"):
        await store.untold(90)
