"""Signing transactions (EIP-1559). Nonces and fees are the caller's; nothing is sent from here."""

from dataclasses import dataclass
from typing import Any

import rlp  # type: ignore[import-untyped]  # ships no type information
from eth_account.signers.local import LocalAccount
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from eth_hash.auto import keccak
from eth_utils.address import to_checksum_address
from hexbytes import HexBytes

from provenance.chain.types import Address, TxHash

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """Wei for each unit of gas: at most ``max_fee`` in all, ``priority_fee`` of it as a tip."""

    max_fee: int
    priority_fee: int

    def bumped(self) -> "Fees":
        """A quarter more: nodes replace a waiting transaction only for at least a tenth more."""
        return Fees(max_fee=self.max_fee * 5 // 4 + 1, priority_fee=self.priority_fee * 5 // 4 + 1)

    def at_least(self, other: "Fees") -> "Fees":
        """The higher one of each."""
        return Fees(
            max_fee=max(self.max_fee, other.max_fee),
            priority_fee=max(self.priority_fee, other.priority_fee),
        )


@dataclass(frozen=True, slots=True)
class FeePolicy:
    """How fees are chosen.

    ``floor`` only raises the limit, not what is paid: a chain that was set back to an older state
    asks its older, higher base fee of transactions that were signed later.
    """

    floor: int = 3 * GWEI
    ceiling: int = 500 * GWEI
    default_priority: int = GWEI


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Signed bytes as they are sent, and what names them."""

    sender: Address
    nonce: int
    tx_hash: TxHash
    raw: bytes


def sign_transaction(
    account: LocalAccount,
    *,
    chain_id: int,
    nonce: int,
    to: Address | None,
    call_data: bytes,
    gas: int,
    fees: Fees,
) -> SignedTransaction:
    """Sign a call of ``to``, or the creation of a contract where it is None."""
    fields: dict[str, Any] = {
        "type": 2,
        "chainId": chain_id,
        "nonce": nonce,
        "value": 0,
        "data": call_data,
        "gas": gas,
        "maxFeePerGas": fees.max_fee,
        "maxPriorityFeePerGas": min(fees.priority_fee, fees.max_fee),
    }
    if to is not None:
        fields["to"] = to_checksum_address(to)
    raw = bytes(account.sign_transaction(fields).raw_transaction)
    return SignedTransaction(
        sender=address_of(account), nonce=nonce, tx_hash=TxHash(keccak(raw)), raw=raw
    )


def address_of(account: LocalAccount) -> Address:
    """Address of a key."""
    return Address(bytes.fromhex(account.address.removeprefix("0x")))


def contract_address(sender: Address, nonce: int) -> Address:
    """Where a contract that ``sender`` creates with this nonce will be (CREATE)."""
    return Address(keccak(rlp.encode([sender, nonce]))[12:])


def fees_of(raw: bytes) -> Fees:
    """Fees of a signed EIP-1559 transaction."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    return Fees(
        max_fee=int(fields["maxFeePerGas"]), priority_fee=int(fields["maxPriorityFeePerGas"])
    )


def gas_of(raw: bytes) -> int:
    """Gas limit of a signed EIP-1559 transaction."""
    return int(TypedTransaction.from_bytes(HexBytes(raw)).as_dict()["gas"])


def call_of(raw: bytes) -> tuple[Address | None, bytes]:
    """Whom a signed EIP-1559 transaction calls (None: it creates a contract), and with what."""
    fields = TypedTransaction.from_bytes(HexBytes(raw)).as_dict()
    to = bytes(fields["to"])
    return (Address(to) if to else None), bytes(fields["data"])
