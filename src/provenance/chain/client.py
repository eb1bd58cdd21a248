"""An EVM node, seen through typed calls: identity, blocks, accounts, sending and receipts.

Nothing is repeated here and nothing is decided: nonces, fees of replacements and what a missing
receipt means belong to whoever sends. Blocks are named by hash wherever the state is read
(EIP-1898), so that one answer cannot mix two forks.
"""

import asyncio
from typing import Any

from eth_hash.auto import keccak

from provenance.chain.errors import (
    ChainUnavailableError,
    InsufficientFundsError,
    NonceTooLowError,
    ReceiptTimeoutError,
    TransactionRefusedError,
    UnderpricedError,
    WrongChainError,
)
from provenance.chain.rpc import Rpc, RpcError, data, quantity, read_data, read_quantity
from provenance.chain.transactions import FeePolicy, Fees
from provenance.chain.types import (
    Address,
    Block,
    BlockHash,
    ChainIdentity,
    Receipt,
    TxHash,
)

BlockRef = int | BlockHash | str
"""Number, hash, or tag (``latest``, ``finalized`` …)."""

_KNOWN = ("already known", "already imported", "alreadyknown", "known transaction")
_REFUSALS: tuple[tuple[str, type[TransactionRefusedError]], ...] = (
    ("nonce too low", NonceTooLowError),
    ("nonce is too low", NonceTooLowError),
    ("underpriced", UnderpricedError),
    ("less than block base fee", UnderpricedError),
    ("fee too low", UnderpricedError),
    ("insufficient funds", InsufficientFundsError),
)


