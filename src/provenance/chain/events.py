"""Events of the AnchorRegistry: where on chain something happened, found by indexed topics."""

from collections.abc import Sequence
from typing import Any

from eth_hash.auto import keccak
from eth_utils.abi import abi_to_signature

from provenance.chain.abi import ContractArtifact
from provenance.chain.client import ChainClient
from provenance.chain.errors import ChainUnavailableError
from provenance.chain.rpc import data, quantity, read_data, read_quantity
from provenance.chain.types import Address, AnchoredEvent, BlockHash, EventPlace, TxHash
from provenance.core.digests import RootHash


class RegistryEvents:
    """Events of one registry from ``start_block`` on.

    Nodes refuse eth_getLogs over more blocks than they like, so it is asked in windows of
    ``window`` blocks, newest first.
    """

    def __init__(
        self,
        chain: ChainClient,
        address: Address,
        *,
        artifact: ContractArtifact,
        start_block: int,
        window: int,
    ) -> None:
        self._chain = chain
        self._address = address
        self._start_block = start_block
        self._window = window
        self._topics = {
            item["name"]: keccak(abi_to_signature(item).encode())  # type: ignore[arg-type]  # JSON
            for item in artifact.abi
            if item["type"] == "event"
        }

    def search_everything(self) -> None:
        """Look from block 0 on: a chain that was restored has its events in other blocks."""
        self._start_block = 0

    async def anchored(self, log_id: bytes, size: int) -> AnchoredEvent | None:
        """Where the checkpoint of this size is: the truth about an anchor, whoever sent it."""
        event = await self._newest("Anchored", log_id, size.to_bytes(32, "big"))
        if event is None:
            return None
        place = _place(event)
        body = _body(event, size=64)
        return AnchoredEvent(
            size=size,
            old_size=int.from_bytes(body[32:], "big"),
            root=RootHash(body[:32]),
            tx_hash=place.tx_hash,
            block_number=place.block_number,
            block_hash=place.block_hash,
            log_index=place.log_index,
        )

    async def opened(self, log_id: bytes, *, within: int | None = None) -> EventPlace | None:
        """Where the log was opened, by the administrator or by a succession.

        With ``within`` only the block of this number is looked at.
        """
        if within is None:
            event = await self._newest("LogOpened", log_id)
        elif within > (await self._chain.latest()).number:
            # A chain that lost blocks does not reach that far, and nodes refuse the question.
            event = None
        else:
            found = await self._logs(self._spell("LogOpened", log_id), within, within)
            event = found[-1] if found else None
        return None if event is None else _place(event)

    async def succeeded(self, log_id: bytes) -> EventPlace | None:
        """Where the log was closed by a succession."""
        event = await self._newest("Succeeded", log_id)
        return None if event is None else _place(event)

    async def granted(self, role: bytes, *, from_block: int, to_block: int) -> tuple[Address, ...]:
        """To whom ``role`` was granted in these blocks; some may have lost it since."""
        found = await self._logs(self._spell("RoleGranted", role), from_block, to_block)
        try:
            # An indexed address fills a topic of 32 bytes from the right.
            holders = [read_data(event["topics"][2], size=32)[12:] for event in found]
        except (KeyError, IndexError, TypeError):
            raise ChainUnavailableError("the node sent an event without its topics") from None
        return tuple(Address(holder) for holder in dict.fromkeys(holders))

    async def _newest(self, name: str, *indexed: bytes) -> dict[str, Any] | None:
        topics = self._spell(name, *indexed)
        newest = (await self._chain.latest()).number
        while True:
            oldest = max(self._start_block, newest - self._window + 1)
            found = await self._logs(topics, oldest, newest)
            if found:
                return found[-1]
            if oldest <= self._start_block:
                return None
            newest = oldest - 1

    def _spell(self, name: str, *indexed: bytes) -> list[str]:
        return [data(topic) for topic in (self._topics[name], *indexed)]

    async def _logs(self, topics: Sequence[str], oldest: int, newest: int) -> list[dict[str, Any]]:
        found = await self._chain.rpc.ask(
            "eth_getLogs",
            {
                "address": data(self._address),
                "topics": topics,
                "fromBlock": quantity(oldest),
                "toBlock": quantity(newest),
            },
        )
        if not isinstance(found, list):
            raise ChainUnavailableError("the node sent something else than a list of events")
        return [event for event in found if isinstance(event, dict) and not event.get("removed")]


def _place(event: dict[str, Any]) -> EventPlace:
    try:
        return EventPlace(
            tx_hash=TxHash(read_data(event["transactionHash"], size=32)),
            block_number=read_quantity(event["blockNumber"]),
            block_hash=BlockHash(read_data(event["blockHash"], size=32)),
            log_index=read_quantity(event["logIndex"]),
        )
    except KeyError as error:
        raise ChainUnavailableError(f"the node sent an event without {error}") from None


def _body(event: dict[str, Any], *, size: int) -> bytes:
    return read_data(event.get("data"), size=size)
