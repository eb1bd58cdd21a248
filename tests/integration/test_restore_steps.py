"""A restore that is killed before or after any of its steps: no service starts on the half, and the
next restore makes the whole of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from sqlalchemy import make_url

from fixtures.backups import (
    Killed,
    restore_beside,
    restore_killed,
    settings_for,
    small_backup,
)
from fixtures.embedded import PostgresFixture
from fixtures.opening import CutOffError
from fixtures.rotation import rotated
from fixtures.waiting import children_of, eventually, gone
from provenance.db.engine import create_engine
from provenance.db.errors import HalfRestoredError
from provenance.db.loading import (
    LOADER,
    DatabaseNotEmptyError,
    LoadedElsewhereError,
    restored_into,
)
from provenance.db.migrate import check_schema, upgrade
from provenance.embedded.dumping import load_database
from provenance.embedded.errors import DumpError
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.launch.archive import BackupError, check_files, read_manifest
from provenance.launch.backup import back_up, read_heads
from provenance.launch.owner import AlreadyRunningError, take
from provenance.launch.restoring import Wanted, restore
from provenance.launch.stack import Stack
from provenance.launch.steps import RestoreStep
from provenance.settings import Settings
from provenance.wiring.restored import check_whole

pytestmark = pytest.mark.services
MOMENTS = {"before": False, "after": True}
STEPS = {step.name: step for step in RestoreStep}


@pytest.fixture
async def backup(tmp_path: Path, database_url: str) -> Path:
    return await small_backup(tmp_path, database_url=database_url)


@pytest.fixture
def restored_url(postgres: PostgresFixture) -> Iterator[str]:
    """An empty database to restore into."""
    address = postgres.create_database()
    yield address.url
    postgres.drop_database(address.database)


async def starts(settings: Settings) -> bool:
    """Whether a service may start on folder and database, asked the way each of its parts asks."""
    try:
        async with Stack(settings, report=print):
            pass
    except HalfRestoredError:
        return False
    if settings.database_url is None:
        return True
    engine = create_engine(settings.database_url)
    try:
        async with engine.connect() as connection:
            await check_schema(connection)
    except HalfRestoredError:
        return False
    finally:
        await engine.dispose()
    return True


async def is_whole(settings: Settings, backup: Path) -> None:
    """All that is in the backup is there, and nothing that a restore needs for itself."""
    manifest = read_manifest(backup)
    data = settings.data_dir
    files = {name: one for name, one in manifest.files.items() if name != "database.dump"}
    check_files(data, msgspec.structs.replace(manifest, files=files))
    check_whole(data)
    assert not list(data.glob(".*"))
    if settings.database_url is not None:
        assert tuple(await read_heads(settings.database_url)) == manifest.logs
        assert await starts(settings)
        return
    server = EmbeddedPostgres(data)
    address = await server.start()
    try:
        assert tuple(await read_heads(address.url)) == manifest.logs
    finally:
        await server.stop()


async def killed_and_restored(
    settings: Settings, backup: Path, step: RestoreStep, moment: str
) -> None:
    wanted = Wanted(backup)
    restore_killed(settings, wanted, Killed(step, after_effect=MOMENTS[moment]))
    is_ended = step is RestoreStep.REMOVE_NOTE and moment == "after"
    is_untouched = step is RestoreStep.TAKE_BACK or (step.name, moment) == ("NOTE", "before")
    if is_ended:
        with pytest.raises(BackupError, match="is not empty"):
            await restore(settings, wanted, say=print)
    else:
        if not is_untouched:
            assert not await starts(settings)
        await restore(settings, wanted, say=print)
    await is_whole(settings, backup)


@pytest.mark.parametrize(("name", "moment"), rotated(STEPS, list(MOMENTS)))
async def test_whoever_restores_next_makes_the_whole_of_it(
    tmp_path: Path, backup: Path, restored_url: str, name: str, moment: str
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    # A new file system's root looks like this. It is filled, never replaced.
    (settings.data_dir / "lost+found").mkdir(parents=True)
    root = settings.data_dir.stat().st_ino
    await killed_and_restored(settings, backup, STEPS[name], moment)
    assert settings.data_dir.stat().st_ino == root


@pytest.mark.soak
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", STEPS)
async def test_so_does_whoever_restores_into_the_embedded_database(
    tmp_path: Path, backup: Path, name: str, moment: str
) -> None:
    await killed_and_restored(settings_for(tmp_path / "data", None), backup, STEPS[name], moment)


@dataclass(frozen=True, slots=True)
class Resuming:
    """An observer that lets a load go on, which stands still, once its tables were looked for."""

    holder: psycopg.AsyncConnection[Any]
    orphan: asyncio.Task[None] | None = None

    async def before(self, step: RestoreStep) -> None:
        pass

    async def after(self, step: RestoreStep) -> None:
        if step is RestoreStep.COPY:
            await self.holder.rollback()
            if self.orphan is not None:
                await asyncio.wait({self.orphan})


@asynccontextmanager
async def loads_standing_still(url: str) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """Hold every load between its data and its indexes, until this transaction is rolled back."""
    async with await psycopg.AsyncConnection.connect(libpq(url)) as holder:
        # Whoever makes something of the same name waits for what becomes of it.
        await holder.execute("CREATE TABLE ix_records_describes ()")
        yield holder


async def loads(holder: psycopg.AsyncConnection[Any]) -> bool:
    """Whether a load stands still."""
    # Within a transaction the first look would be kept.
    await holder.execute("SELECT pg_stat_clear_snapshot()")
    cursor = await holder.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = %s AND wait_event_type = 'Lock'",
        (LOADER,),
    )
    return await cursor.fetchone() == (1,)


async def test_a_restore_that_is_killed_while_it_loads_takes_what_loads_along(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    async with loads_standing_still(restored_url) as holder:
        restoring = restore_beside(settings, Wanted(backup))
        await eventually(lambda: loads(holder), within=120)
        [loader] = children_of(restoring.pid)
        restoring.kill()
        restoring.join()
        await gone(loader)
        # The server has not noticed: the session still waits.
        assert await loads(holder)
        await restore(settings, Wanted(backup), say=print, observer=Resuming(holder))
    await is_whole(settings, backup)


async def test_a_load_that_outlives_its_restore_is_ended_by_the_next_one(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    restore_killed(settings, Wanted(backup), Killed(RestoreStep.LOAD_DATABASE, after_effect=False))
    async with loads_standing_still(restored_url) as holder:
        orphan = asyncio.create_task(
            load_database(restored_url, backup / "database.dump", application=LOADER)
        )
        await eventually(lambda: loads(holder), within=120)
        await restore(settings, Wanted(backup), say=print, observer=Resuming(holder, orphan))
        with pytest.raises(DumpError):
            await orphan
    await is_whole(settings, backup)


@dataclass(frozen=True, slots=True)
class Failing:
    """An observer that lets a restore fail after a step."""

    step: RestoreStep

    async def before(self, step: RestoreStep) -> None:
        pass

    async def after(self, step: RestoreStep) -> None:
        if step is self.step:
            raise CutOffError


@pytest.mark.parametrize(
    "step", [RestoreStep.COPY, RestoreStep.LOAD_DATABASE, RestoreStep.MOVE], ids=lambda s: s.name
)
async def test_a_restore_that_fails_leaves_folder_and_database_empty(
    tmp_path: Path, backup: Path, restored_url: str, step: RestoreStep
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    with pytest.raises(CutOffError):
        await restore(settings, Wanted(backup), say=print, observer=Failing(step))
    assert [path.name for path in settings.data_dir.rglob("*")] == ["run", "stack.lock"]
    assert not await tables(restored_url)
    assert await starts(settings.model_copy(update={"database_url": None}))


@dataclass(frozen=True, slots=True)
class StartedMeanwhile:
    """An observer at whose last but one step a service is started on a folder."""

    folder: Path

    async def before(self, step: RestoreStep) -> None:
        pass

    async def after(self, step: RestoreStep) -> None:
        if step is RestoreStep.MOVE:
            take(self.folder).release()


async def test_a_service_that_is_started_on_the_newer_folder_has_the_restore_taken_back(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    newer = tmp_path / "newer"
    (newer / "keys").mkdir(parents=True)
    (newer / "keys" / "sealing-1.master").write_bytes(b"newer")
    wanted = Wanted(backup, newer=newer)
    with pytest.raises(AlreadyRunningError):
        await restore(settings, wanted, say=print, observer=StartedMeanwhile(newer))
    assert [path.name for path in settings.data_dir.rglob("*")] == ["run", "stack.lock"]
    assert not await tables(restored_url)


async def test_what_others_have_put_there_is_never_removed(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    """Neither beside a half, nor in a database that a restore did not mark."""
    settings = settings_for(tmp_path / "data", restored_url)
    restore_killed(settings, Wanted(backup), Killed(RestoreStep.LOAD_DATABASE, after_effect=True))
    other = settings.data_dir / "notes.txt"
    other.write_text("mine")
    with pytest.raises(BackupError, match="is not empty"):
        await restore(settings, Wanted(backup), say=print)
    other.unlink()
    elsewhere = settings.model_copy(update={"database_url": None})
    with pytest.raises(BackupError, match="DATABASE_URL of then"):
        await restore(elsewhere, Wanted(backup), say=print)
    async with await psycopg.AsyncConnection.connect(
        libpq(restored_url), autocommit=True
    ) as connection:
        await connection.execute("DROP TABLE provenance_restoring")
        with pytest.raises(DatabaseNotEmptyError):
            await restore(settings, Wanted(backup), say=print)
    assert "logs" in await tables(restored_url)


async def test_a_database_that_is_loaded_is_neither_used_nor_loaded_twice_nor_backed_up(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    settings = settings_for(tmp_path / "data", restored_url)
    async with restored_into(libpq(restored_url)) as database:
        with pytest.raises(LoadedElsewhereError):
            await restore(settings, Wanted(backup), say=print)
        await database.mark()
    with pytest.raises(HalfRestoredError):
        await asyncio.to_thread(upgrade, restored_url)
    with pytest.raises(HalfRestoredError):
        await back_up(settings, tmp_path / "b", database_url=restored_url, now_ms=1, say=print)
    assert not (tmp_path / "b").exists()
    await restore(settings, Wanted(backup), say=print)
    await is_whole(settings, backup)


async def test_a_dump_of_a_schema_that_is_not_known_is_refused_before_anything_is_done(
    tmp_path: Path, backup: Path, restored_url: str
) -> None:
    manifest = backup / "manifest.json"
    known = msgspec.structs.replace(read_manifest(backup), schema="9999")
    manifest.write_bytes(msgspec.json.encode(known))
    settings = settings_for(tmp_path / "data", restored_url)
    with pytest.raises(BackupError, match="has schema '9999'"):
        await restore(settings, Wanted(backup), say=print)
    assert not settings.data_dir.exists()
    assert not await tables(restored_url)


@pytest.mark.parametrize(
    ("outside", "missing", "name"),
    [
        ({"has_blobs": False}, {"blob_url": None, "rpc_url": None}, "PROVENANCE_BLOB_URL"),
        ({"has_blobs": False, "has_chain": False}, {"blob_url": None}, "PROVENANCE_BLOB_URL"),
        ({"has_blobs": False, "has_chain": False}, {"rpc_url": None}, "RPC_URL"),
        ({"has_chain": False}, {"blob_url": None, "rpc_url": None}, "RPC_URL"),
    ],
)
async def test_what_is_outside_of_a_backup_tells_nothing_unless_it_is_named(
    backup: Path, restored_url: str, outside: dict[str, bool], missing: dict[str, None], name: str
) -> None:
    everything = {"has_blobs": True, "has_chain": True, **outside}
    manifest = msgspec.structs.replace(read_manifest(backup), **everything)
    (backup / "manifest.json").write_bytes(msgspec.json.encode(manifest))
    named = settings_for(backup.parent / "data", restored_url)
    named = named.model_copy(update={"blob_url": f"file://{backup.parent / 'store'}"})
    forgotten = named.model_copy(update=missing)
    with pytest.raises(BackupError, match=f"Set {name} as the service had it"):
        await restore(forgotten, Wanted(backup), say=print)
    assert not forgotten.data_dir.exists()
    restored = await restore(named, Wanted(backup), say=print)
    assert not restored.is_lossy


async def test_a_store_that_has_no_copies_of_an_anchored_log_tells_nothing(
    backup: Path, restored_url: str
) -> None:
    (log,) = (manifest := read_manifest(backup)).logs
    anchored = msgspec.structs.replace(log, anchored=5)
    outside = msgspec.structs.replace(manifest, has_blobs=False, logs=(anchored,))
    (backup / "manifest.json").write_bytes(msgspec.json.encode(outside))
    settings = settings_for(backup.parent / "data", restored_url)
    settings = settings.model_copy(update={"blob_url": f"file://{backup.parent / 'store'}"})
    with pytest.raises(BackupError, match=r"has no copies of .* Set PROVENANCE_BLOB_URL as"):
        await restore(settings, Wanted(backup), say=print)
    assert not settings.data_dir.exists()


@pytest.mark.parametrize("name", ["data/blobs/bk", "link/bk"])
async def test_no_backup_is_made_inside_the_data_folder(
    tmp_path: Path, database_url: str, name: str
) -> None:
    (tmp_path / "data" / "blobs").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "blobs")
    with pytest.raises(BackupError, match="is inside the data folder"):
        await back_up(
            settings_for(tmp_path / "data", database_url),
            tmp_path / name,
            database_url=database_url,
            now_ms=1,
            say=print,
        )
    assert not list((tmp_path / "data" / "blobs").iterdir())


def libpq(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def tables(url: str) -> list[str]:
    query = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    async with await psycopg.AsyncConnection.connect(libpq(url)) as connection:
        return [name for (name,) in await (await connection.execute(query)).fetchall()]
