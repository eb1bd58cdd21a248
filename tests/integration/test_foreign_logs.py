"""A data folder or object store that a log of another database needs: nothing begins or is swept."""

import shutil
import time
from collections.abc import AsyncIterator

import pytest

from fixtures.left import ORIGIN, Left, start
from provenance.anchor.errors import DeploymentLostError
from provenance.db.engine import create_engine
from provenance.sealing.sweep import GRACE_MS, Swept
from provenance.settings import Settings
from provenance.wiring.chain import blob_store, checkpoint_mark
from provenance.wiring.sealing import SealedObjects, list_path, sweeper
from provenance.wiring.traces import ForeignLogError
from provenance.wiring.trust import trust_path

pytestmark = pytest.mark.services

OTHER = "log.example/other"


async def sealed_bytes() -> AsyncIterator[bytes]:
    yield b"sealed"


async def leave_only(left: Left, kind: str) -> str:
    """Remove what tells of the log but for one kind; returns how that is named in a message."""
    folder, keys = left.settings.data_dir, left.key("")
    mark = checkpoint_mark(left.settings, ORIGIN).path
    if kind == "mark":
        mark.write_text("any")
    elif kind != "trust":
        mark.unlink(missing_ok=True)
    if kind != "trust":
        trust_path(left.settings).unlink()
    if kind != "copy":
        shutil.rmtree(folder / "blobs")
    if kind != "shelf":
        shutil.rmtree(keys / "sealed")
    if kind == "document":
        await SealedObjects(blob_store(left.settings)).put("sealed/20260101/0", sealed_bytes())
    if kind == "erasures":
        list_path(left.settings).touch()
    return {
        "trust": f"the log {ORIGIN} in {trust_path(left.settings)} is of another log",
        "mark": f"the checkpoint {mark} is of another log",
        "copy": "the copy logs/",
        "shelf": f"the key shelf {keys / 'sealed'} is of one",
        "document": "the document sealed/20260101/0 in the object store is of one",
        "erasures": f"the erasure list {list_path(left.settings)} is of one",
    }[kind]


@pytest.mark.parametrize("kind", ["trust", "mark", "copy", "shelf", "document", "erasures"])
async def test_an_empty_database_and_another_name_begin_no_log_beside_an_old_one(
    left: Left, kind: str
) -> None:
    said = await leave_only(left, kind)
    settings = left.with_an_empty_database().model_copy(update={"origin": OTHER})
    before = left.files()

    with pytest.raises(DeploymentLostError) as refused:
        await start(settings, left.chain)

    assert str(refused.value).startswith(said) or f"but {said}" in str(refused.value)
    assert "a data folder and an object store of its own" in str(refused.value)
    assert left.files() == before
    assert left.rows("SELECT * FROM logs", settings) == []


async def test_another_log_begins_beside_one_of_the_same_database(left: Left) -> None:
    other = left.settings.model_copy(update={"origin": OTHER})
    trust = (await start(other, left.chain)).trust
    assert [log.origin for log in trust.logs] == [ORIGIN, OTHER]
    assert (await start(left.settings, left.chain)).trust == trust
    assert await swept(other) == Swept(keys=1)


async def test_a_folder_that_another_databases_log_needs_is_not_swept(left: Left) -> None:
    emptied = left.with_an_empty_database()
    await start(emptied, left.chain)
    left.rows(f"UPDATE logs SET origin = '{OTHER}', created_at = 0", emptied)
    before = left.files()
    with pytest.raises(ForeignLogError, match=rf"the log {ORIGIN} in .* nothing is removed"):
        await swept(emptied)
    assert left.files() == before


async def test_what_is_older_than_an_adopted_log_is_not_swept(left: Left) -> None:
    """The copies may be gone that would tell the database what its documents are."""
    emptied = left.with_an_empty_database()
    await start(emptied, left.chain)
    assert await swept(emptied) == Swept()
    assert await swept(left.settings) == Swept(keys=1)


async def swept(settings: Settings) -> Swept:
    """Sweep once, as it is done two hours later."""
    assert settings.database_url
    engine = create_engine(settings.database_url)
    try:
        return await sweeper(settings, engine, now_ms=later).sweep()
    finally:
        await engine.dispose()


def later() -> int:
    return time.time_ns() // 1_000_000 + 2 * GRACE_MS
