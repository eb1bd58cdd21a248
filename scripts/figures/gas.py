"""Gas of an anchor, paid to the real contract on the embedded chain, for trees of several sizes."""

import asyncio
import hashlib
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from eth_account import Account
from eth_account.signers.local import LocalAccount

from figures.result import Figure
from provenance.anchor.bootstrap import HANDOVER_DELAY_SECONDS
from provenance.chain.abi import anchor_role, log_id
from provenance.chain.client import ChainClient
from provenance.chain.registry import Registry, registry_at
from provenance.chain.transactions import address_of, contract_address, sign_transaction
from provenance.chain.types import Address, Receipt
from provenance.core.digests import NodeHash
from provenance.core.tree import Frontier, cover_nodes
from provenance.embedded.anvil import EmbeddedAnvil

_ORIGIN = "bench.example/log"
_TARGET = 100_000
_TARGET_SIZE = 1_000_000
_STEP_SHARE = 100
"""A step adds about a hundredth of the tree: 10,000 entries at a million."""
_GAS_LIMIT = 3_000_000


async def gas_figures(*, sizes: Sequence[int], steps: int) -> list[Figure]:
    """Median gas of ``steps`` anchors at each of ``sizes`` entries."""
    with tempfile.TemporaryDirectory(prefix="provenance-bench-") as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - the chain may have to run as another user
        chain = EmbeddedAnvil(Path(folder) / "data", preferred_port=None)
        address = await chain.start()
        client = ChainClient(address.rpc_url)
        try:
            sender = _Sender(client, Account.create(), chain_id=address.chain_id)
            await chain.fund(sender.account.address)
            transfer = (await sender.send(address_of(sender.account), b"")).gas_used
            registry = await _open_log(client, sender)
            tree = await asyncio.to_thread(
                _Tree, max(sizes) + max(sizes) * (steps + 1) * 3 // (2 * _STEP_SHARE)
            )
            used = await _anchor_all(registry, sender, tree, sizes=sizes, steps=steps)
        finally:
            await client.aclose()
            await chain.stop()
    return [_figure(size, used[size], transfer) for size in sizes]


class _Sender:
    """One account that sends one transaction after the other."""

    def __init__(self, client: ChainClient, account: LocalAccount, *, chain_id: int) -> None:
        self.account = account
        self._client = client
        self._chain_id = chain_id
        self.nonce = 0

    async def send(self, to: Address | None, call_data: bytes) -> Receipt:
        """Send a call and return its receipt."""
        signed = sign_transaction(
            self.account,
            chain_id=self._chain_id,
            nonce=self.nonce,
            to=to,
            call_data=call_data,
            gas=_GAS_LIMIT,
            fees=await self._client.fees(),
        )
        self.nonce += 1
        await self._client.send_raw(signed.raw)
        receipt = await self._client.wait_for_receipt(signed.tx_hash, seconds=30, poll=0.002)
        if not receipt.succeeded:
            raise RuntimeError("the chain refused a transaction of the bench")
        return receipt


class _Tree:
    """All perfect subtrees of a tree of made-up leaves."""

    def __init__(self, leaves: int) -> None:
        row = [hashlib.sha256(b"\x00%d" % number).digest() for number in range(leaves)]
        self._levels = [row]
        while len(row) > 1:
            row = [
                hashlib.sha256(b"\x01" + row[at] + row[at + 1]).digest()
                for at in range(0, len(row) - 1, 2)
            ]
            self._levels.append(row)

    def cover(self, start: int, end: int) -> list[NodeHash]:
        """Roots of the largest perfect subtrees that cover ``[start, end)``."""
        return [NodeHash(self._levels[level][index]) for level, index in cover_nodes(start, end)]


async def _open_log(client: ChainClient, sender: _Sender) -> Registry:
    me = address_of(sender.account)
    address = contract_address(me, sender.nonce)
    registry = registry_at(client, address)
    recovery = Address(bytes(19) + b"\x01")
    await sender.send(
        None,
        registry.deployment(delay=HANDOVER_DELAY_SECONDS, administrator=me, recovery=recovery),
    )
    await sender.send(address, registry.open_log(_ORIGIN))
    await sender.send(address, registry.grant_role(anchor_role(log_id(_ORIGIN)), me))
    return registry


async def _anchor_all(
    registry: Registry, sender: _Sender, tree: _Tree, *, sizes: Sequence[int], steps: int
) -> dict[int, list[int]]:
    """Gas of the steps from each size on; getting there is not counted."""
    used: dict[int, list[int]] = {}
    random_steps = random.Random(1)  # noqa: S311 - to be repeatable
    current = 0
    for size in sorted(sizes):
        step = size // _STEP_SHARE
        lengths = [size - current] if size > current else []
        lengths += [random_steps.randint(step // 2, step * 3 // 2) for _ in range(steps)]
        paid = []
        for length in lengths:
            call = registry.anchor(
                log_id(_ORIGIN),
                new_size=current + length,
                peaks=tree.cover(0, current),
                subtrees=tree.cover(current, current + length),
            )
            paid.append((await sender.send(registry.address, call)).gas_used)
            current += length
        used[size] = paid[-steps:]
    await _check(registry, tree, current)
    return used


async def _check(registry: Registry, tree: _Tree, size: int) -> None:
    """Make sure that what was paid for is what the product would have anchored."""
    frontier = Frontier(size=size, peaks=tuple(tree.cover(0, size)))
    head = await registry.head(log_id(_ORIGIN))
    if (head.size, head.root) != (size, frontier.root()):
        raise RuntimeError("the contract holds another root than the tree has")


def _figure(size: int, used: list[int], transfer: int) -> Figure:
    has_target = size == _TARGET_SIZE
    value = median(used)
    return Figure(
        name=f"anchor at {size:,} entries, median of {len(used)}",
        value=value,
        unit="gas",
        baseline=transfer,
        baseline_name="a plain transfer on the same chain",
        target=f"≤ {_TARGET:,}" if has_target else "",
        met=value <= _TARGET if has_target else None,
        limit="two stored words, and a hash and 32 bytes of call data for each peak and subtree",
        more={"least": min(used), "most": max(used)},
    )
