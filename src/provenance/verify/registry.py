"""The AnchorRegistry as seen through JSON-RPC: calls, events and their decoding, by hand.

Written down here a second time on purpose, apart from the client that anchors: a verifier's
reading must not share a mistake with the writer. A test compares the selectors and topics with
the ABI of the compiled contract. Every value of an answer is read by type and length.
"""

from dataclasses import dataclass
from typing import Any, Final

from provenance.verify.errors import ChainReadError

ROOT_AT: Final = "0x930b6ace"
"""Selector of rootAt(bytes32,uint64)."""
LOG_INFO: Final = "0xdbbcee35"
"""Selector of logInfo(bytes32)."""
HEAD: Final = "0xf339e3b2"
"""Selector of head(bytes32)."""
ANCHORED: Final = "0x10d64b358a2a34d1aefd3923dfecde63ee095436d398bd873df1fd341db42724"
"""Topic of Anchored(bytes32,uint64,bytes32,uint64)."""
LOG_OPENED: Final = "0x4ea2cb03217842f9c3b0ecc2dfcb7ab46617b2908d383838de2ee086811d1aaa"
"""Topic of LogOpened(bytes32,string)."""

WORD: Final = 32
_CLOSED = 2
_MAX_QUANTITY_DIGITS = 16  # 64 bits: no number that is read here is larger


@dataclass(frozen=True, slots=True)
class Block:
    """A block's place; ``time`` in milliseconds since the epoch."""

    number: int
    hash: bytes
    time: int


@dataclass(frozen=True, slots=True)
class RegistryEvent:
    """An event of the registry about one log, and where it is; ``words`` are its plain data."""

    topics: tuple[bytes, ...]
    words: tuple[bytes, ...]
    transaction: bytes
    log_index: int
    block_number: int
    block_hash: bytes

    @property
    def size(self) -> int:
        """Size of an ``Anchored`` event."""
        return int.from_bytes(self.topics[2], "big")

    @property
    def root(self) -> bytes:
        """Root of an ``Anchored`` event."""
        return self.words[0]

    @property
    def old_size(self) -> int:
        """Size that an ``Anchored`` event extends."""
        return int.from_bytes(self.words[1], "big")


@dataclass(frozen=True, slots=True)
class LogInfo:
    """What the registry says of a log; ``closed_size`` and ``successor`` are None while it is open."""

    start_size: int
    predecessor: bytes | None
    closed_size: int | None
    successor: bytes | None = None


def data(value: bytes) -> str:
    """JSON-RPC spelling of bytes."""
    return "0x" + value.hex()


def word(value: int) -> bytes:
    """Unsigned integer as an ABI word."""
    return value.to_bytes(WORD, "big")


def read_quantity(value: object, *, what: str) -> int:
    """Unsigned integer of an answer.

    Raises:
        ChainReadError: it is none, or above 64 bits.

    """
    if isinstance(value, str) and value.startswith("0x"):
        digits = value[2:]
        if 0 < len(digits) <= _MAX_QUANTITY_DIGITS and digits.isalnum() and digits.isascii():
            try:
                return int(digits, 16)
            except ValueError:
                pass
    raise ChainReadError(f"the node's {what} is not a number")


def read_bytes(value: object, *, what: str, size: int | None = None) -> bytes:
    """Bytes of an answer, exactly ``size`` where given.

    Raises:
        ChainReadError: they are not.

    """
    decoded: bytes | None = None
    if isinstance(value, str) and value.startswith("0x"):
        try:
            decoded = bytes.fromhex(value[2:])
        except ValueError:
            decoded = None
    if decoded is None or (size is not None and len(decoded) != size):
        raise ChainReadError(f"the node's {what} is not {size or 'hexadecimal'} bytes")
    return decoded


def read_block(value: object, *, what: str = "block") -> Block:
    """Read a block's header.

    Raises:
        ChainReadError: it is none.

    """
    if not isinstance(value, dict):
        raise ChainReadError(f"the node has no {what}")
    return Block(
        number=read_quantity(value.get("number"), what=f"{what} number"),
        hash=read_bytes(value.get("hash"), what=f"{what} hash", size=WORD),
        time=read_quantity(value.get("timestamp"), what=f"{what} time") * 1000,
    )


def read_events(value: object, *, contract: bytes, topics: list[str | None]) -> list[RegistryEvent]:
    """Read the answer to eth_getLogs, in chain order; all must be what was asked for.

    Raises:
        ChainReadError: the answer is none, or holds other events.

    """
    if not isinstance(value, list):
        raise ChainReadError("the node did not answer with a list of events")
    events = [_event(item, contract=contract) for item in value]
    for event in events:
        wrong = len(event.topics) < len(topics) or any(
            topic is not None and data(found) != topic
            for found, topic in zip(event.topics, topics, strict=False)
        )
        if wrong:
            raise ChainReadError("the node answered with other events than it was asked for")
    return sorted(events, key=lambda event: (event.block_number, event.log_index))


def _event(value: Any, *, contract: bytes) -> RegistryEvent:
    if not isinstance(value, dict) or not isinstance(value.get("topics"), list):
        raise ChainReadError("the node's event is not an object with topics")
    if read_bytes(value.get("address"), what="event address", size=20) != contract:
        raise ChainReadError("the node answered with the event of another contract")
    if value.get("removed"):
        raise ChainReadError("the node answered with an event that was taken back")
    raw = read_bytes(value.get("data"), what="event data")
    return RegistryEvent(
        topics=tuple(read_bytes(topic, what="event topic", size=WORD) for topic in value["topics"]),
        words=tuple(raw[at : at + WORD] for at in range(0, len(raw), WORD)),
        transaction=read_bytes(value.get("transactionHash"), what="transaction hash", size=WORD),
        log_index=read_quantity(value.get("logIndex"), what="event index"),
        block_number=read_quantity(value.get("blockNumber"), what="event block number"),
        block_hash=read_bytes(value.get("blockHash"), what="event block hash", size=WORD),
    )


def check_anchored(event: RegistryEvent) -> RegistryEvent:
    """Return ``event`` if its shape is that of ``Anchored``.

    Raises:
        ChainReadError: it is not.

    """
    words = event.words
    if len(event.topics) != 3 or [len(item) for item in words] != [WORD, WORD]:
        raise ChainReadError("the node's event does not have the shape of Anchored")
    if event.size >= 1 << 64 or not event.old_size < event.size:
        raise ChainReadError("the node's Anchored event does not extend anything")
    return event


def read_log_info(value: object) -> LogInfo:
    """Read the answer to ``logInfo``.

    Raises:
        ChainReadError: it is too short, or its numbers are out of range.

    """
    raw = read_bytes(value, what="logInfo")
    words = [raw[at : at + WORD] for at in range(0, 6 * WORD, WORD)]
    if len(words[-1]) != WORD:
        raise ChainReadError("the contract's logInfo is cut short")
    state, start, closed = (int.from_bytes(words[at], "big") for at in (1, 2, 4))
    if state > _CLOSED or max(start, closed) >= 1 << 64:
        raise ChainReadError("the contract's logInfo is out of range")
    return LogInfo(
        start_size=start,
        predecessor=words[3] if any(words[3]) else None,
        closed_size=closed if state == _CLOSED else None,
        successor=words[5] if any(words[5]) else None,
    )
