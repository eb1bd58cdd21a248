"""Every anchor of a log and of those that it succeeded, as the chain tells it.

Rules: the contract's ``Anchored`` events form one line, each extending the size of the one before;
the last is the contract's head; ``rootAt`` gives each event's root; a log begins where its
predecessor was closed, at the same root. A node whose answers break a rule is not believed.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.core.digests import HASH_SIZE, sha256
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.places import PlaceTable
from provenance.verify.chain import LONGEST_LINEAGE, ChainFactsReader, ChainView
from provenance.verify.errors import ChainReadError
from provenance.verify.registry import (
    ANCHORED,
    HEAD,
    LOG_INFO,
    ROOT_AT,
    WORD,
    LogInfo,
    RegistryEvent,
    check_anchored,
    data,
    read_block,
    read_bytes,
    read_log_info,
    word,
)
from provenance.verify.scan import EventScan

_AT_ONCE: Final = 25
"""Events whose roots and blocks are asked for in one batch."""


@dataclass(frozen=True, slots=True)
class Anchor:
    """One anchored size; ``time`` is its block's, in milliseconds (0: not known)."""

    size: int
    root: bytes
    time: int


class AnchorTable:
    """Anchored sizes in order, 48 bytes each."""

    def __init__(self) -> None:
        self._sizes = array("Q")
        self._times = array("Q")
        self._roots = bytearray()

    def __len__(self) -> int:
        return len(self._sizes)

    def __iter__(self) -> Iterator[Anchor]:
        return (self[position] for position in range(len(self)))

    def __getitem__(self, position: int) -> Anchor:
        start = position * HASH_SIZE
        root = bytes(self._roots[start : start + HASH_SIZE])
        return Anchor(self._sizes[position], root, self._times[position])

    @property
    def last_size(self) -> int:
        """Largest size; 0 for none."""
        return self._sizes[-1] if self._sizes else 0

    def add(self, size: int, root: bytes, time: int) -> None:
        """Append an anchor of a larger size."""
        self._sizes.append(size)
        self._times.append(time)
        self._roots += root

    def at(self, size: int) -> Anchor | None:
        """Anchor of exactly ``size``."""
        position = bisect_left(self._sizes, size)
        found = position < len(self._sizes) and self._sizes[position] == size
        return self[position] if found else None

    def within(self, start: int, end: int) -> list[Anchor]:
        """Anchors of sizes above ``start``, up to and including ``end``."""
        first, last = bisect_right(self._sizes, start), bisect_right(self._sizes, end)
        return [self[position] for position in range(first, last)]

    def window(self, index: int) -> tuple[int, int] | None:
        """Times of the anchors before and after entry ``index``; None where not both are known."""
        position = bisect_right(self._sizes, index)
        if not 0 < position < len(self._sizes):
            return None
        before, after = self._times[position - 1], self._times[position]
        return (before, after) if before and after else None


def line_of(trust: TrustFile, origin: str) -> list[TrustedLog]:
    """The trusted log ``origin`` and those before it, oldest first; empty where it is unknown."""
    line: list[TrustedLog] = []
    log = trust.log(origin)
    while log is not None and log not in line:
        line.insert(0, log)
        following = log.origin
        log = next(
            (one for one in trust.logs if one.successor and one.successor.origin == following), None
        )
    return line


@dataclass(frozen=True, slots=True)
class ChainReading:
    """What the chain says of a line of logs; ``abandoned`` counts anchors above a succession.

    ``predecessors`` are the ids of the logs before the line, newest first; ``successor`` that of
    the log which carries the line on from ``closed_size``.
    """

    anchors: AnchorTable
    places: PlaceTable
    head_size: int
    abandoned: int
    predecessors: tuple[bytes, ...] = ()
    successor: bytes | None = None
    closed_size: int | None = None


