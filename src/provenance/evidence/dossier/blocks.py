"""Proofs of anchors, gathered from a node and held against the block's hash before use.

For each block the header is put together from its fields and must hash to the block's hash; the
receipts and raw transactions must lead to the header's roots. A node that leaves something out, or
rounds, is told apart from one that does not: nothing is written that would not verify.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import rlp  # type: ignore[import-untyped]
from eth_hash.auto import keccak
from trie.hexary import HexaryTrie

from provenance.core.errors import ProvenanceError
from provenance.core.jcs import JsonValue, canonicalize

MAX_HEADERS: Final = 1_024
"""Headers that link other anchors' blocks to the closing one: 1.3 MB. On a chain where more blocks
lie between, a verifier is asked to trust the other blocks by name."""

_AT_ONCE: Final = 8
_HEADER: Final = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot",
    "logsBloom", "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData",
    "mixHash", "nonce",
)  # fmt: skip
_LATER: Final = (
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot",
    "requestsHash",
)  # fmt: skip
_NUMBERS: Final = frozenset(
    {
        "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed",
        "excessBlobGas",
    }
)  # fmt: skip


class BlockGatherError(ProvenanceError):
    """A node's block cannot be proven: ask another node."""

    code = "block-not-provable"


class Asks(Protocol):
    """A node that answers JSON-RPC; ``chain.rpc.Rpc`` is one."""

    async def ask(self, method: str, *params: object) -> Any:
        """Result of one call."""
        ...


@dataclass(frozen=True, slots=True)
class EventPlace:
    """An event that is wanted: its block, and its place among the events of the block."""

    block_number: int
    block_hash: bytes
    log_index: int


async def gather_blocks(
    node: Asks, places: Iterable[EventPlace], *, closing: int, max_headers: int = MAX_HEADERS
) -> tuple[bytes, ...]:
    """Lines of ``evidence/anchors.jsonl`` that prove the events at ``places``.

    Where no more than ``max_headers`` blocks lie from the first of them to block ``closing``, their
    headers are added, so that the hash of that one block is enough to trust.

    Raises:
        BlockGatherError: the node's answers do not lead to the hashes.
        ChainError: the node could not be asked.

    """
    wanted: dict[int, list[EventPlace]] = {}
    for place in places:
        wanted.setdefault(place.block_number, []).append(place)
    numbers = set(wanted)
    first = min(numbers | {closing})
    if closing - first <= max_headers:
        numbers |= set(range(first, closing + 1))
    slots = asyncio.Semaphore(_AT_ONCE)

    async def line(number: int) -> bytes:
        async with slots:
            return await _line(node, number, wanted.get(number, ()))

    return tuple(await asyncio.gather(*map(line, sorted(numbers))))


def header_rlp(block: Mapping[str, Any]) -> bytes:
    """RLP of a block's header, as JSON-RPC spells its fields.

    Raises:
        BlockGatherError: it does not hash to the block's hash.

    """
    try:
        fields = [_field(name, block[name]) for name in _HEADER]
        fields += [_field(name, block[name]) for name in _LATER if block.get(name) is not None]
        data: bytes = rlp.encode(fields)
        expected = _bytes(block["hash"])
    except (KeyError, TypeError, ValueError):
        raise BlockGatherError("the node sent a header with missing or malformed fields") from None
    if keccak(data) != expected:
        raise BlockGatherError(
            f"the header of block {int(block['number'], 16)} does not hash to the block's hash: "
            "it has fields that this release does not know"
        )
    return data


async def _line(node: Asks, number: int, places: Sequence[EventPlace]) -> bytes:
    block = await node.ask("eth_getBlockByNumber", hex(number), False)
    if not isinstance(block, dict):
        raise BlockGatherError(f"the node has no block {number}")
    value: dict[str, JsonValue] = {"header": header_rlp(block).hex()}
    if places:
        if any(place.block_hash != _bytes(block["hash"]) for place in places):
            raise BlockGatherError(f"block {number} is another one now: gather again")
        value["events"] = await _events(node, block, places)
    return canonicalize(value)


async def _events(
    node: Asks, block: Mapping[str, Any], places: Sequence[EventPlace]
) -> list[JsonValue]:
    receipts = await node.ask("eth_getBlockReceipts", block["number"])
    if not isinstance(receipts, list):
        raise BlockGatherError("the node has no receipts of the block")
    try:
        encoded = [_receipt(item) for item in receipts]
        raw = [
            _bytes(await node.ask("eth_getRawTransactionByHash", item))
            for item in block["transactions"]
        ]
        found = [_position(receipts, place.log_index) for place in sorted(places, key=_by_log)]
        receipt_trie = _trie(encoded, _bytes(block["receiptsRoot"]), "receipts")
        transaction_trie = _trie(raw, _bytes(block["transactionsRoot"]), "transactions")
    except (KeyError, TypeError, ValueError, AttributeError):
        raise BlockGatherError("the node sent malformed receipts or transactions") from None
    return [
        {
            "transaction_index": index,
            "position": position,
            "receipt_proof": _proof(receipt_trie, index),
            "transaction_proof": _proof(transaction_trie, index),
        }
        for index, position in dict.fromkeys(found)
    ]


def _by_log(place: EventPlace) -> int:
    return place.log_index


def _position(receipts: Sequence[Mapping[str, Any]], log_index: int) -> tuple[int, int]:
    for receipt in receipts:
        for position, event in enumerate(receipt["logs"]):
            if int(event["logIndex"], 16) == log_index:
                return int(receipt["transactionIndex"], 16), position
    raise BlockGatherError(f"the block has no event {log_index}")


def _receipt(receipt: Mapping[str, Any]) -> bytes:
    """EIP-2718 encoding of a transaction's receipt."""
    logs = [
        [_bytes(log["address"]), [_bytes(topic) for topic in log["topics"]], _bytes(log["data"])]
        for log in receipt["logs"]
    ]
    status, used = int(receipt["status"], 16), int(receipt["cumulativeGasUsed"], 16)
    body: bytes = rlp.encode([status, used, _bytes(receipt["logsBloom"]), logs])
    kind = int(receipt.get("type", "0x0"), 16)
    return bytes([kind]) + body if kind else body


def _trie(values: Sequence[bytes], root: bytes, what: str) -> HexaryTrie:
    made = HexaryTrie({})
    for index, value in enumerate(values):
        made[rlp.encode(index)] = value
    if made.root_hash != root:
        raise BlockGatherError(
            f"the node's {what} do not lead to the header's root: it leaves out fields, or has "
            "kinds of transactions that this release does not know"
        )
    return made


def _proof(made: HexaryTrie, index: int) -> list[JsonValue]:
    """Nodes that stand by themselves: those shorter than a hash stand inside their parent."""
    nodes = [
        rlp.encode(node)
        for node in made.get_proof(rlp.encode(index))  # type: ignore[no-untyped-call]
    ]
    return [node.hex() for at, node in enumerate(nodes) if at == 0 or len(node) >= 32]


def _field(name: str, value: str) -> int | bytes:
    return int(value, 16) if name in _NUMBERS else _bytes(value)


def _bytes(value: object) -> bytes:
    if not isinstance(value, str) or not value.startswith("0x"):
        raise TypeError(value)
    return bytes.fromhex(value[2:])
