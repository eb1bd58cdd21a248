"""What the chain says about a log's anchors, as facts for the pure check.

Rules: everything is read as of one block, by its hash, so that no two answers come from different
states; an event counts only in a block that is on the chain by its number; an answer that is
missing, of the wrong type, or contradicts another is a :class:`ChainReadError`. Whether the chain
and the contract are the trusted ones is left to the check, which compares.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Self

from eth_hash.auto import keccak

from provenance.core.check import AnchorFacts
from provenance.core.digests import sha256
from provenance.core.receipt import AnchorRecord
from provenance.core.trustfile import TrustedLog
from provenance.verify.errors import ChainReadError, RpcRefusedError
from provenance.verify.registry import (
    ANCHORED,
    LOG_INFO,
    LOG_OPENED,
    ROOT_AT,
    WORD,
    Block,
    LogInfo,
    RegistryEvent,
    check_anchored,
    data,
    read_block,
    read_bytes,
    read_log_info,
    read_quantity,
    word,
)
from provenance.verify.rpc import Call, JsonRpc
from provenance.verify.scan import EventScan

LONGEST_LINEAGE: Final = 64
"""Predecessors that are followed; a succession is rare."""


class ChainFactsReader:
    """Asks one node by its URL; ``timeout`` in seconds for each request.

    Use it in ``async with``, or call :meth:`aclose`.
    """

    def __init__(self, rpc_url: str, *, timeout: float = 10.0, concurrency: int = 8) -> None:
        self._rpc = JsonRpc(rpc_url, timeout=timeout, concurrency=concurrency)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._rpc.aclose()

    async def facts(
        self, log: TrustedLog, size: int, *, hint: AnchorRecord | None = None
    ) -> AnchorFacts:
        """Facts about one size of a log; see :meth:`ChainView.facts`.

        Raises:
            ChainReadError: the node could not be asked, or makes no sense.

        """
        return await (await self.view(log)).facts(size, hint=hint)

    async def view(self, log: TrustedLog) -> "ChainView":
        """The chain as of its newest block, with regard to one log.

        Raises:
            ChainReadError: the node could not be asked, or makes no sense.

        """
        rpc = self._rpc
        chain_id, genesis, head = await rpc.ask_many(
            [
                ("eth_chainId", []),
                ("eth_getBlockByNumber", ["0x0", False]),
                ("eth_getBlockByNumber", ["latest", False]),
            ]
        )
        view = ChainView(
            rpc=rpc,
            log=log,
            chain_id=read_quantity(chain_id, what="chain id"),
            genesis_hash=read_block(genesis, what="genesis").hash,
            head=read_block(head, what="newest block"),
        )
        if view.trusted_chain:
            await view.load()
        return view


@dataclass(slots=True)
class ChainView:
    """One log on one chain as of the block ``head``."""

    rpc: JsonRpc
    log: TrustedLog
    chain_id: int
    genesis_hash: bytes
    head: Block
    code_hash: bytes = b""
    finalized: int | None = None
    info: LogInfo = field(default_factory=lambda: LogInfo(0, None, None))
    log_id: bytes = b""

    @property
    def trusted_chain(self) -> bool:
        """Whether the node serves the chain that the trust file names."""
        identity = (self.chain_id, self.genesis_hash)
        return identity == (self.log.chain_id, self.log.genesis_hash)

    @property
    def trusted_contract(self) -> bool:
        """Whether the trusted contract's code stands at its address, on the trusted chain."""
        return self.trusted_chain and self.code_hash == self.log.code_hash

    @property
    def at_head(self) -> dict[str, Any]:
        """Block parameter that reads state at ``head`` and nowhere else (EIP-1898)."""
        return {"blockHash": data(self.head.hash), "requireCanonical": True}

    async def load(self) -> None:
        """Read what does not depend on a size."""
        if self.head.number < self.log.start:
            raise ChainReadError(
                f"the node is at block {self.head.number}, before the log was opened at "
                f"{self.log.start}: wait until it has caught up"
            )
        self.log_id = sha256(self.log.origin.encode())
        code = await self.rpc.ask("eth_getCode", data(self.log.contract), self.at_head)
        self.code_hash = keccak(read_bytes(code, what="code"))
        if self.code_hash == self.log.code_hash:
            answer = await self.call(LOG_INFO, self.log_id)
            self.info = read_log_info(answer)
        if self.log.confirmations is None:
            self.finalized = await self._finalized()

    async def facts(self, size: int, *, hint: AnchorRecord | None = None) -> AnchorFacts:
        """Facts about the anchor at ``size``; ``hint`` says where a receipt claims that it is.

        Raises:
            ChainReadError: the node could not be asked, or makes no sense.

        """
        root = await self.root_at(size) if self.trusted_contract else None
        record = await self._record(size, root, hint) if root is not None else None
        final, finality = self._finality(record)
        return AnchorFacts(
            chain_id=self.chain_id,
            genesis_hash=self.genesis_hash,
            code_hash=self.code_hash,
            root=root,
            record=record,
            final=final,
            finality=finality,
            abandoned_above=self.info.closed_size,
        )

    def call_of(self, selector: str, *arguments: bytes) -> Call:
        """Question to a view of the contract at ``head``."""
        call = {"to": data(self.log.contract), "data": selector + b"".join(arguments).hex()}
        return "eth_call", [call, self.at_head]

    async def call(self, selector: str, *arguments: bytes) -> Any:
        """Answer of a view of the contract at ``head``."""
        method, params = self.call_of(selector, *arguments)
        return await self.rpc.ask(method, *params)

    async def opening_time(self) -> int:
        """Block time of the log's opening, in milliseconds.

        Raises:
            ChainReadError: it was not opened where the trust file says.

        """
        return (await self._block_of(await self._opened())).time

    async def root_at(self, size: int) -> bytes | None:
        """Root that the contract holds at ``size``; None if it never held one."""
        answer = await self.call(ROOT_AT, self.log_id, word(size))
        root = read_bytes(answer, what="rootAt", size=WORD)
        return root if any(root) else None

    async def _record(
        self, size: int, root: bytes, hint: AnchorRecord | None
    ) -> AnchorRecord | None:
        near = hint.block_hash if hint is not None else None
        event = await self._anchored(self.log_id, size, near=near, highest=self.head.number)
        if event is None:
            return None
        if event.root != root:
            raise ChainReadError("the node's Anchored event holds another root than the contract")
        block = await self._block_of(event)
        return AnchorRecord(
            chain_id=self.chain_id,
            genesis_hash=self.genesis_hash,
            contract=self.log.contract,
            log_id=self.log_id,
            transaction=event.transaction,
            log_index=event.log_index,
            block_number=event.block_number,
            block_hash=event.block_hash,
            block_time=block.time,
            size=size,
            old_size=event.old_size,
            old_time=await self._old_time(event),
        )

    async def _anchored(
        self, log_id: bytes, size: int, *, highest: int, near: bytes | None = None
    ) -> RegistryEvent | None:
        topics: list[str | None] = [ANCHORED, data(log_id), data(word(size))]
        scan = EventScan(self.rpc, contract=self.log.contract, topics=topics)
        events = [] if near is None else await self._on_chain(await scan.in_block(near))
        if not events:
            # A predecessor was opened before this log was.
            lowest = self.log.start if log_id == self.log_id else 0
            events = await scan.last(lowest=lowest, highest=highest)
        if len(events) > 1:
            raise ChainReadError(f"the node has more than one Anchored event of size {size}")
        return check_anchored(events[0]) if events else None

    async def _on_chain(self, events: list[RegistryEvent]) -> list[RegistryEvent]:
        """``events``, or none if a reorganisation took their block off the chain."""
        try:
            for event in events:
                await self._block_of(event)
        except ChainReadError:
            return []
        return events

    async def _block_of(self, event: RegistryEvent) -> Block:
        answer = await self.rpc.ask("eth_getBlockByNumber", hex(event.block_number), False)
        block = read_block(answer)
        if (block.number, block.hash) != (event.block_number, event.block_hash):
            raise ChainReadError("an event's block is not on the chain; ask again in a moment")
        return block

    async def _old_time(self, event: RegistryEvent) -> int:
        """Block time of the anchor that ``event`` extends, or of the log's opening."""
        if event.old_size == 0:
            return await self.opening_time()
        log_id, info = self.log_id, self.info
        for _ in range(LONGEST_LINEAGE):
            if event.old_size > info.start_size:
                old = await self._anchored(log_id, event.old_size, highest=event.block_number)
                if old is None:
                    break
                return (await self._block_of(old)).time
            if event.old_size < info.start_size or info.predecessor is None:
                break
            # The successor took over a root that its predecessor (or that one's) anchored.
            log_id = info.predecessor
            info = read_log_info(await self.call(LOG_INFO, log_id))
        raise ChainReadError(f"the anchor of the old size {event.old_size} was not found")

    async def _opened(self) -> RegistryEvent:
        topics: list[str | None] = [LOG_OPENED, data(self.log_id)]
        scan = EventScan(self.rpc, contract=self.log.contract, topics=topics)
        events = await scan.last(lowest=self.log.start, highest=self.log.start)
        if len(events) != 1:
            raise ChainReadError(
                f"the log was not opened in block {self.log.start}, as the trust file says"
            )
        return events[0]

    async def _finalized(self) -> int | None:
        try:
            answer = await self.rpc.ask("eth_getBlockByNumber", "finalized", False)
        except RpcRefusedError:
            return None
        return read_block(answer, what="finalized block").number if answer is not None else None

    def _finality(self, record: AnchorRecord | None) -> tuple[bool, str]:
        if record is None:
            return False, "the anchor was not found on the chain"
        if self.log.confirmations is not None:
            depth = self.head.number - record.block_number + 1
            final = depth >= self.log.confirmations
            return final, f"{depth} confirmations; {self.log.confirmations} make it final"
        if self.finalized is None:
            return False, "the node names no finalized block; ask another one"
        if self.finalized >= record.block_number:
            return True, "its block is final by the chain's own rule"
        return False, (
            f"its block {record.block_number} is not final yet; the chain is at {self.finalized}"
        )
