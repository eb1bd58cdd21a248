"""The embedded chain: anvil, made durable, behind a proxy that only lets harmless calls through.

anvil is told never to write its own state; :mod:`provenance.embedded.snapshots` does that. The
genesis block depends on the creation time alone, which is stored, so a chain keeps its identity
over restarts. A loaded chain would go on at the time of its genesis, so the clock is set before
anybody may send: until then the proxy holds requests back.

Like the database, a chain has one owner, who holds ``run/chain.lock``; whoever comes second is
given the address of the proxy that is there already. anvil's own port is drawn anew at each start
and not advertised. A process of this machine that looks for it can still find it, and could
then rewrite the chain: one more reason why this chain is a demonstration and not evidence.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import structlog

from provenance.embedded.anvil_node import AnvilNode, find_anvil
from provenance.embedded.chain_rpc import ChainRpc
from provenance.embedded.errors import ChainRpcError, EmbeddedError, ServiceStartError
from provenance.embedded.files import FileLock, make_data_folder, remembered_port
from provenance.embedded.process import Backoff, SupervisedProcess
from provenance.embedded.rpc_proxy import RpcProxy
from provenance.embedded.snapshots import (
    DurableBlock,
    SnapshotFolder,
    durable_block,
    head,
    publish_durable_block,
)

_log = structlog.get_logger(__name__)
CHAIN_ID = 31_337  # what EVM development chains use; no public chain has it
ETHER = 10**18
_SNAPSHOT_SHARE = 0.05  # of the time at most; a dump of 8,000 blocks takes more than a second
_LOOK_INTERVAL = 1.0  # seconds between looks for new blocks that nobody announced
_SHORTEST_LOOK = 0.005  # seconds, after a transaction was sent
_SHORTEST_PAUSE = 0.1  # seconds between snapshots; several anchors then share one
_WARN_EVERY = 1_000  # blocks


@dataclass(frozen=True, slots=True)
class ChainAddress:
    """What others need to use the chain; the URL is the proxy's."""

    rpc_url: str
    chain_id: int


