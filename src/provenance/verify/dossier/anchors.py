"""Facts about anchors, out of a dossier's own proofs and the hashes of blocks that one trusts.

Rules: an event counts for a log if the contract that the trust file names sent it. What a proof
shows is worth as much as its block's hash: a block is *vouched for* if the verifier names its
hash, or if headers lead to it from one that is. The contract's code is not in such a proof: that
the address holds the trusted code is what the trust file says, and the contract has no way to
change it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from provenance.core.check import AnchorFacts
from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.core.jcs import Limits, parse_canonical
from provenance.core.members import Members
from provenance.core.receipt import AnchorRecord
from provenance.core.tree import MAX_SIZE
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.dossier.blocks import Header, ProvenEvent, hex_bytes, read_event, read_header
from provenance.verify.dossier.errors import BlockProofError
from provenance.verify.registry import ANCHORED, LOG_OPENED, WORD

MAX_LINE: Final = 4 << 20
"""Bytes of a block's line: a large transaction's events, in hex, several times over."""
MAX_BLOCKS: Final = 1 << 16
"""Blocks of one dossier: first anchors, those before them, and headers between."""
MAX_EVENTS: Final = 64
"""Events of one block that one dossier needs."""

NAMED: Final = "its block is one that the verifier names as trusted"
LINKED: Final = "its block leads to one that is trusted"
NOT_VOUCHED: Final = (
    "the dossier's proof fits, but nobody vouches for block {number}: name its hash"
)
STRANGE: Final = (
    "the dossier's proof fits, but a hash that was given is not that of any block in the dossier, "
    "and block {number} needs its own: either another block's hash was looked up, or the dossier "
    "is of another chain"
)
CONTRADICTED: Final = (
    "block {number} has another hash in the dossier than the one that was given for it: the "
    "dossier is of another chain"
)
NO_PROOF: Final = "the dossier has no proof of this anchor"
NO_OLD_PROOF: Final = "the dossier has no proof of the anchor before this one"

_LIMITS = Limits(max_bytes=MAX_LINE, max_depth=5, max_values=1 << 14)
_ANCHORED = bytes.fromhex(ANCHORED[2:])
_OPENED = bytes.fromhex(LOG_OPENED[2:])


@dataclass(frozen=True, slots=True)
class Vouch:
    """Why a block's hash is trusted, and whether the chain can still take it back.

    ``number`` is that of the block, where the verifier named it too.
    """

    final: bool
    reason: str
    number: int | None = None


Vouches = Mapping[bytes, Vouch]
"""For each trusted block hash, why."""


def named(
    hashes: Iterable[bytes], numbers: Mapping[bytes, int] | None = None
) -> dict[bytes, Vouch]:
    """Vouches of a verifier who names block hashes: known from elsewhere, and final.

    ``numbers`` are of those of which the verifier says which block it is.
    """
    known = numbers or {}
    return {block: Vouch(final=True, reason=NAMED, number=known.get(block)) for block in hashes}


@dataclass(frozen=True, slots=True)
class ProvenAnchor:
    """Facts about one anchor; ``unvouched`` says why nobody vouches for them, empty if one does."""

    facts: AnchorFacts | None
    unvouched: str


class ChainProofs:
    """The blocks of one dossier and the registry's events that they prove."""

    def __init__(self) -> None:
        self.headers: dict[bytes, Header] = {}
        self._last = -1
        self._anchored: dict[tuple[bytes, bytes, int], ProvenEvent] = {}
        self._opened: dict[tuple[bytes, bytes], ProvenEvent] = {}

    def add(self, line: bytes) -> None:
        """Take one line of ``evidence/anchors.jsonl``; blocks come in order of number.

        Raises:
            FormatError: it is malformed.
            ProofError: it does not prove what it holds.

        """
        members = Members(parse_canonical(line, limits=_LIMITS), where="")
        members.only(("header", "events"))
        header = read_header(hex_bytes(members.get("header"), where="/header"))
        if len(self.headers) >= MAX_BLOCKS:
            raise BadValueError(f"more than {MAX_BLOCKS} blocks", where="/header")
        if header.number <= self._last:
            raise BadValueError("blocks do not come in order of number", where="/header")
        self._last = header.number
        self.headers[header.hash] = header
        if "events" in members:
            for at, item in enumerate(members.array("events", maximum=MAX_EVENTS)):
                event = Members(item, where=f"/events/{at}")
                event.only(("transaction_index", "position", "receipt_proof", "transaction_proof"))
                self._keep(read_event(event, header))

    def _keep(self, proven: ProvenEvent) -> None:
        event = proven.event
        if event.topics[:1] == (_ANCHORED,) and len(event.topics) == 3:
            size = int.from_bytes(event.topics[2], "big")
            old_size = int.from_bytes(event.data[WORD:], "big")
            if len(event.data) != 2 * WORD or not old_size < size <= MAX_SIZE:
                raise BlockProofError("an event does not have the shape of Anchored")
            anchor = (event.address, event.topics[1], size)
            if self._anchored.setdefault(anchor, proven) is not proven:
                raise BlockProofError(f"two anchors of size {size}")
        elif event.topics[:1] == (_OPENED,) and len(event.topics) == 2:
            opening = (event.address, event.topics[1])
            if self._opened.setdefault(opening, proven) is not proven:
                raise BlockProofError("two openings of one log")
        else:
            raise BlockProofError("an event is neither an anchor nor an opening")

    def strange(self, vouches: Vouches) -> bool:
        """Whether one of ``vouches`` is for a block that is not in the dossier."""
        return any(block not in self.headers for block in vouches)

    def linked(self, vouches: Vouches) -> dict[bytes, Vouch]:
        """``vouches`` and those of blocks to which headers lead from them."""
        found = dict(vouches)
        for block, vouch in vouches.items():
            header = self.headers.get(block)
            while header is not None:
                parent = self.headers.get(header.parent)
                if parent is None or parent.hash in found:
                    break
                found[parent.hash] = Vouch(final=vouch.final, reason=LINKED)
                header = parent
        return found

    def anchor(
        self,
        claim: AnchorRecord,
        *,
        log: TrustedLog,
        trust: TrustFile,
        vouches: Vouches,
        is_strange: bool,
    ) -> ProvenAnchor:
        """What the dossier proves about the anchor that a receipt claims.

        ``is_strange`` says whether one of ``vouches`` is for a block that is not in the dossier.
        """
        proven = self._anchored.get((log.contract, sha256(log.origin.encode()), claim.size))
        if proven is None:
            return ProvenAnchor(facts=None, unvouched=NO_PROOF)
        old_size = int.from_bytes(proven.event.data[WORD:], "big")
        old = self._old(log, trust, old_size)
        needed = [proven] if old is None else [proven, old]
        unvouched = "" if old is not None else NO_OLD_PROOF
        # The anchor's own block first: a closing anchor needs no other.
        for item in needed:
            if item.header.hash not in vouches:
                said = STRANGE if is_strange else NOT_VOUCHED
                unvouched = said.format(number=item.header.number)
                break
        vouch = vouches.get(proven.header.hash)
        record = _record(proven, claim, log, old_size=old_size, old=old)
        facts = AnchorFacts(
            chain_id=record.chain_id,
            genesis_hash=log.genesis_hash,
            code_hash=log.code_hash,
            root=proven.event.data[:WORD],
            record=record,
            final=vouch.final if vouch is not None else True,
            finality=vouch.reason if vouch is not None else unvouched,
        )
        return ProvenAnchor(facts=facts, unvouched=unvouched)

    def contradicted(self, vouches: Vouches) -> int | None:
        """Return the number of a block that has another hash here than a verifier says; or None."""
        hashes = {header.number: header.hash for header in self.headers.values()}
        for block, vouch in vouches.items():
            if vouch.number is not None and hashes.get(vouch.number, block) != block:
                return vouch.number
        return None

    def header_of(self, claim: AnchorRecord, log: TrustedLog) -> Header | None:
        """Header of the block that holds the anchor which a receipt claims."""
        proven = self._anchored.get((log.contract, sha256(log.origin.encode()), claim.size))
        return proven.header if proven is not None else None

    def _old(self, log: TrustedLog, trust: TrustFile, old_size: int) -> ProvenEvent | None:
        """Anchor of the old size, by this log or one that it carries on; else its opening."""
        line = [log]
        for _ in trust.logs:
            before = next(
                (
                    item
                    for item in trust.logs
                    if item.successor is not None and item.successor.origin == line[-1].origin
                ),
                None,
            )
            if before is None or before in line:
                break
            line.append(before)
        if old_size == 0:
            return self._opened.get((log.contract, sha256(log.origin.encode())))
        for item in line:
            found = self._anchored.get((item.contract, sha256(item.origin.encode()), old_size))
            if found is not None:
                return found
        return None


def _record(
    proven: ProvenEvent,
    claim: AnchorRecord,
    log: TrustedLog,
    *,
    old_size: int,
    old: ProvenEvent | None,
) -> AnchorRecord:
    # A log index counts the events of the whole block. How many came before the transaction is
    # not proven, so that behind others the claim is taken where it is possible.
    first = proven.transaction_index == 0
    possible = max(claim.log_index, proven.position)
    header = proven.header
    return AnchorRecord(
        chain_id=log.chain_id if proven.chain_id is None else proven.chain_id,
        genesis_hash=log.genesis_hash,
        contract=proven.event.address,
        log_id=proven.event.topics[1],
        transaction=proven.transaction,
        log_index=proven.position if first else possible,
        block_number=header.number,
        block_hash=header.hash,
        block_time=header.time,
        size=int.from_bytes(proven.event.topics[2], "big"),
        old_size=old_size,
        old_time=old.header.time if old is not None else claim.old_time,
    )
