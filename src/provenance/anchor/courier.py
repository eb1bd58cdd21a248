"""Brings one transaction at a time into a block.

Rules: what is sent is in the journal first; stored bytes are used again where the nonce and the
call still fit, and signed anew where not; a transaction that the node forgot is sent again; one
that waits too long is replaced with a higher fee under the same nonce, so that only one of the two
can ever take effect.
"""

import asyncio
from dataclasses import dataclass

import structlog
from eth_account.signers.local import LocalAccount

from provenance.anchor.errors import TransactionRevertedError
from provenance.anchor.journal import Journal, Purpose, StoredTransaction
from provenance.chain.client import ChainClient
from provenance.chain.errors import (
    InsufficientFundsError,
    NonceTooLowError,
    ReceiptTimeoutError,
    TransactionRefusedError,
    UnderpricedError,
)
from provenance.chain.registry import Registry
from provenance.chain.transactions import (
    SignedTransaction,
    address_of,
    call_of,
    fees_of,
    gas_of,
    sign_transaction,
)
from provenance.chain.types import Address, Receipt

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: between two looks for a receipt, until a fee is raised, until we give up."""

    poll: float = 0.015
    stuck: float = 30.0
    give_up: float = 300.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that should get into a block; ``to`` None creates a contract."""

    purpose: Purpose
    log_id: int | None
    to: Address | None
    call_data: bytes
    size: int | None = None


