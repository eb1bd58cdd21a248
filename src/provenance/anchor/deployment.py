"""Where a log is on chain, as its row in ``logs`` remembers it."""

from dataclasses import dataclass

from provenance.anchor.errors import NotDeployedError
from provenance.anchor.session import Connection
from provenance.chain.types import Address, BlockHash, ChainIdentity

_LOAD = """
SELECT chain_id, genesis_hash, contract, code_hash, start_block, start_time,
       predecessor_id, start_size
FROM logs WHERE log_id = %s
"""
_STORE_CHAIN = """
UPDATE logs SET chain_id = %s, genesis_hash = %s WHERE log_id = %s AND chain_id IS NULL
"""
_STORE_CONTRACT = "UPDATE logs SET contract = %s WHERE log_id = %s"
_STORE_START = """
UPDATE logs SET code_hash = %s, start_block = %s,
  start_time = CASE WHEN predecessor_id IS NULL THEN %s ELSE start_time END
WHERE log_id = %s
"""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A log on chain. ``start_block`` is where it was opened.

    ``start_time`` (milliseconds) is the time of the anchor of its first tree: of the opening for
    a new log, of the predecessor's anchor of ``start_size`` for a successor.
    """

    identity: ChainIdentity
    contract: Address
    code_hash: bytes
    start_block: int
    start_time: int
    start_size: int


@dataclass(frozen=True, slots=True)
class PartialDeployment:
    """A log's row while it is being opened: None where a step was not reached yet."""

    identity: ChainIdentity | None
    contract: Address | None
    code_hash: bytes | None
    start_block: int | None
    start_time: int | None
    is_successor: bool
    start_size: int

    def complete(self) -> Deployment:
        """Return it as one that is complete.

        Raises:
            NotDeployedError: it is not.

        """
        if (
            self.identity is None
            or self.contract is None
            or self.code_hash is None
            or self.start_block is None
            or self.start_time is None
        ):
            raise NotDeployedError(
                "the log was never opened on a chain; start the service once with the "
                "administrator's key"
            )
        return Deployment(
            identity=self.identity,
            contract=self.contract,
            code_hash=self.code_hash,
            start_block=self.start_block,
            start_time=self.start_time,
            start_size=self.start_size,
        )


async def load_deployment(connection: Connection, log_id: int) -> PartialDeployment:
    """What the database knows of the log's place on chain."""
    cursor = await connection.execute(_LOAD, (log_id,))
    row = await cursor.fetchone()
    if row is None:
        raise NotDeployedError(f"this database has no log {log_id}")
    chain_id, genesis, contract, code_hash, start_block, start_time, predecessor, start_size = row
    known = chain_id is not None and genesis is not None
    return PartialDeployment(
        identity=ChainIdentity(chain_id, BlockHash(genesis)) if known else None,
        contract=None if contract is None else Address(contract),
        code_hash=code_hash,
        start_block=start_block,
        start_time=start_time,
        is_successor=predecessor is not None,
        start_size=start_size,
    )


async def store_chain(connection: Connection, log_id: int, identity: ChainIdentity) -> None:
    """Bind the log to its chain, for good."""
    await connection.execute(_STORE_CHAIN, (identity.chain_id, identity.genesis_hash, log_id))


async def store_contract(connection: Connection, log_id: int, contract: Address) -> None:
    """Note where the registry is or will be."""
    await connection.execute(_STORE_CONTRACT, (contract, log_id))


async def store_start(
    connection: Connection, log_id: int, *, code_hash: bytes, start_block: int, start_time: int
) -> None:
    """Note where and when the log was opened; a successor's time is its predecessor's anchor's."""
    await connection.execute(_STORE_START, (code_hash, start_block, start_time, log_id))
