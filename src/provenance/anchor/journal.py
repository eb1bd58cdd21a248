"""Signed transactions as they were sent: the journal that a chain can be restored from.

A transaction is in the journal before it is sent. Several may share a nonce (replacements with a
higher fee); at most one of them is ever in a block. Where one was is noted with it, reverted ones
included, because they too used up a nonce.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from psycopg.rows import TupleRow

from provenance.anchor.session import Connection
from provenance.chain.transactions import SignedTransaction
from provenance.chain.types import Address, BlockHash, Receipt, TxHash


class Purpose(Enum):
    """What a transaction is for."""

    DEPLOY = "deploy"
    OPEN = "open"
    ROLE = "role"
    ANCHOR = "anchor"
    SUCCEED = "succeed"


@dataclass(frozen=True, slots=True)
class StoredTransaction:
    """A transaction of the journal; the block is None until it was seen in one."""

    sender: Address
    nonce: int
    purpose: Purpose
    log_id: int | None
    size: int | None
    tx_hash: TxHash
    raw: bytes
    created_at: int
    block_number: int | None = None
    block_hash: BlockHash | None = None


_COLUMNS = (
    "sender, nonce, purpose, log_id, size, tx_hash, raw, created_at, block_number, block_hash"
)
_ADD = f"""
INSERT INTO chain_transactions (chain_id, {_COLUMNS})
VALUES (%s, %s, %s, %s, %s, %s, %s, %s,
        (extract(epoch FROM clock_timestamp()) * 1000)::bigint, NULL, NULL)
ON CONFLICT (chain_id, sender, nonce, tx_hash) DO UPDATE SET purpose = excluded.purpose
RETURNING created_at
"""  # noqa: S608 - the columns are constants
_FOR = f"""
SELECT {_COLUMNS} FROM chain_transactions
WHERE chain_id = %s AND purpose = %s AND log_id IS NOT DISTINCT FROM %s
  AND size IS NOT DISTINCT FROM %s
ORDER BY created_at DESC, nonce DESC
"""  # noqa: S608 - the columns are constants
_SENDERS = "SELECT DISTINCT sender FROM chain_transactions WHERE chain_id = %s"
# Anchors that were in no block yet are left to the replay, which first writes their batches.
_AT_NONCE = f"""
SELECT {_COLUMNS} FROM chain_transactions
WHERE chain_id = %s AND sender = %s AND nonce = %s
  AND (block_number IS NOT NULL OR purpose <> 'anchor')
ORDER BY block_number IS NULL, created_at DESC LIMIT 1
"""  # noqa: S608 - the columns are constants
_PLACE = """
UPDATE chain_transactions SET block_number = %s, block_hash = %s
WHERE chain_id = %s AND tx_hash = %s
"""


class Journal:
    """The journal of one chain."""

    def __init__(self, connection: Connection, *, chain_id: int) -> None:
        self._connection = connection
        self._chain_id = chain_id

    async def add(
        self,
        signed: SignedTransaction,
        *,
        purpose: Purpose,
        log_id: int | None,
        size: int | None = None,
    ) -> StoredTransaction:
        """Store a signed transaction; in the transaction that is open, if one is."""
        cursor = await self._connection.execute(
            _ADD,
            (
                *(self._chain_id, signed.sender, signed.nonce, purpose.value, log_id, size),
                *(signed.tx_hash, signed.raw),
            ),
        )
        row = await cursor.fetchone()
        assert row is not None, "INSERT … RETURNING gives a row"
        return StoredTransaction(
            sender=signed.sender,
            nonce=signed.nonce,
            purpose=purpose,
            log_id=log_id,
            size=size,
            tx_hash=signed.tx_hash,
            raw=signed.raw,
            created_at=row[0],
        )

    async def stored_for(
        self, purpose: Purpose, *, log_id: int | None, size: int | None = None
    ) -> list[StoredTransaction]:
        """All that were signed for one purpose, newest first."""
        cursor = await self._connection.execute(_FOR, (self._chain_id, purpose.value, log_id, size))
        return [_stored(row) for row in await cursor.fetchall()]

    async def senders(self) -> list[Address]:
        """Everybody who has a transaction in the journal."""
        cursor = await self._connection.execute(_SENDERS, (self._chain_id,))
        return [Address(sender) for (sender,) in await cursor.fetchall()]

    async def oldest_at(self, nonces: Mapping[Address, int]) -> StoredTransaction | None:
        """Of the transactions at these nonces, the one that was signed first."""
        found: list[StoredTransaction] = []
        for sender, nonce in nonces.items():
            cursor = await self._connection.execute(_AT_NONCE, (self._chain_id, sender, nonce))
            found.extend(_stored(row) for row in await cursor.fetchall())
        return min(found, key=lambda one: (one.created_at, one.nonce), default=None)

    async def place(self, receipt: Receipt) -> None:
        """Note the block that a transaction is in."""
        await self._connection.execute(
            _PLACE, (receipt.block_number, receipt.block_hash, self._chain_id, receipt.tx_hash)
        )


def _stored(row: TupleRow) -> StoredTransaction:
    sender, nonce, purpose, log_id, size, tx_hash, raw, created_at, number, block_hash = row
    return StoredTransaction(
        sender=Address(sender),
        nonce=nonce,
        purpose=Purpose(purpose),
        log_id=log_id,
        size=size,
        tx_hash=TxHash(tx_hash),
        raw=raw,
        created_at=created_at,
        block_number=number,
        block_hash=None if block_hash is None else BlockHash(block_hash),
    )