class Courier:
    """Sends for one registry, with the journal of its chain."""

    def __init__(
        self, registry: Registry, journal: Journal, *, chain_id: int, patience: Patience
    ) -> None:
        self._registry = registry
        self._chain: ChainClient = registry.chain
        self._journal = journal
        self._chain_id = chain_id
        self._patience = patience

    async def stored(self, wanted: Wanted, *, sender: Address) -> StoredTransaction | None:
        """Stored bytes that make this call with the sender's next nonce."""
        nonce = await self._chain.nonce(sender)
        for one in await self._journal.stored_for(
            wanted.purpose, log_id=wanted.log_id, size=wanted.size
        ):
            fits = one.sender == sender and one.nonce == nonce
            if fits and call_of(one.raw) == (wanted.to, wanted.call_data):
                return one
        return None

    async def sign(self, wanted: Wanted, account: LocalAccount) -> SignedTransaction:
        """Sign a call with the account's next nonce; nothing is stored or sent."""
        sender = address_of(account)
        return sign_transaction(
            account,
            chain_id=self._chain_id,
            nonce=await self._chain.nonce(sender),
            to=wanted.to,
            call_data=wanted.call_data,
            gas=await self._registry.estimate_gas(
                sender=sender, to=wanted.to, call_data=wanted.call_data
            ),
            fees=await self._chain.fees(),
        )

    async def deliver(self, wanted: Wanted, account: LocalAccount) -> Receipt:
        """Get a call into a block, whatever was stored, sent or lost of it before.

        Raises:
            TransactionRevertedError: it is in a block, and reverted.
            ReceiptTimeoutError: it is in none, and we gave up.

        """
        stored = await self.stored(wanted, sender=address_of(account))
        if stored is None:
            stored = await self.store(wanted, await self.sign(wanted, account))
        accepted = await self.send(stored)
        return await self.follow(wanted, stored, account, accepted=accepted)

    async def store(self, wanted: Wanted, signed: SignedTransaction) -> StoredTransaction:
        """Put a signed call into the journal."""
        return await self._journal.add(
            signed, purpose=wanted.purpose, log_id=wanted.log_id, size=wanted.size
        )

    async def send(self, stored: StoredTransaction) -> bool:
        """Hand stored bytes to the node; whether it took them.

        A refusal is no error here, unless the sender lacks the money: the bytes may be in a block
        already, or will be replaced, and :meth:`follow` finds out which.
        """
        try:
            await self._chain.send_raw(stored.raw)
        except InsufficientFundsError:
            raise
        except TransactionRefusedError as refusal:
            _log.info("transaction_refused", tx=_hex(stored), reason=refusal.code)
            return False
        _log.info("transaction_sent", tx=_hex(stored), purpose=stored.purpose.value)
        return True

    async def follow(
        self, wanted: Wanted, stored: StoredTransaction, account: LocalAccount, *, accepted: bool
    ) -> Receipt:
        """Wait until a transaction is in a block; send it again or replace it where needed.

        Raises:
            TransactionRevertedError: it is in a block, and reverted.
            ReceiptTimeoutError: another one took its nonce, or we gave up.

        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.give_up
        # What was refused is in a block already, or will not get there by waiting.
        seconds = self._patience.stuck if accepted else 0.0
        while True:
            try:
                receipt = await self._chain.wait_for_receipt(
                    stored.tx_hash, seconds=seconds, poll=self._patience.poll
                )
            except ReceiptTimeoutError:
                if loop.time() >= deadline:
                    raise
                stored = await self._unstick(wanted, stored, account)
                seconds = self._patience.stuck
                continue
            await self._journal.place(receipt)
            if not receipt.succeeded:
                raise TransactionRevertedError(f"transaction {_hex(stored)} reverted")
            return receipt

    async def restore(self) -> int:
        """Send again what the chain once had, oldest first, wherever the nonce is free.

        This puts back deployment, openings, roles, successions and anchors of a chain that lost
        its last blocks, with the same bytes and so the same transaction hashes. Returns how many.
        """
        nonces = {
            sender: await self._chain.nonce(sender) for sender in await self._journal.senders()
        }
        count = 0
        while (stored := await self._journal.oldest_at(nonces)) is not None:
            try:
                await self._chain.send_raw(stored.raw)
                receipt = await self._chain.wait_for_receipt(
                    stored.tx_hash, seconds=self._patience.stuck, poll=self._patience.poll
                )
            except (NonceTooLowError, UnderpricedError, ReceiptTimeoutError) as refusal:
                # Later ones of this sender can't follow; what matters of them is signed anew.
                _log.warning("transaction_not_restored", tx=_hex(stored), reason=refusal.code)
                del nonces[stored.sender]
                continue
            await self._journal.place(receipt)
            nonces[stored.sender] = stored.nonce + 1
            count += 1
            _log.info("transaction_restored", tx=_hex(stored), purpose=stored.purpose.value)
        return count

    async def _unstick(
        self, wanted: Wanted, stored: StoredTransaction, account: LocalAccount
    ) -> StoredTransaction:
        """What to wait for next, after waiting for ``stored`` was in vain."""
        if await self._chain.nonce(stored.sender) != stored.nonce:
            if await self._chain.receipt(stored.tx_hash) is not None:
                return stored
            raise ReceiptTimeoutError(
                f"transaction {_hex(stored)} was replaced or lost: its nonce {stored.nonce} is "
                "not the sender's next"
            )
        forgotten = not await self._chain.knows_transaction(stored.tx_hash)
        if forgotten and await self.send(stored):
            return stored
        return await self._replace(wanted, stored, account)

    async def _replace(
        self, wanted: Wanted, stored: StoredTransaction, account: LocalAccount
    ) -> StoredTransaction:
        fees = fees_of(stored.raw).bumped().at_least(await self._chain.fees())
        if fees.max_fee > self._chain.fee_policy.ceiling:
            _log.error("fee_ceiling_reached", tx=_hex(stored), max_fee=fees.max_fee)
            return stored
        signed = sign_transaction(
            account,
            chain_id=self._chain_id,
            nonce=stored.nonce,
            to=wanted.to,
            call_data=wanted.call_data,
            gas=gas_of(stored.raw),
            fees=fees,
        )
        replacement = await self.store(wanted, signed)
        _log.warning("transaction_replaced", tx=_hex(stored), by=_hex(replacement))
        await self.send(replacement)
        return replacement


def _hex(stored: StoredTransaction) -> str:
    return "0x" + stored.tx_hash.hex()
