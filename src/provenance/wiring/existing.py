"""What tells that a log exists: its database, else whatever else was left of it.

A database without a deployment is a first start, or an empty one in the place of that of a log that
receipts were given for. The two are told apart by what a log leaves outside of its database: the
trust file, the checkpoint beside its keys, the copies of its batches. Nor does a log begin where
another one lies that its database does not know: an empty database is no reason for either.
"""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.anchor.bootstrap import Published
from provenance.anchor.errors import DeploymentLostError
from provenance.chain.types import Address, BlockHash, ChainIdentity
from provenance.core.trustfile import TrustFile
from provenance.db.tables import log_heads, logs
from provenance.keys.files import FileKeys
from provenance.sealing.vault import PREFIX
from provenance.settings import Settings
from provenance.wiring.chain import blob_store
from provenance.wiring.keyring import check_signer, make_keys, make_keys_beside, require_keys
from provenance.wiring.logs import current_log
from provenance.wiring.sealing import SHELF, list_path
from provenance.wiring.shelved import shelf_is_used
from provenance.wiring.traces import foreign_trace, is_kept_here, own_trace
from provenance.wiring.trust import read_published, trust_path

_ITS_DATABASE: Final = "and restore its database from a dump or set DATABASE_URL to it"
_NEW: Final = (
    "A new log needs a data folder and an object store of its own: beside a log that its database "
    "does not know, it would take that log's documents for what nobody needs"
)


@dataclass(frozen=True, slots=True)
class Existing:
    """What is known before anything is written.

    ``log_ids`` are the logs of the database whose data folder this is; others may have folders of
    their own. ``origins`` are the logs of its line that have a place on a chain, oldest first, ``current`` the
    one that is written now. ``published`` is to be adopted, where the database has no such
    place but the trust file names one. ``is_first``: there was no log before.
    """

    log_ids: frozenset[int]
    origins: tuple[str, ...]
    current: str
    has_entries: bool
    published: Published | None
    is_first: bool


async def find_existing(engine: AsyncEngine, settings: Settings) -> Existing:
    """Look for the log of the settings.

    Raises:
        DeploymentLostError: it existed, and this database is not its own.
        TrustFileError: the trust file can't be read.
        BlobError: the copies can't be looked for.

    """
    heads = log_heads.join(logs, logs.c.log_id == log_heads.c.log_id)
    query = (
        select(
            logs.c.log_id,
            logs.c.predecessor_id,
            logs.c.origin,
            logs.c.contract,
            logs.c.start_block,
            log_heads.c.size,
        )
        .select_from(heads)
        .order_by(logs.c.log_id)
    )
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    placed = [row for row in rows if row.contract is not None]
    own = next((row for row in placed if row.origin == settings.origin), None)
    carried = {row.log_id: row.predecessor_id for row in placed}
    line = frozenset[int]() if own is None else _line(own.log_id, carried)
    trust = await asyncio.to_thread(read_published, settings)
    published = None
    if own is None or own.start_block is None:
        published = _published(trust, settings)
    if own is None and published is None:
        await _refuse_traces(settings, known=[row.origin for row in placed])
    kept = [
        row for row in placed if row.log_id in line or is_kept_here(settings, row.origin, trust)
    ]
    return Existing(
        log_ids=frozenset(row.log_id for row in kept),
        origins=tuple(row.origin for row in placed if row.log_id in line),
        current=settings.origin
        if own is None
        else (await current_log(engine, origin=settings.origin)).origin,
        has_entries=published is not None or any(row.size for row in rows),
        published=published,
        is_first=own is None and published is None,
    )


def _line(log_id: int, carried: Mapping[int, int | None]) -> frozenset[int]:
    """Return the log, those that carry it on, and those that it carries on.

    ``carried`` has the predecessor of each log, by number: a successor's is the larger one.
    """
    line = {log_id}
    for successor in sorted(carried):
        if carried[successor] in line:
            line.add(successor)
    predecessor = carried.get(log_id)
    while predecessor is not None and predecessor not in line:
        line.add(predecessor)
        predecessor = carried.get(predecessor)
    return frozenset(line)


async def ready_keys(settings: Settings, existing: Existing) -> FileKeys:
    """Return the keys of the log: made if there was none before, else all of them as they were.

    Raises:
        KeyMissingError: the log, or another one of the folder, exists, and a key is not there.
        WrongKeyError: the signing key is not the published one.
        KeyFileError: a key can't be used.

    """
    if existing.is_first and existing.log_ids:
        return await asyncio.to_thread(
            make_keys_beside,
            settings,
            origin=existing.current,
            has_entries=existing.has_entries,
        )
    if existing.is_first:
        return await asyncio.to_thread(make_keys, settings, origin=existing.current)
    keys = await asyncio.to_thread(
        require_keys,
        settings,
        origins=existing.origins,
        current=existing.current,
        has_entries=existing.has_entries,
    )
    trust = await asyncio.to_thread(read_published, settings)
    for origin in dict.fromkeys((*existing.origins, existing.current)):
        log = None if trust is None else trust.log(origin)
        if log is not None:
            check_signer(settings, origin, log.keys)
    return keys


def _published(trust: TrustFile | None, settings: Settings) -> Published | None:
    log = None if trust is None else trust.log(settings.origin)
    if trust is None or log is None:
        return None
    if len(trust.lineage(log.origin)) > 1 or any(
        one.successor is not None and one.successor.origin == log.origin for one in trust.logs
    ):
        raise DeploymentLostError(
            f"this database has no log {log.origin}, but {trust_path(settings)} names it in a line of logs "
            "that carried each other on, which the copies alone do not bring back; restore the "
            "database from a dump, or set DATABASE_URL to the log's database. If the database has the "
            "log that it carried on, set PROVENANCE_ORIGIN to that one and run `provenance log succeed "
            f"{log.origin}` again"
        )
    return Published(
        identity=ChainIdentity(log.chain_id, BlockHash(log.genesis_hash)),
        contract=Address(log.contract),
        start=log.start,
    )


async def _refuse_traces(settings: Settings, *, known: Collection[str]) -> None:
    """Refuse a first start where a log has been; ``known`` are those of the database."""
    if found := await own_trace(settings, settings.origin):
        raise DeploymentLostError(
            f"this database has no log {settings.origin}, but {found} tells that it exists. Put "
            f"{trust_path(settings)} back, and the log is found on its chain and filled from its "
            f"copies; or restore the database from a dump, or set DATABASE_URL to the log's. {_NEW}"
        )
    if found := await foreign_trace(settings, known):
        raise DeploymentLostError(
            f"{found} is of another log, which this database does not have, and {settings.origin} cannot "
            f"begin beside it: set PROVENANCE_ORIGIN to that log's name, {_ITS_DATABASE}. {_NEW}"
        )
    if not known and (found := await _sealed_trace(settings)):
        raise DeploymentLostError(
            f"this database has no log, but {found} is of one, and {settings.origin} cannot begin "
            f"beside it: put {trust_path(settings)} back and set PROVENANCE_ORIGIN to that log's "
            f"name, {_ITS_DATABASE}. {_NEW}"
        )


async def _sealed_trace(settings: Settings) -> str:
    """Return what lies sealed, or was erased, without saying of which log."""
    if await asyncio.to_thread(shelf_is_used, settings):
        return f"the key shelf {settings.data_dir / 'keys' / SHELF}"
    if list_path(settings).exists():
        return f"the erasure list {list_path(settings)}"
    async for blob in blob_store(settings).list(PREFIX):
        return f"the document {blob.path} in the object store"
    return ""
