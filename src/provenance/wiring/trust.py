"""The trust file that the operator publishes for the logs of this database."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.core.trustfile import Successor, TrustedLog, TrustFile
from provenance.db.tables import logs
from provenance.keys.provider import KeyProvider
from provenance.settings import Settings
from provenance.wiring.logs import signer_for


async def read_trust(engine: AsyncEngine, *, settings: Settings, keys: KeyProvider) -> TrustFile:
    """Trust file of every log in the database that was opened on a chain, oldest first."""
    query = select(logs).where(logs.c.start_time.is_not(None)).order_by(logs.c.log_id)
    async with engine.connect() as connection:
        rows = (await connection.execute(query)).all()
    successors = {row.predecessor_id: row for row in rows if row.predecessor_id is not None}
    local = settings.embedded_chain if settings.local_chain is None else settings.local_chain
    trusted = []
    for row in rows:
        successor = successors.get(row.log_id)
        trusted.append(
            TrustedLog(
                origin=row.origin,
                keys=(signer_for(row.origin, keys).verifier(),),
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
