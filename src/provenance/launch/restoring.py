"""Restores a backup into an empty data folder, and into an empty database where one is named.

Every file is compared with the manifest before anything is written. The data folder is made
beside its place and gets its name when all of it is on disk, so that a restore that was cut off
leaves nothing that a service could start on.

What is restored is older than what was acknowledged since. The next start compares it with the
chain and takes no write before the two agree.
"""

import asyncio
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from provenance.db.migrate import upgrade
from provenance.embedded.dumping import load_database
from provenance.embedded.files import make_data_folder, make_folder, sync_folder
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.launch.archive import (
    DATABASE,
    MANIFEST,
    BackupError,
    Manifest,
    check_files,
    copy_file,
    read_manifest,
    sync_tree,
)
from provenance.launch.backup import read_heads
from provenance.settings import Settings
from provenance.wiring.erasing import erase_again
from provenance.wiring.sealing import erasure_list, list_path

Say = Callable[[str], None]
_TABLES = (
    "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)


async def restore(
    settings: Settings, source: Path, *, erasures: Path | None = None, say: Say
) -> Manifest:
    """Restore the backup in ``source`` to where ``settings`` say.

    What was erased since is erased again before this returns: what the backup's own erasure list
    names, and the newer list in the file ``erasures``.

    Raises:
        BackupError: the backup is damaged, or data folder or database are not empty.
        ErasureListError: one of the lists was altered, or there is none at ``erasures``.
        DumpError: pg_restore failed.
        EmbeddedError: the embedded database did not start.

    """
    target, staging = _folders(settings.data_dir)
    manifest = read_manifest(source)
    say("comparing every file with the manifest")
    await asyncio.to_thread(check_files, source, manifest)
    make_folder(target.parent, mode=0o755)
    make_data_folder(staging)
    try:
        say("copying files")
        await asyncio.to_thread(_copy, source, manifest, staging)
        staged = settings.model_copy(update={"data_dir": staging})
        if erasures is not None:
            found = await erasure_list(staged).take_over(erasures)
            say(f"{found} erasures are newer than the backup")
        say("loading the database")
        await _load_database(staged, source, manifest, say)
        await asyncio.to_thread(_install, staging, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return manifest


def _folders(data_dir: Path) -> tuple[Path, Path]:
    """Full name of the data folder, and of one beside it that does not exist yet."""
    target = data_dir.absolute()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise BackupError(
            f"{target} is not empty; a backup is only restored into an empty data folder: move "
            "it away, or set PROVENANCE_DATA to another"
        )
    return target, target.with_name(f".{target.name}.{secrets.token_hex(4)}.restoring")


def _copy(source: Path, manifest: Manifest, staging: Path) -> None:
    for name, expected in manifest.files.items():
        if name in {DATABASE, MANIFEST}:
            continue
        make_folder((staging / name).parent)
        if copy_file(source / name, staging / name) != expected:
            raise BackupError(f"{name} changed while it was copied")


async def _load_database(settings: Settings, source: Path, manifest: Manifest, say: Say) -> None:
    """Load the dump into the database of the settings, else into an embedded one."""
    if settings.database_url is not None:
        await _load(settings.database_url, source, manifest)
        await _erase_again(settings, manifest, say)
        return
    server = EmbeddedPostgres(settings.data_dir)
    address = await server.start()
    try:
        await _load(address.url, source, manifest)
        started = settings.model_copy(update={"database_url": address.url})
        await _erase_again(started, manifest, say)
    finally:
        await server.stop()


async def _erase_again(settings: Settings, manifest: Manifest, say: Say) -> None:
    """Apply the erasure list to what was loaded, so that nothing of it is ever served."""
    if not list_path(settings).exists():
        return
    say("erasing again what was erased")
    await asyncio.to_thread(upgrade, settings.database_url or "")
    await erase_again(
        settings,
        origins=[log.origin for log in manifest.logs],
        since_ms=manifest.created_at,
    )


async def _load(url: str, source: Path, manifest: Manifest) -> None:
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        async with await psycopg.AsyncConnection.connect(conninfo) as connection:
            row = await (await connection.execute(_TABLES.encode())).fetchone()
    except psycopg.Error as error:
        raise BackupError(f"the database can't be reached: {error}") from error
    if row is None or row[0] != 0:
        raise BackupError("the database is not empty; name one that is (DATABASE_URL)")
    await load_database(url, source / DATABASE)
    if tuple(await read_heads(url)) != manifest.logs:
        raise BackupError("what was loaded is not what the manifest says was dumped")


def _install(staging: Path, target: Path) -> None:
    # Ports and locks of the server that loaded the dump; a start makes its own.
    shutil.rmtree(staging / "run")
    sync_tree(staging)
    staging.rename(target)
    sync_folder(target.parent)