class EmbeddedAnvil:
    """The anvil chain of a data folder, with its snapshots and its proxy.

    From ``warn_from_block`` blocks on the log says that it is time for a persistent node.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binary: Path | None = None,
        chain_id: int = CHAIN_ID,
        preferred_port: int | None = None,
        warn_from_block: int = 20_000,
        clock: Callable[[], float] = time.time,
        start_timeout: float = 60.0,
        backoff: Backoff | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._preferred_port = preferred_port
        self._start_timeout = start_timeout
        self._lock = FileLock(self._data_dir / "run" / "chain.lock")
        self._rpc = ChainRpc()
        self._snapshots = SnapshotFolder(self._data_dir / "chain" / "snapshots")
        self._snapshotting = asyncio.Lock()
        self._sent = asyncio.Event()
        self._proxy = RpcProxy(self._rpc, sent=self._sent.set)
        self._node = AnvilNode(
            self._data_dir,
            binary=find_anvil(binary),
            chain_id=chain_id,
            rpc=self._rpc,
            snapshots=self._snapshots,
            clock=clock,
            ready=self._proxy.node_ready,
        )
        self.process = SupervisedProcess(
            self._node,
            log_file=self._data_dir / "run" / "anvil.log",
            start_timeout=start_timeout,
            backoff=backoff,
        )
        self.process.on_exit(lambda _: self._proxy.node_ready.clear())
        self._loop: asyncio.Task[None] | None = None
        self._durable: DurableBlock | None = None
        self._warn_at = warn_from_block

    @property
    def owned(self) -> bool:
        """Whether this object owns the chain, or has joined another's."""
        return self._lock.held

    @property
    def private_url(self) -> str:
        """The node's own address, past the proxy; it changes with each start of the node."""
        return self._rpc.url

    async def start(self) -> ChainAddress:
        """Start the chain from its newest usable snapshot, or join one that runs.

        Raises :class:`ServiceStartError`, :class:`ChainStateError` or
        :class:`UnreachableFolderError`.
        """
        make_data_folder(self._data_dir)
        try:
            if not self._lock.acquire():
                return await self._join()
            await self.process.start()
            self._durable = durable_block(self._data_dir) if self._node.was_loaded else None
            await self._snapshot_news()
            port = await self._serve()
        except BaseException:
            await self.stop()
            raise
        self._loop = asyncio.create_task(self._keep_durable(), name="chain-snapshots")
        return self._address(port)

    async def stop(self) -> None:
        """Take a last snapshot and stop proxy and node, if they are ours."""
        if self._loop is not None:
            self._loop.cancel()
            with suppress(asyncio.CancelledError):
                await self._loop
            self._loop = None
        await self._proxy.stop()
        if self._lock.held:
            try:
                if self._proxy.node_ready.is_set() and self.process.pid is not None:
                    with suppress(ChainRpcError):
                        await self._snapshot_news()
                self._proxy.node_ready.clear()
                await self.process.stop()
            finally:
                self._lock.release()
        await self._rpc.close()

    async def snapshot(self) -> DurableBlock:
        """Make everything up to the head durable; the block that is in a synced snapshot now."""
        async with self._snapshotting:
            block = await self._snapshots.take(self._rpc)
            await asyncio.to_thread(publish_durable_block, self._data_dir, block)
            self._durable = block
        self._warn_when_long(block.number)
        return block

    async def _snapshot_news(self) -> None:
        if await head(self._rpc) != self._durable:
            await self.snapshot()

    async def fund(self, address: str, *, wei: int = 1_000_000 * ETHER) -> None:
        """Give ``address`` (0x…) at least ``wei``, durably. Only the owner can."""
        self._require_ownership()
        if int(await self._rpc.call("eth_getBalance", address, "latest"), 16) < wei:
            await self._rpc.call("anvil_setBalance", address, hex(wei))
            await self.snapshot()

    async def administer(self, method: str, *params: object) -> object:
        """Call any method of the node itself, past the proxy: for faults and tests."""
        self._require_ownership()
        return await self._rpc.call(method, *params)

    async def set_clock(self) -> None:
        """Let block times go with the wall clock again, after time was changed on purpose."""
        self._require_ownership()
        await self._node.set_clock()

    def _require_ownership(self) -> None:
        if not self._lock.held:
            raise EmbeddedError("another process owns the embedded chain; ask it, or stop it first")

    def _address(self, port: int) -> ChainAddress:
        return ChainAddress(rpc_url=f"http://127.0.0.1:{port}", chain_id=self._node.chain_id)

    async def _serve(self) -> int:
        for attempt in range(5):
            port = remembered_port(self._data_dir, "rpc", preferred=self._preferred_port)
            try:
                await self._proxy.start(port)
            except OSError:
                if attempt == 4:
                    raise
            else:
                return port
        raise AssertionError("the loop above ends by return or raise")

    async def _join(self) -> ChainAddress:
        """Wait for another owner's proxy; take over if that owner goes away meanwhile."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._start_timeout
        while loop.time() < deadline:
            with suppress(OSError, ValueError, aiohttp.ClientError, TimeoutError):
                port = int((self._data_dir / "run" / "rpc.port").read_text(encoding="ascii"))
                async with self._rpc.session.get(self._address(port).rpc_url) as answer:
                    if answer.status == 200:
                        return self._address(port)
            if self._lock.acquire():
                self._lock.release()
                return await self.start()
            await asyncio.sleep(0.1)
        raise ServiceStartError(
            f"another process holds {self._data_dir / 'run' / 'chain.lock'}, "
            f"but its chain did not answer within {self._start_timeout:.0f} s"
        )

    async def _keep_durable(self) -> None:
        """Snapshot when there is something new, for at most a small share of the time."""
        loop = asyncio.get_running_loop()
        while True:
            await self._wait_for_news()
            started = loop.time()
            try:
                await self.snapshot()
            except (ChainRpcError, OSError) as error:
                _log.warning("snapshot_failed", error=str(error))
                await asyncio.sleep(_LOOK_INTERVAL)
            cost = loop.time() - started
            await asyncio.sleep(max(_SHORTEST_PAUSE, cost / _SNAPSHOT_SHARE - cost))

    async def _wait_for_news(self) -> None:
        """Return when the head is another than the durable one.

        A transaction is answered before its block is there, so after one we look more often.
        """
        interval = 0.0
        while True:
            await self._proxy.node_ready.wait()
            with suppress(ChainRpcError):
                if await head(self._rpc) != self._durable:
                    return
            interval = min(max(2 * interval, _SHORTEST_LOOK), _LOOK_INTERVAL)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sent.wait(), interval)
                interval = 0.0
            self._sent.clear()

    def _warn_when_long(self, number: int) -> None:
        if number >= self._warn_at:
            self._warn_at = number + _WARN_EVERY
            _log.warning(
                "embedded_chain_is_long",
                blocks=number,
                remedy="each snapshot takes longer; move to a persistent node (RPC_URL)",
            )
