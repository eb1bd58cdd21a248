"""Loads a backup's dump into a database: the embedded one that is staged, or one that is named.

The embedded one is part of the folder in which a restore makes everything, and goes where that
goes. One that is named is marked while it is loaded (:mod:`provenance.db.loading`), so that whatever
cuts the restore off, the next one can take back what was loaded.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from provenance.db.faults import told
from provenance.db.loading import LOADER, MarkedDatabase, restored_into
from provenance.db.migrate import upgrade
from provenance.embedded.dumping import load_database
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.launch.archive import DATABASE, BackupError, Manifest
from provenance.launch.backup import read_heads
from provenance.launch.steps import RestoreStep, StepObserver, observed
from provenance.settings import Settings
from provenance.wiring.erasing import erase_again
from provenance.wiring.sealing import list_path

Say = Callable[[str], None]


def place_of(url: str | None) -> str | None:
    """Where a database is, without who may use it; None for the embedded one."""
    if url is None:
        return None
    parts = make_url(url)
    host = parts.host or parts.query.get("host") or "localhost"
    return f"{host}:{parts.port or 5432}/{parts.database}"


@asynccontextmanager
async def named_database(settings: Settings) -> AsyncIterator[MarkedDatabase | None]:
    """Hold the database that is named for one restore; None where none is.

    Raises:
        BackupError: it cannot be used.
        LoadedElsewhereError: another restore holds it.

    """
    if settings.database_url is None:
        yield None
        return
    url = make_url(settings.database_url).set(drivername="postgresql")
    try:
        async with restored_into(url.render_as_string(hide_password=False)) as database:
            yield database
    except psycopg.Error as error:
        raise BackupError(f"the database can't be used: {told(error)}") from error


async def load(
    settings: Settings, source: Path, manifest: Manifest, *, observer: StepObserver, say: Say
) -> None:
    """Load the dump into the database of the settings, else into an embedded one.

    What the erasure list of the settings names is erased again.

    Raises:
        BackupError: what was loaded is not what was dumped.
        DumpError: pg_restore failed.

    """
    if settings.database_url is not None:
        await _load(settings, source, manifest, observer=observer, say=say)
        return
    server = EmbeddedPostgres(settings.data_dir)
    address = await server.start()
    try:
        started = settings.model_copy(update={"database_url": address.url})
        await _load(started, source, manifest, observer=observer, say=say)
    finally:
        await server.stop()


async def _load(
    settings: Settings, source: Path, manifest: Manifest, *, observer: StepObserver, say: Say
) -> None:
    url = settings.database_url or ""
    async with observed(observer, RestoreStep.LOAD_DATABASE):
        say("loading the database")
        await load_database(url, source / DATABASE, application=LOADER)
    if tuple(await read_heads(url)) != manifest.logs:
        raise BackupError("what was loaded is not what the manifest says was dumped")
    async with observed(observer, RestoreStep.ERASE_AGAIN):
        await _erase_again(settings, manifest, say)


async def _erase_again(settings: Settings, manifest: Manifest, say: Say) -> None:
    """Apply the erasure list to what was loaded, so that nothing of it is ever served."""
    if not list_path(settings).exists():
        return
    say("erasing again what was erased")
    await asyncio.to_thread(upgrade, settings.database_url or "", is_restoring=True)
    await erase_again(
        settings,
        origins=[log.origin for log in manifest.logs],
        since_ms=manifest.created_at,
    )
