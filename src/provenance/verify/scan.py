"""Finding events in ranges of blocks, however large a range the node allows.

Public nodes answer for 10 to 50,000 blocks at a time. A range that is refused is asked for again
in smaller parts; while ranges are taken they grow.
"""

from collections.abc import AsyncIterator
from typing import Any, Final

from provenance.verify.errors import ChainReadError, RpcRefusedError
from provenance.verify.registry import RegistryEvent, data, read_events
from provenance.verify.rpc import JsonRpc

FIRST_WINDOW: Final = 10_000
"""Blocks of the first request; what most public nodes allow."""
LARGEST_WINDOW: Final = 1_000_000
"""Blocks of one request at most, where the node refused none."""
MOST_REQUESTS: Final = 2_000
"""Requests of one search; ends a search that a miserly or hostile node would prolong for ever."""


class EventScan:
    """One search for the events of ``contract`` with ``topics`` (None: any)."""

    def __init__(self, rpc: JsonRpc, *, contract: bytes, topics: list[str | None]) -> None:
        self._rpc = rpc
        self._contract = contract
        self._topics = topics
        self._window = FIRST_WINDOW
        self._largest = LARGEST_WINDOW
        self._requests = 0

    async def in_block(self, block_hash: bytes) -> list[RegistryEvent]:
        """Events of one block; none where the node does not know it."""
        try:
            return await self._ask({"blockHash": data(block_hash)})
        except RpcRefusedError:
            return []

    async def last(self, *, lowest: int, highest: int) -> list[RegistryEvent]:
        """Events of the highest part of the range that has any; searched downwards."""
        upper = highest
        while upper >= lowest:
            lower = max(lowest, upper - self._window + 1)
            events = await self._range(lower, upper)
            if events is None:
                continue
            if events:
                return events
            upper = lower - 1
        return []

    async def all(self, *, lowest: int, highest: int) -> AsyncIterator[RegistryEvent]:
        """Every event of the range in chain order; searched upwards."""
        lower = lowest
        while lower <= highest:
            upper = min(highest, lower + self._window - 1)
            events = await self._range(lower, upper)
            if events is None:
                continue
            for event in events:
                yield event
            lower = upper + 1

    async def _range(self, lower: int, upper: int) -> list[RegistryEvent] | None:
        """Events of one range; None if the node refused it and smaller parts are next."""
        where = {"fromBlock": hex(lower), "toBlock": hex(upper)}
        try:
            events = await self._ask(where)
        except RpcRefusedError as error:
            if upper == lower:
                raise ChainReadError(f"events could not be searched: {error}") from None
            self._window = self._largest = max(1, (upper - lower + 1) // 5)
            return None
        if any(not lower <= event.block_number <= upper for event in events):
            raise ChainReadError("the node answered with events of other blocks")
        self._window = min(self._largest, self._window * 2)
        return events

    async def _ask(self, where: dict[str, Any]) -> list[RegistryEvent]:
        self._requests += 1
        if self._requests > MOST_REQUESTS:
            raise ChainReadError(
                "the node allows too small ranges of blocks to find the anchor; use another one"
            )
        answer = await self._rpc.ask(
            "eth_getLogs", {"address": data(self._contract), "topics": self._topics, **where}
        )
        return read_events(answer, contract=self._contract, topics=self._topics)
