"""Backup of a service, running or not: chain snapshot, database, blobs and keys, in this order.

The order makes what is restored heal by itself. The snapshot is older than the dump, so the
chain comes back as one that lost its last blocks, and the stored transactions are sent again. The
blobs are newer than the dump, so whatever the database names is among them. Nothing that was
acknowledged before the dump is missing from it.

Of a database or chain of the operator's own, the database is dumped all the same and the chain is
not: it is not ours. Objects in a remote store are not copied either.
"""

import asyncio
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import TupleRow
from sqlalchemy import make_url

from provenance.core.errors import FormatError
from provenance.core.tree import Frontier
from provenance.db.faults import told
from provenance.db.loading import IS_MARKED, check_unmarked
from provenance.embedded.dumping import dump_database
from provenance.embedded.files import make_folder
from provenance.embedded.snapshots import SnapshotFolder
from provenance.launch.archive import (
    BLOBS,
    CHAIN,
    DATABASE,
    IDENTITY,
    KEYS,
    SINGLE_FILES,
    SNAPSHOTS,
    VERSION,
    Archive,
    BackupError,
    LogHead,
    Manifest,
)
from provenance.settings import Settings

Say = Callable[[str], None]
SNAPSHOT = f"{CHAIN}/{SNAPSHOTS}/{1:012d}.json.gz"
"""Name that the one snapshot has in a backup, and with which a restored chain begins."""

_ATTEMPTS = 20
"""Snapshots come and go several times a second; one lives for as long as the next two take."""
_HEADS = """
SELECT logs.origin, log_heads.size, log_heads.frontier, coalesce((
  SELECT max(anchors.size) FROM anchors
  WHERE anchors.log_id = logs.log_id AND anchors.state IN ('included', 'final')
), 0)
FROM logs JOIN log_heads USING (log_id) ORDER BY logs.log_id
"""


async def back_up(
    settings: Settings, target: Path, *, database_url: str, now_ms: int, say: Say
) -> Manifest:
    """Back up the service with ``settings``, whose database is at ``database_url``.

    Raises:
        BackupError: ``target`` is there already or inside the data folder, or the database cannot be read.
        DumpError: pg_dump failed.

    """
    target, staging = _folders(target, data_dir=settings.data_dir)
    archive = Archive(staging)
    try:
        has_chain = settings.embedded_chain and await asyncio.to_thread(
            _add_chain, archive, settings.data_dir, say
        )
        say("dumping the database")
        schema, logs = await _add_database(archive, database_url)
        has_blobs = await asyncio.to_thread(_add_files, archive, settings, say)
        manifest = Manifest(
            v=VERSION,
            created_at=now_ms,
            schema=schema,
            logs=tuple(logs),
            has_chain=has_chain,
            has_blobs=has_blobs,
            files=archive.files,
        )
        await asyncio.to_thread(archive.finish, manifest, target)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    return manifest


def _folders(target: Path, *, data_dir: Path) -> tuple[Path, Path]:
    """Full name of the backup, and a folder beside it to make it in."""
    target = target.absolute()
    if target.exists():
        raise BackupError(f"{target} is there already; name a folder that is not")
    if target.resolve().is_relative_to(data_dir.resolve()):
        raise BackupError(
            f"{target} is inside the data folder {data_dir}, which it would become a part of and be "
            "lost with; name a folder elsewhere"
        )
    staging = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    make_folder(staging)
    return target, staging


def _add_chain(archive: Archive, data_dir: Path, say: Say) -> bool:
    """Copy the newest snapshot; whether there was one."""
    folder = data_dir / CHAIN
    snapshots = SnapshotFolder(folder / SNAPSHOTS)
    if not (folder / IDENTITY).exists() or snapshots.newest() is None:
        return False
    say("copying the chain's newest snapshot")
    archive.add(folder / IDENTITY, f"{CHAIN}/{IDENTITY}")
    for _ in range(_ATTEMPTS):
        newest = snapshots.newest()
        assert newest is not None, "the newest two are kept"
        try:
            archive.add(newest.path, SNAPSHOT)
        except FileNotFoundError:
            continue
        return True
    raise BackupError("the chain's snapshots are replaced faster than they can be copied")


async def _add_database(archive: Archive, url: str) -> tuple[str, list[LogHead]]:
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        async with await psycopg.AsyncConnection.connect(conninfo) as connection:
            [(is_marked,)] = await _rows(connection, IS_MARKED)
            check_unmarked(is_marked)
            await connection.rollback()
            await connection.set_isolation_level(psycopg.IsolationLevel.REPEATABLE_READ)
            [(snapshot,)] = await _rows(connection, "SELECT pg_export_snapshot()")
            [(schema,)] = await _rows(connection, "SELECT version_num FROM alembic_version")
            heads = [_head(*row) for row in await _rows(connection, _HEADS)]
            await dump_database(url, archive.folder / DATABASE, snapshot=snapshot)
    except psycopg.errors.UndefinedTable:
        raise BackupError(
            "the database has no tables of ours: there is nothing to back up"
        ) from None
    except psycopg.Error as error:
        raise BackupError(f"the database can't be read: {told(error)}") from error
    archive.note(DATABASE)
    return schema, heads


async def read_heads(url: str) -> list[LogHead]:
    """Return the state of every log in the database at ``url``."""
    conninfo = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    async with await psycopg.AsyncConnection.connect(conninfo) as connection:
        return [_head(*row) for row in await _rows(connection, _HEADS)]


def _add_files(archive: Archive, settings: Settings, say: Say) -> bool:
    """Copy blobs, keys and the small files; whether the blobs are ours to copy."""
    has_blobs = settings.blob_url is None
    if has_blobs:
        say("copying documents and batches")
        archive.add_tree(settings.data_dir / BLOBS, BLOBS)
    archive.add_tree(settings.data_dir / KEYS, KEYS)
    for name in SINGLE_FILES:
        if (settings.data_dir / name).exists():
            archive.add(settings.data_dir / name, name)
    return has_blobs


def _head(origin: str, size: int, frontier: bytes, anchored: int) -> LogHead:
    try:
        root = Frontier.from_bytes(size, frontier).root()
    except FormatError as error:
        raise BackupError(f"the log {origin} contradicts itself, audit it first: {error}") from None
    return LogHead(origin=origin, size=size, root=root.hex(), anchored=anchored)


async def _rows(connection: psycopg.AsyncConnection[Any], query: str) -> list[TupleRow]:
    cursor = await connection.execute(query.encode())
    return await cursor.fetchall()
