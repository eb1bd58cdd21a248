"""Restores a backup into an empty data folder, and into an empty database where one is named.

Every file is compared with the manifest before anything is written. The data folder is made
beside its place and gets its name when all of it is on disk, so that a restore that was cut off
leaves nothing that a service could start on.

What is restored is older than what was acknowledged since. The next start compares it with the
chain, the copies of batches and the checkpoint beside the keys, and takes no write before it has what
those tell of. Where all of them come out of the backup they are as old as it is, and nothing tells:
then somebody has to name what is left of the data folder, or to say that the loss is accepted.
"""

import asyncio
import secrets
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from provenance.db.faults import told
from provenance.db.migrate import upgrade
from provenance.embedded.dumping import load_database
from provenance.embedded.files import make_data_folder, make_folder, sync_folder
from provenance.embedded.postgres import EmbeddedPostgres
from provenance.embedded.snapshots import SnapshotFolder
from provenance.launch.archive import (
    BLOBS,
    CHAIN,
    DATABASE,
    IDENTITY,
    KEYS,
    MANIFEST,
    SNAPSHOTS,
    BackupError,
    Manifest,
    check_files,
    copy_file,
    files_below,
    read_manifest,
    sync_tree,
)
from provenance.launch.backup import read_heads
from provenance.settings import Settings
from provenance.wiring.erasing import erase_again
from provenance.wiring.sealing import ERASURES, erasure_list, list_path

Say = Callable[[str], None]
_TABLES = (
    "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
)


async def restore(
    settings: Settings,
    source: Path,
    *,
    erasures: Path | None = None,
    newer: Path | None = None,
    accept_loss: bool = False,
    say: Say,
) -> Manifest:
    """Restore the backup in ``source`` to where ``settings`` say.

    ``newer`` is a data folder, or what is left of one, whose service is stopped: its blobs, keys and
    chain are taken before the backup's. ``accept_loss`` is the operator's word that nothing was
    acknowledged since the backup, or that it may be lost.

    What was erased since is erased again before this returns: what the backup's own erasure list
    names, and the newer list in the file ``erasures``.

    Raises:
        BackupError: the backup is damaged, data folder or database are not empty, or nothing but
            the backup would tell what it lacks.
        ErasureListError: one of the lists was altered, or there is none at ``erasures``.
        DumpError: pg_restore failed.
        EmbeddedError: the embedded database did not start.

    """
    target, staging = _folders(settings.data_dir)
    manifest = read_manifest(source)
    if not (accept_loss or newer is not None or is_told_elsewhere(manifest)):
        raise BackupError(_nothing_tells(manifest))
    say("comparing every file with the manifest")
    await asyncio.to_thread(check_files, source, manifest)
    make_folder(target.parent, mode=0o755)
    make_data_folder(staging)
    try:
        say("copying files")
        await asyncio.to_thread(_copy, source, manifest, staging)
        if newer is not None:
            say(f"taking what is newer in {newer}")
            await asyncio.to_thread(_overlay, newer, staging)
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


def is_told_elsewhere(manifest: Manifest) -> bool:
    """Whether a chain or an object store that is not in the backup tells what the backup lacks."""
    return not (manifest.has_chain and manifest.has_blobs)


def _nothing_tells(manifest: Manifest) -> str:
    made = datetime.fromtimestamp(manifest.created_at / 1000, UTC).isoformat(timespec="seconds")
    sizes = ", ".join(f"{log.origin} at size {log.size}" for log in manifest.logs)
    return (
        f"this backup was made at {made} ({sizes}). Chain and copies are in it and as old as it is, "
        "so nothing could tell what was acknowledged since, and the log would give those indexes "
        "again. Name the data folder that it replaces, or what is left of it, with --newer FOLDER "
        "(its blobs/, keys/ and chain/ are taken), or say --accept-loss if nothing was acknowledged "
        "since or all of it may be lost"
    )


def _overlay(newer: Path, staging: Path) -> None:
    """Put blobs, keys and chain of a newer data folder over those of the backup."""
    found = False
    for name in (BLOBS, KEYS):
        for path in files_below(newer / name):
            if path == newer / KEYS / ERASURES:
                # Lists are merged line by line, not replaced.
                continue
            target = staging / name / path.relative_to(newer / name)
            target.unlink(missing_ok=True)
            make_folder(target.parent)
            copy_file(path, target)
            found = True
    chain = newer / CHAIN
    if (chain / IDENTITY).is_file() and (snapshots := SnapshotFolder(chain / SNAPSHOTS).usable()):
        shutil.rmtree(staging / CHAIN, ignore_errors=True)
        make_folder(staging / CHAIN / SNAPSHOTS)
        copy_file(chain / IDENTITY, staging / CHAIN / IDENTITY)
        for snapshot in snapshots:
            copy_file(snapshot.path, staging / CHAIN / SNAPSHOTS / snapshot.path.name)
        found = True
    if not found:
        raise BackupError(f"{newer} has neither blobs/ nor keys/ nor chain/: it is no data folder")


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
        raise BackupError(f"the database can't be read: {told(error)}") from error
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