async def read_anchors(reader: ChainFactsReader, line: Sequence[TrustedLog]) -> ChainReading:
    """Read all anchors of ``line`` (oldest log first).

    Raises:
        ChainReadError: the node could not be asked, or contradicts itself or the trust file.

    """
    anchors, places = AnchorTable(), PlaceTable()
    abandoned = 0
    predecessors: tuple[bytes, ...] | None = None
    info = LogInfo(0, None, None)
    for log in line:
        view = await reader.view(log)
        _check_identity(view)
        await _begin(view, anchors)
        info = view.info
        if predecessors is None:
            predecessors = await _before(view)
        until = view.info.closed_size
        size = view.info.start_size
        async for event, root, time in _anchored(view):
            size = _follow(event, root, before=size)
            if until is None or size <= until:
                anchors.add(size, root, time)
                places.add(event, time)
            else:
                abandoned += 1
        await _check_head(view, size)
    return ChainReading(
        anchors=anchors,
        places=places,
        head_size=anchors.last_size,
        abandoned=abandoned,
        predecessors=predecessors or (),
        successor=info.successor,
        closed_size=info.closed_size,
    )


async def _before(view: ChainView) -> tuple[bytes, ...]:
    """Ids of the logs that ``view``'s carries on, newest first."""
    ids: list[bytes] = []
    following = view.info.predecessor
    while following is not None and len(ids) < LONGEST_LINEAGE:
        ids.append(following)
        following = read_log_info(await view.call(LOG_INFO, following)).predecessor
    return tuple(ids)


def _check_identity(view: ChainView) -> None:
    if not view.trusted_chain:
        raise ChainReadError("the chain that was asked is not the trusted one")
    if not view.trusted_contract:
        raise ChainReadError("the contract's code is not the trusted code")


async def _begin(view: ChainView, anchors: AnchorTable) -> None:
    """Make sure that a log begins where the one before it ended."""
    start = view.info.start_size
    if not len(anchors):
        if start:
            root = await view.root_at(start)
            if root is None:
                raise ChainReadError(f"the contract holds no root at the log's start, {start}")
            anchors.add(start, root, 0)
        else:
            anchors.add(0, sha256(b""), await view.opening_time())
        return
    inherited = anchors.at(start)
    if inherited is None or start != anchors.last_size:
        raise ChainReadError(
            "the log does not begin where the one before it in the trust file ended"
        )
    if start and await view.root_at(start) != inherited.root:
        raise ChainReadError("the log begins with another root than the one before it ended with")


def _follow(event: RegistryEvent, root: bytes, *, before: int) -> int:
    if event.old_size != before:
        raise ChainReadError(f"the node leaves out an anchor between {before} and {event.size}")
    if event.root != root:
        raise ChainReadError(f"the node has two roots at size {event.size}")
    return event.size


async def _check_head(view: ChainView, size: int) -> None:
    answer = read_bytes(await view.call(HEAD, view.log_id), what="head", size=2 * WORD)
    if int.from_bytes(answer[:WORD], "big") != size:
        raise ChainReadError("the contract's head is not its last Anchored event")


async def _anchored(view: ChainView) -> AsyncIterator[tuple[RegistryEvent, bytes, int]]:
    """Each ``Anchored`` event with ``rootAt`` of its size and its block's time."""
    topics: list[str | None] = [ANCHORED, data(view.log_id)]
    scan = EventScan(view.rpc, contract=view.log.contract, topics=topics)
    pending: list[RegistryEvent] = []
    async for event in scan.all(lowest=view.log.start, highest=view.head.number):
        pending.append(check_anchored(event))
        if len(pending) == _AT_ONCE:
            for item in await _details(view, pending):
                yield item
            pending = []
    for item in await _details(view, pending):
        yield item


async def _details(
    view: ChainView, events: Sequence[RegistryEvent]
) -> list[tuple[RegistryEvent, bytes, int]]:
    calls = [view.call_of(ROOT_AT, view.log_id, word(event.size)) for event in events]
    numbers = list(dict.fromkeys(event.block_number for event in events))
    calls += [("eth_getBlockByNumber", [hex(number), False]) for number in numbers]
    answers = await view.rpc.ask_many(calls)
    blocks = {
        number: read_block(answer)
        for number, answer in zip(numbers, answers[len(events) :], strict=True)
    }
    details: list[tuple[RegistryEvent, bytes, int]] = []
    for event, answer in zip(events, answers, strict=False):
        block = blocks[event.block_number]
        if (block.number, block.hash) != (event.block_number, event.block_hash):
            raise ChainReadError("an anchor's block is not on the chain; ask again in a moment")
        root = read_bytes(answer, what="rootAt", size=WORD)
        details.append((event, root, block.time))
    return details
