"""Blocks: what a header's hash vouches for, read out of the raw header and its tries.

Rules: a block's hash is the keccak-256 of its header, whose fields are read by their place up to
the timestamp and kept whatever follows, so that headers of later forks can be read too. An event
is proven by a proof in the receipt trie, its transaction by one at the same key of the
transaction trie.
"""

from dataclasses import dataclass
from typing import Final

from eth_hash.auto import keccak

from provenance.core.digests import parse_hex
from provenance.core.jcs import JsonValue
from provenance.core.members import Members
from provenance.verify.dossier import patricia, rlp
from provenance.verify.dossier.errors import BlockProofError

MAX_HEADER: Final = 2_048
"""Bytes of a header: about 650 today."""
MAX_LOGS: Final = 4_096
"""Events of one transaction: a block's gas allows no more than that in practice."""

_FIELDS: Final = 15
"""Of a header before London; later forks add theirs behind."""
_PARENT, _TRANSACTIONS, _RECEIPTS, _NUMBER, _TIME = 0, 4, 5, 8, 11
_LEGACY: Final = 0xC0
"""First byte of an untyped transaction or receipt (EIP-2718)."""
_KNOWN_TYPES: Final = (1, 2, 3, 4)
"""Typed transactions whose first item is the chain id (EIP-2930, 1559, 4844, 7702)."""


@dataclass(frozen=True, slots=True)
class Header:
    """A block's header; ``time`` in milliseconds since the epoch, UTC."""

    hash: bytes
    parent: bytes
    transactions_root: bytes
    receipts_root: bytes
    number: int
    time: int


@dataclass(frozen=True, slots=True)
class Event:
    """An event in a transaction that did not revert."""

    address: bytes
    topics: tuple[bytes, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class ProvenEvent:
    """An event and where it is; ``position`` counts the events of its transaction.

    ``chain_id`` is what the transaction was signed for, None where it does not say.
    """

    header: Header
    event: Event
    transaction: bytes
    transaction_index: int
    position: int
    chain_id: int | None


def read_header(data: bytes) -> Header:
    """Read the RLP of a header.

    Raises:
        RlpError: it is not RLP.
        BlockProofError: it is not a header.

    """
    if len(data) > MAX_HEADER:
        raise BlockProofError(f"a block header has at most {MAX_HEADER} bytes")
    items = rlp.decode_list(data)
    if len(items) < _FIELDS:
        raise BlockProofError(f"a block header has at least {_FIELDS} fields")
    return Header(
        hash=keccak(data),
        parent=rlp.text(items[_PARENT], what="parent hash", size=32),
        transactions_root=rlp.text(items[_TRANSACTIONS], what="transactions root", size=32),
        receipts_root=rlp.text(items[_RECEIPTS], what="receipts root", size=32),
        number=rlp.integer(items[_NUMBER], what="block number"),
        time=rlp.integer(items[_TIME], what="block time") * 1000,
    )


def read_event(members: Members, header: Header) -> ProvenEvent:
    """Read an event's proof under ``header``: transaction index, position and two trie proofs.

    Raises:
        FormatError: members are missing, or not what the format allows.
        ProofError: the proofs do not lead to the header's roots.

    """
    index, position = members.integer("transaction_index"), members.integer("position")
    key = rlp.encode_integer(index)
    receipt = patricia.prove(header.receipts_root, key, nodes(members, "receipt_proof"))
    transaction = patricia.prove(header.transactions_root, key, nodes(members, "transaction_proof"))
    events = _events(receipt)
    if position >= len(events):
        raise BlockProofError("the transaction has no event at this position")
    return ProvenEvent(
        header=header,
        event=events[position],
        transaction=keccak(transaction),
        transaction_index=index,
        position=position,
        chain_id=_chain_id(transaction),
    )


def nodes(members: Members, name: str) -> list[bytes]:
    """Return the nodes of a trie proof; raises a :class:`FormatError`."""
    items = members.array(name, maximum=patricia.MAX_NODES)
    return [hex_bytes(item, where=f"{members.at(name)}/{at}") for at, item in enumerate(items)]


def hex_bytes(value: JsonValue, *, where: str) -> bytes:
    """Return the bytes of lower-case hex of any length.

    Raises:
        HexError: it is none.

    """
    size = len(value) // 2 if isinstance(value, str) else 0
    return parse_hex(value, where=where, size=size)


def _events(receipt: bytes) -> list[Event]:
    fields = rlp.decode_list(_untyped(receipt))
    if len(fields) != 4:
        raise BlockProofError("a transaction's receipt has 4 fields")
    if fields[0] != b"\x01":
        raise BlockProofError("the transaction was reverted")
    items = rlp.sequence(fields[3], what="events")
    if len(items) > MAX_LOGS:
        raise BlockProofError(f"more than {MAX_LOGS} events")
    return [_event(item) for item in items]


def _event(item: rlp.Item) -> Event:
    parts = rlp.sequence(item, what="event")
    if len(parts) != 3:
        raise BlockProofError("an event has 3 fields")
    return Event(
        address=rlp.text(parts[0], what="event address", size=20),
        topics=tuple(
            rlp.text(topic, what="event topic", size=32)
            for topic in rlp.sequence(parts[1], what="event topics")
        ),
        data=rlp.text(parts[2], what="event data"),
    )


def _untyped(data: bytes) -> bytes:
    return data if data[0] >= _LEGACY else data[1:]


def _chain_id(transaction: bytes) -> int | None:
    if transaction[0] not in _KNOWN_TYPES:
        return None
    fields = rlp.decode_list(transaction[1:])
    return rlp.integer(fields[0], what="chain id") if fields else None
