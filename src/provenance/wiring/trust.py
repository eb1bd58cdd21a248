"""The trust file that the operator publishes for the logs of this database.

Verifiers got it from us once, and receipts are checked with what it said then. So the file in the
data folder is only ever added to: a log stays where it was published to be, its keys stay, and a
log that this database does not have stays too. What contradicts the file stops the start.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.errors import FormatError, ProvenanceError
from provenance.core.trustfile import Successor, TrustedLog, TrustFile
from provenance.db.tables import logs
from provenance.keys.errors import KeyMissingError
from provenance.keys.provider import KeyProvider
from provenance.settings import Settings
from provenance.wiring.logs import signer_for


class TrustFileError(ProvenanceError):
    """The trust file in the data folder can't be read, or names something else than is here."""

    code = "trust-file-contradicted"


class UnknownSuccessorError(TrustFileError):
    """The trust file names a log that carries the current one on, and the database does not."""

    code = "unknown-successor"


def trust_path(settings: Settings) -> Path:
    """Where the trust file is."""
    return settings.data_dir / "trust.json"


def read_published(settings: Settings) -> TrustFile | None:
    """Return the trust file as it was published last; None where none was.

    Raises:
        TrustFileError: it can't be read.

    """
    path = trust_path(settings)
    try:
        return TrustFile.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, FormatError) as error:
        raise TrustFileError(
            f"{path} is not a trust file ({error}): put back the one that was published"
        ) from error


def published_successor(settings: Settings, origin: str) -> Successor | None:
    """Return what the trust file says of who carries the log ``origin`` on; None for nobody.

    Raises:
        TrustFileError: it can't be read.

    """
    trust = read_published(settings)
    log = None if trust is None else trust.log(origin)
    return None if log is None else log.successor


def check_newest(settings: Settings, origin: str) -> None:
    """Refuse entries of a log that was published as carried on by one that the database lacks.

    Its next indexes were given to the successor's entries, maybe.

    Raises:
        UnknownSuccessorError: ``origin``, the newest log of the database, is such a log.
        TrustFileError: the trust file can't be read.

    """
    successor = published_successor(settings, origin)
    if successor is not None:
        raise UnknownSuccessorError(
            f"{trust_path(settings)} says that {successor.origin} carries {origin} on from size "
            f"{successor.size}, which this database does not know: stop the service and run "
            f"`provenance log succeed {successor.origin}`, or restore a newer dump"
        )


async def read_trust(engine: AsyncEngine, *, settings: Settings, keys: KeyProvider) -> TrustFile:
    """Trust file of every log in the database that was opened on a chain, and of those published.

    A log whose key is not here is not signed here: the database may hold another service's.

    Raises:
        TrustFileError: the published file says otherwise.

    """
    own = await _read_own(engine, settings=settings, keys=keys)
    published = await asyncio.to_thread(read_published, settings)
    return own if published is None else added(published, own, path=trust_path(settings))


def added(published: TrustFile, own: TrustFile, *, path: Path) -> TrustFile:
    """Return ``published`` (the file ``path``) with what ``own`` adds to it.

    Raises:
        TrustFileError: they differ in a log's chain, contract, keys or successor.

    """
    logs = {log.origin: log for log in published.logs}
    for log in own.logs:
        before = logs.get(log.origin)
        logs[log.origin] = log if before is None else _added(before, log, path)
    return TrustFile(operator=own.operator, logs=tuple(logs.values()))


def _added(published: TrustedLog, own: TrustedLog, path: Path) -> TrustedLog:
    for what, before, now in (
        ("chain", published.chain_id, own.chain_id),
        ("genesis block", published.genesis_hash.hex(), own.genesis_hash.hex()),
        ("contract", published.contract.hex(), own.contract.hex()),
    ):
        if before != now:
            raise TrustFileError(
                f"{path} names the {what} {before} for {own.origin}, the database {now}: receipts "
                "name the published one; set DATABASE_URL to the log's database, or restore its dump"
            )
    if not set(own.keys) & set(published.keys):
        raise TrustFileError(
            f"{path} names another signing key for {own.origin} than the one in keys/; restore "
            "the key from a backup"
        )
    if None not in {published.successor, own.successor} and published.successor != own.successor:
        raise TrustFileError(f"{path} names another successor of {own.origin} than the database")
    others = tuple(key for key in published.keys if key not in own.keys)
    return replace(own, keys=(*own.keys, *others), successor=own.successor or published.successor)


async def _read_own(engine: AsyncEngine, *, settings: Settings, keys: KeyProvider) -> TrustFile:
    query = select(logs).where(logs.c.start_time.is_not(None)).order_by(logs.c.log_id)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    successors = {row.predecessor_id: row for row in rows if row.predecessor_id is not None}
    local = settings.embedded_chain if settings.local_chain is None else settings.local_chain
    trusted = []
    for row in rows:
        try:
            verifier = signer_for(row.origin, keys).verifier()
        except KeyMissingError:
            continue
        successor = successors.get(row.log_id)
        trusted.append(
            TrustedLog(
                origin=row.origin,
                keys=(verifier,),
                chain_id=row.chain_id,
                genesis_hash=row.genesis_hash,
                contract=row.contract,
                code_hash=row.code_hash,
                start=row.start_block,
                confirmations=settings.confirmations,
                local=local,
                successor=(
                    Successor(origin=successor.origin, size=successor.start_size)
                    if successor is not None
                    else None
                ),
            )
        )
    return TrustFile(operator=settings.operator, logs=tuple(trusted))