class ChainClient:
    """Calls to one node."""

    def __init__(self, url: str, *, timeout: float = 10.0, fees: FeePolicy | None = None) -> None:
        self.rpc = Rpc(url, timeout=timeout)
        self.fee_policy = fees or FeePolicy()

    async def aclose(self) -> None:
        """Close the connections."""
        await self.rpc.aclose()

    async def identity(self) -> ChainIdentity:
        """Chain id and genesis hash of the node's chain."""
        chain_id = read_quantity(await self.rpc.ask("eth_chainId"))
        genesis = await self.block(0)
        if genesis is None:
            raise ChainUnavailableError("the node does not know block 0")
        return ChainIdentity(chain_id=chain_id, genesis_hash=genesis.hash)

    async def check_identity(self, expected: ChainIdentity) -> None:
        """Compare the node's chain with the one that is stored.

        Raises:
            WrongChainError: it is another one.

        """
        found = await self.identity()
        if found != expected:
            raise WrongChainError(
                f"this log was opened on {expected}, but the node serves {found}; "
                "set RPC_URL to a node of the right chain"
            )

    async def block(self, ref: BlockRef) -> Block | None:
        """Block by number, hash or tag; None where the node has none."""
        raw = await self.raw_block(ref)
        if raw is None:
            return None
        try:
            return Block(
                number=read_quantity(raw["number"]),
                hash=BlockHash(read_data(raw["hash"], size=32)),
                parent_hash=BlockHash(read_data(raw["parentHash"], size=32)),
                time=read_quantity(raw["timestamp"]) * 1000,
                base_fee=read_quantity(raw["baseFeePerGas"]) if "baseFeePerGas" in raw else None,
            )
        except KeyError as error:
            raise ChainUnavailableError(f"the node sent a block without {error}") from None

    async def raw_block(self, ref: BlockRef) -> dict[str, Any] | None:
        """Block with all header fields and transaction hashes, as the node spells them."""
        if isinstance(ref, bytes):
            found = await self.rpc.ask("eth_getBlockByHash", data(ref), False)
        else:
            named = quantity(ref) if isinstance(ref, int) else ref
            found = await self.rpc.ask("eth_getBlockByNumber", named, False)
        return found if isinstance(found, dict) else None

    async def latest(self) -> Block:
        """Newest block."""
        block = await self.block("latest")
        if block is None:
            raise ChainUnavailableError("the node has no latest block")
        return block

    async def nonce(self, address: Address) -> int:
        """Nonce of the next transaction by ``address``: how many of its are in blocks."""
        return read_quantity(await self.rpc.ask("eth_getTransactionCount", data(address), "latest"))

    async def balance(self, address: Address) -> int:
        """Wei that ``address`` has."""
        return read_quantity(await self.rpc.ask("eth_getBalance", data(address), "latest"))

    async def code_hash(
        self, address: Address, *, block_hash: BlockHash | None = None
    ) -> bytes | None:
        """keccak256 of the code at ``address`` (EXTCODEHASH); None where there is no code."""
        code = read_data(await self.rpc.ask("eth_getCode", data(address), state_at(block_hash)))
        return keccak(code) if code else None

    async def fees(self) -> Fees:
        """Fees for a transaction that should be in one of the next blocks."""
        policy = self.fee_policy
        block = await self.latest()
        try:
            priority = read_quantity(await self.rpc.ask("eth_maxPriorityFeePerGas"))
        except RpcError:
            priority = policy.default_priority
        wanted = max(policy.floor, 2 * (block.base_fee or 0) + priority)
        max_fee = min(wanted, policy.ceiling)
        return Fees(max_fee=max_fee, priority_fee=min(priority, max_fee))

    async def send_raw(self, raw: bytes) -> None:
        """Hand a signed transaction to the node; one that it has already is no error.

        Raises:
            TransactionRefusedError: one of its subclasses where the reason is known.
            ChainUnavailableError: no answer; the transaction may have arrived.

        """
        try:
            await self.rpc.ask("eth_sendRawTransaction", data(raw))
        except RpcError as error:
            text = error.message.lower()
            if any(known in text for known in _KNOWN):
                return
            for part, refusal in _REFUSALS:
                if part in text:
                    raise refusal(str(error)) from error
            raise TransactionRefusedError(str(error)) from error

    async def knows_transaction(self, tx_hash: TxHash) -> bool:
        """Whether the node has the transaction, in a block or waiting."""
        return await self.rpc.ask("eth_getTransactionByHash", data(tx_hash)) is not None

    async def raw_receipt(self, tx_hash: TxHash) -> dict[str, Any] | None:
        """Receipt with all fields, as the node spells them."""
        found = await self.rpc.ask("eth_getTransactionReceipt", data(tx_hash))
        return found if isinstance(found, dict) else None

    async def receipt(self, tx_hash: TxHash) -> Receipt | None:
        """Receipt of a transaction; None while it is in no block."""
        raw = await self.raw_receipt(tx_hash)
        if raw is None or raw.get("blockHash") is None:
            return None
        try:
            contract = raw.get("contractAddress")
            return Receipt(
                tx_hash=TxHash(read_data(raw["transactionHash"], size=32)),
                succeeded=read_quantity(raw["status"]) == 1,
                block_number=read_quantity(raw["blockNumber"]),
                block_hash=BlockHash(read_data(raw["blockHash"], size=32)),
                gas_used=read_quantity(raw["gasUsed"]),
                effective_gas_price=read_quantity(raw.get("effectiveGasPrice", "0x0")),
                contract=Address(read_data(contract, size=20)) if contract else None,
            )
        except KeyError as error:
            raise ChainUnavailableError(f"the node sent a receipt without {error}") from None

    async def wait_for_receipt(self, tx_hash: TxHash, *, seconds: float, poll: float) -> Receipt:
        """Receipt of a transaction that was sent, asked for every ``poll`` seconds.

        Raises:
            ReceiptTimeoutError: it is in no block after ``seconds``.

        """
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            receipt = await self.receipt(tx_hash)
            if receipt is not None:
                return receipt
            if asyncio.get_running_loop().time() >= deadline:
                raise ReceiptTimeoutError(
                    f"transaction 0x{tx_hash.hex()} is in no block after {seconds:g} s"
                )
            await asyncio.sleep(poll)


def state_at(block_hash: BlockHash | None) -> object:
    """Parameter that names the state after a block (EIP-1898), or the newest."""
    return "latest" if block_hash is None else {"blockHash": data(block_hash)}
