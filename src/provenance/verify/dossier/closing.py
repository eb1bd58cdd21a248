"""The closing anchor: one checkpoint, and so one block, that covers every entry of a dossier.

Rules: a log's tree only grows, so that an entry in the tree of its first anchor is at the same
place in the closing tree if a consistency proof (RFC 9162, section 2.1.4) leads from the one root
to the other. There is one proof for each size that an entry was first anchored at. The logs of these
checkpoints, and no others, are those that the manifest names.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from provenance.core.check import AnchorFacts, ask_chain
from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse_canonical
from provenance.core.members import VERSION, Members
from provenance.core.notes import Checkpoint, open_note, split_note
from provenance.core.receipt import MAX_PATH, AnchorRecord
from provenance.core.tree import verify_consistency
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.core.verdict import Outcome

MAX_CLOSING: Final = 64 << 20
"""Bytes: ``MAX_SIZES`` proofs of 15 hashes, in hex."""
MAX_SIZES: Final = 1 << 16
"""First anchors of one dossier."""

_VALUES_EACH: Final = MAX_PATH + 4
"""Commas and brackets of one proof; checkpoint and anchor have fewer than 64."""


@dataclass(frozen=True, slots=True)
class Closing:
    """``evidence/closing.json``: a checkpoint, its anchor, and a proof for each smaller size."""

    checkpoint: str
    anchor: AnchorRecord
    consistency: tuple[tuple[int, tuple[bytes, ...]], ...]

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        proofs: list[JsonValue] = [
            {"size": size, "proof": [node.hex() for node in proof]}
            for size, proof in self.consistency
        ]
        return canonicalize(
            {
                "v": VERSION,
                "checkpoint": self.checkpoint,
                "anchor": self.anchor.to_json(),
                "consistency": proofs,
            }
        )

    @classmethod
    def decode(cls, data: bytes, *, entries: int = MAX_SIZES) -> Self:
        """Read the canonical bytes of a dossier of so many entries.

        Raises:
            FormatError: one of its subclasses for each way of being malformed.

        """
        # No more sizes than entries were first anchored at.
        values = 64 + _VALUES_EACH * min(entries, MAX_SIZES)
        limits = Limits(max_bytes=MAX_CLOSING, max_depth=6, max_values=values)
        members = Members(parse_canonical(data, limits=limits), where="")
        members.version()
        members.only(("v", "checkpoint", "anchor", "consistency"))
        proofs: list[tuple[int, tuple[bytes, ...]]] = []
        for at, item in enumerate(members.array("consistency", maximum=MAX_SIZES)):
            proof = Members(item, where=f"/consistency/{at}")
            proof.only(("size", "proof"))
            proofs.append(
                (proof.integer("size", minimum=1), proof.hashes("proof", maximum=MAX_PATH))
            )
        if any(after[0] <= before[0] for before, after in pairwise(proofs)):
            raise BadValueError("sizes do not rise", where="/consistency")
        return cls(
            checkpoint=members.text("checkpoint"),
            anchor=AnchorRecord.from_json(members.get("anchor"), where="/anchor"),
            consistency=tuple(proofs),
        )

    def parsed(self) -> Checkpoint:
        """Return the checkpoint as its text says; raises a :class:`FormatError`."""
        return Checkpoint.parse(split_note(self.checkpoint, where="checkpoint").text)


Finding = tuple[Outcome, str]


def judge_cover(
    closing: Closing, first: Sequence[tuple[Checkpoint, int]], trust: TrustFile | None
) -> Finding:
    """Whether the closing tree extends the tree of each first checkpoint.

    ``first`` are the distinct checkpoints of the receipts, each with the number of its entries.

    Raises:
        FormatError: the closing checkpoint is none.
        ProofError: it does not extend one of them.

    """
    last = closing.parsed()
    proofs = dict(closing.consistency)
    for checkpoint, _ in first:
        if trust is not None and last.origin not in trust.lineage(checkpoint.origin):
            return Outcome.INVALID, "the closing checkpoint does not carry on an entry's log"
        size = checkpoint.size
        if size > last.size or (size < last.size and size not in proofs):
            return Outcome.INVALID, f"the closing checkpoint does not cover size {size}"
        verify_consistency(
            old=size,
            new=last.size,
            proof=proofs.get(size, ()) if size < last.size else (),
            old_root=checkpoint.root,
            new_root=last.root,
        )
    needless = proofs.keys() - {checkpoint.size for checkpoint, _ in first}
    if needless:
        return Outcome.INVALID, f"nothing was first anchored at size {min(needless)}"
    entries = sum(count for _, count in first)
    return Outcome.VALID, f"all {entries} entries are in the log of size {last.size}"


def judge_origins(closing: Closing, first: Iterable[Checkpoint], origins: Collection[str]) -> str:
    """Why ``origins``, which the manifest names, are not those of the checkpoints; else empty."""
    found = dict.fromkeys([*(checkpoint.origin for checkpoint in first), closing.parsed().origin])
    strange = next((origin for origin in origins if origin not in found), None)
    if strange is not None:
        return f"the manifest names the log {strange}, and nothing in it is of that log"
    missing = next((origin for origin in found if origin not in origins), None)
    return "" if missing is None else f"the manifest does not name the log {missing}"


def judge_anchor(
    closing: Closing, log: TrustedLog, facts: AnchorFacts | None, unvouched: str
) -> Finding:
    """Whether the trusted contract holds the closing checkpoint, signed by a trusted key.

    Raises:
        FormatError: the closing checkpoint is none.
        SignatureError: no trusted key signed it.

    """
    last, anchor = closing.parsed(), closing.anchor
    open_note(closing.checkpoint, log.keys, where="checkpoint")
    if anchor.size != last.size:
        return Outcome.INVALID, "the anchor's size is not the checkpoint's"
    if anchor.log_id != sha256(last.origin.encode()):
        return Outcome.INVALID, "the anchor is another log's"
    for name in ("chain_id", "genesis_hash", "contract"):
        if getattr(anchor, name) != getattr(log, name):
            return Outcome.INVALID, f"the anchor's {name} is not the trusted one"
    if log.successor is not None and last.size > log.successor.size:
        return Outcome.INVALID, "abandoned: a successor carries the log on from a smaller size"
    if facts is None:
        return Outcome.UNKNOWN, unvouched
    outcome, reason = ask_chain(last, anchor, log=log, facts=facts)
    if outcome is not Outcome.VALID:
        return outcome, reason
    if unvouched:
        return Outcome.UNKNOWN, unvouched
    if not facts.final:
        return Outcome.UNKNOWN, facts.finality
    return Outcome.VALID, reason
