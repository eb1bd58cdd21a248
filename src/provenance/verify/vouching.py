"""Asking a node which of a dossier's blocks are on its chain, and final.

Rules: the node must serve the chain that the trust file names; a block is vouched for if the node
has its hash at its number; it is final by the trust file's rule. A node that cannot be asked, makes
no sense or has other blocks vouches for nothing, and what it said is told.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from provenance.core.trustfile import TrustedLog
from provenance.verify.dossier.anchors import Vouch
from provenance.verify.dossier.blocks import Header
from provenance.verify.errors import ChainReadError, RpcRefusedError
from provenance.verify.registry import read_block, read_quantity
from provenance.verify.rpc import JsonRpc


@dataclass(frozen=True, slots=True)
class Asked:
    """The blocks that a node vouches for, by hash; ``problem`` says why there is none, else empty."""

    vouches: Mapping[bytes, Vouch]
    problem: str = ""


async def ask_node(
    url: str, log: TrustedLog, headers: Iterable[Header], *, patience: float
) -> Asked:
    """Vouches for those of ``headers`` that the node at ``url`` has on its chain."""
    rpc = JsonRpc(url, timeout=patience)
    try:
        found = await _ask(rpc, log, list(headers))
    except ChainReadError as error:
        return Asked({}, f"no node vouched for a block: {error}")
    else:
        return Asked(found, "" if found else f"{rpc.host} has none of the dossier's blocks")
    finally:
        await rpc.aclose()


async def _ask(rpc: JsonRpc, log: TrustedLog, headers: list[Header]) -> dict[bytes, Vouch]:
    chain_id, genesis, head = await rpc.ask_many(
        [
            ("eth_chainId", []),
            ("eth_getBlockByNumber", ["0x0", False]),
            ("eth_getBlockByNumber", ["latest", False]),
        ]
    )
    identity = (read_quantity(chain_id, what="chain id"), read_block(genesis, what="genesis").hash)
    if identity != (log.chain_id, log.genesis_hash):
        raise ChainReadError(f"{rpc.host} serves another chain than the trust file names")
    newest = read_block(head, what="newest block").number
    last_final = await _last_final(rpc, log, newest)
    answers = await rpc.ask_many(
        [("eth_getBlockByNumber", [hex(header.number), False]) for header in headers]
    )
    found: dict[bytes, Vouch] = {}
    for header, answer in zip(headers, answers, strict=True):
        if _hash_of(answer) == header.hash:
            final = header.number <= last_final
            found[header.hash] = Vouch(
                final=final,
                reason=(
                    "its block is final on the chain of the node that was asked"
                    if final
                    else f"its block {header.number} is not final yet"
                ),
            )
    return found


def _hash_of(answer: Any) -> bytes | None:
    return read_block(answer).hash if answer is not None else None


async def _last_final(rpc: JsonRpc, log: TrustedLog, newest: int) -> int:
    """Number of the last block that is final by the trust file's rule; -1 if none is known."""
    if log.confirmations is not None:
        return newest - log.confirmations + 1
    try:
        answer = await rpc.ask("eth_getBlockByNumber", "finalized", False)
    except RpcRefusedError:
        return -1
    return read_block(answer, what="finalized block").number if answer is not None else -1
