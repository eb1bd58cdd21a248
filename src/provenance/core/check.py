"""The pure check of one receipt: one state machine, no input or output.

Rules it enforces, each with a verdict of its own:

* content: the payload given hashes to what the statement commits to;
* commitment: statement, salt and the payload's opening lead to the entry's commitment, and
  disclosed fields to the statement's ``fields_root``;
* inclusion: the entry is at its index in the tree of the checkpoint;
* checkpoint: a key that the trust file names for this origin signed it;
* trail: the signed trail head is this entry's trail's and subject's, and has a place for it;
* anchor: the trusted contract on the trusted chain holds this root at this size, it is the first
  anchor that covers the entry, and the receipt's details of it are the chain's; the same of each
  later anchor, which may also be of a log that carries this one on;
* finality: the chain will not take that back;
* timing: the entry's ``at`` is not after the new anchor, give or take 5 s, and not so long before
  the old one that no anchor waits for its block that long;
* status: nothing known to the verifier corrects, supersedes or erases it.

It leaves out what one receipt cannot show (the rest of the trail, other receipts that contradict
it: ``conduct``) and asking the chain (``provenance.verify``), whose answer it takes as facts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from provenance.core.digests import sha256
from provenance.core.entry import Entry
from provenance.core.errors import FormatError, ProofError, ProvenanceError
from provenance.core.fields import flatten, verify_disclosure
from provenance.core.notes import Checkpoint, TrailHead, open_note, split_note
from provenance.core.receipt import AnchoredCheckpoint, AnchorRecord, Receipt
from provenance.core.statement import payload_digest_commitment, statement_commitment
from provenance.core.tree import verify_inclusion
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.core.verdict import OPTIONAL, Outcome, Report, Verdict

TOLERANCE_MS: Final = 5_000
"""How far ``at`` may lie after its anchor's block time: clocks differ and blocks round."""

LATE_ANCHOR_MS: Final = 300_000
"""How far ``at`` may lie before the block of the anchor that does not cover it: entries are logged
while that anchor waits for its block. What is dated still earlier may be back-dated as well as
follow an anchor that was late, and nobody can tell: UNKNOWN."""

LOCAL: Final = "the chain is under the operator's control: a demonstration, not evidence"
"""Said of every receipt on a chain that the trust file marks as local."""


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """What the chain says about one log at one size; times in milliseconds since the epoch.

    ``root`` is ``rootAt`` read at a block hash (None: never anchored); ``record`` the details of
    the ``Anchored`` event there; ``final`` whether its block is; ``abandoned_above`` the size from
    which a successor carries on (None: no succession).
    """

    chain_id: int
    genesis_hash: bytes
    code_hash: bytes
    root: bytes | None
    record: AnchorRecord | None
    final: bool
    finality: str
    abandoned_above: int | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verifier brings to a receipt.

    ``facts`` are the chain's about the first anchor, or None with ``facts_missing`` saying why;
    ``later_facts`` those about each later anchor, in the receipt's order. ``statuses`` are plain
    sentences about later records that refer to this entry; None when nobody looked.
    """

    trust: TrustFile | None = None
    facts: AnchorFacts | None = None
    facts_missing: str = "the chain was not asked"
    payload: bytes | None = None
    statuses: tuple[str, ...] | None = None
    later_facts: tuple[AnchorFacts | None, ...] = ()


def check_receipt(receipt: Receipt, evidence: Evidence) -> Report:
    """Check ``receipt``; never raises on anything that a receipt can hold."""
    return _ReceiptCheck(receipt, evidence).report()


def checkpoint_of(anchored: AnchoredCheckpoint) -> Checkpoint:
    """Return the checkpoint as its text says, its signatures not looked at.

    Raises:
        FormatError: not a note, or not a checkpoint.

    """
    return _checkpoint_in(anchored.checkpoint)


# Receipts of one batch share a checkpoint, and each check of a receipt asks for it anew. So many
# notes at most: 16 MB, however large hostile ones are.
@lru_cache(maxsize=128)
def _checkpoint_in(note: str) -> Checkpoint:
    return Checkpoint.parse(split_note(note, where="checkpoint").text)


Finding = tuple[Outcome, str]


def check_content(receipt: Receipt, payload: bytes) -> Verdict:
    """Return the one verdict of :func:`check_receipt` that the payload decides."""
    return Verdict("content", *_guarded(lambda: _compare_content(receipt, payload)))


def _compare_content(receipt: Receipt, payload: bytes) -> Finding:
    if receipt.statement is None or receipt.payload is None:
        return Outcome.UNKNOWN, "the receipt does not open the payload's commitment"
    if receipt.statement.payload_size != len(payload):
        return Outcome.INVALID, (
            f"the payload has {len(payload)} bytes; "
            f"the statement says {receipt.statement.payload_size}"
        )
    if receipt.payload.sha256 != sha256(payload):
        return Outcome.INVALID, "the payload is not the one that was recorded"
    if receipt.fields and not {item.field for item in receipt.fields} <= set(flatten(payload)):
        return Outcome.INVALID, "the disclosed fields are not the payload's"
    return Outcome.VALID, "the payload is, byte for byte, the one that was recorded"


class _ReceiptCheck:
    """The verdicts on one receipt, each from a method of its own."""

    def __init__(self, receipt: Receipt, evidence: Evidence) -> None:
        self._receipt = receipt
        self._evidence = evidence
        self._leaf = receipt.entry.leaf_hash()
        self._log: TrustedLog | None = None
        self._checkpoint: Checkpoint | None = None
        self._checkpoint_error = ""
        try:
            self._checkpoint = checkpoint_of(receipt.anchored)
        except ProvenanceError as error:
            self._checkpoint_error = str(error)
        if self._checkpoint is not None and evidence.trust is not None:
            self._log = evidence.trust.log(self._checkpoint.origin)

    def report(self) -> Report:
        steps: tuple[tuple[str, Callable[[], Finding]], ...] = (
            ("content", self._content),
            ("commitment", self._commitment),
            ("inclusion", self._inclusion),
            ("checkpoint", self._signatures),
            ("trail", self._trail),
            ("anchor", self._anchor),
            ("finality", self._finality),
            ("timing", self._timing),
            ("status", self._status),
        )
        verdicts = tuple(Verdict(name, *_guarded(step)) for name, step in steps)
        local = self._log is not None and self._log.local
        return Report(
            verdicts=verdicts,
            qualification=LOCAL if local else "",
            optional=OPTIONAL if self._evidence.payload is None else OPTIONAL - {"content"},
        )

    def _content(self) -> Finding:
        payload = self._evidence.payload
        if payload is None:
            return Outcome.UNKNOWN, "no payload was given"
        return _compare_content(self._receipt, payload)

    def _commitment(self) -> Finding:
        receipt = self._receipt
        if receipt.statement is None or receipt.salt is None:
            return Outcome.UNKNOWN, f"the statement is {receipt.state}: place and order only"
        commitment = statement_commitment(receipt.statement.encode(), salt=receipt.salt)
        if commitment != receipt.entry.commitment:
            return Outcome.INVALID, "statement and salt do not lead to the entry's commitment"
        opening = receipt.payload
        if opening is not None:
            expected = payload_digest_commitment(opening.sha256, salt=opening.salt)
            if expected != receipt.statement.payload:
                return Outcome.INVALID, "the payload's opening does not fit the statement"
        if receipt.fields:
            if receipt.statement.fields_root is None:
                return Outcome.INVALID, "fields are disclosed, but the statement commits to none"
            verify_disclosure(receipt.fields, root=receipt.statement.fields_root)
        return Outcome.VALID, "the entry commits to this statement"

    def _inclusion(self) -> Finding:
        checkpoint = self._parsed_checkpoint()
        anchored = [(checkpoint, self._receipt.anchored.path)]
        anchored += [(checkpoint_of(later), later.path) for later in self._receipt.later]
        for point, path in anchored:
            verify_inclusion(
                self._leaf,
                index=self._receipt.index,
                size=point.size,
                path=path,
                root=point.root,
            )
        return Outcome.VALID, (
            f"entry {self._receipt.index} is in the log of size {checkpoint.size}"
        )

    def _signatures(self) -> Finding:
        checkpoint = self._parsed_checkpoint()
        for anchored in (self._receipt.anchored, *self._receipt.later):
            origin = checkpoint_of(anchored).origin
            log = self._log_in_line(origin)
            if log is None:
                return Outcome.UNKNOWN, self._untrusted(origin)
            open_note(anchored.checkpoint, log.keys, where="checkpoint")
        return Outcome.VALID, f"signed for {checkpoint.origin} by a trusted key"

    def _trail(self) -> Finding:
        receipt = self._receipt
        if receipt.trail_head is None:
            return Outcome.UNKNOWN, "the receipt has no trail head"
        head = TrailHead.parse(split_note(receipt.trail_head, where="trail head").text)
        wrong = self._head_contradiction(head)
        if wrong:
            return Outcome.INVALID, wrong
        log = self._log_in_line(head.origin)
        if log is None:
            return Outcome.UNKNOWN, self._untrusted(head.origin)
        open_note(receipt.trail_head, log.keys, where="trail head")
        if receipt.index >= head.anchored_size:
            return Outcome.UNKNOWN, "the trail head is older than this entry"
        if log.successor is not None and head.anchored_size > log.successor.size:
            return Outcome.UNKNOWN, f"the trail head is {_abandoned(log.successor.size)}"
        return Outcome.VALID, (
            f"number {receipt.entry.seq + 1} of {head.count} in its trail "
            f"as of size {head.anchored_size}, by a signed trail head"
        )

    def _head_contradiction(self, head: TrailHead) -> str:
        receipt = self._receipt
        if receipt.statement is not None and head.subject != receipt.statement.subject:
            return "the trail head is about another subject"
        if head.trail != receipt.entry.trail:
            return "the trail head is about another trail"
        if receipt.entry.seq > receipt.index:
            return "its trail has more entries before it than the log"
        return head_contradiction(head, index=receipt.index, entry=receipt.entry)

    def _anchor(self) -> Finding:
        receipt, evidence = self._receipt, self._evidence
        if not receipt.anchored.anchor.old_size <= receipt.index < receipt.anchored.anchor.size:
            return Outcome.INVALID, "this is not the first anchor that covers the entry"
        first = self._one_anchor(receipt.anchored, evidence.facts)
        findings = [first]
        for position, later in enumerate(receipt.later):
            known = position < len(evidence.later_facts)
            facts = evidence.later_facts[position] if known else None
            outcome, reason = self._one_anchor(later, facts)
            findings.append((outcome, f"later anchor {position}: {reason}"))
        for worst in (Outcome.INVALID, Outcome.UNKNOWN):
            for finding in findings:
                if finding[0] is worst:
                    return finding
        return first

    def _one_anchor(self, anchored: AnchoredCheckpoint, facts: AnchorFacts | None) -> Finding:
        checkpoint, anchor = checkpoint_of(anchored), anchored.anchor
        if anchor.size != checkpoint.size:
            return Outcome.INVALID, "the anchor's size is not the checkpoint's"
        if anchor.log_id != sha256(checkpoint.origin.encode()):
            return Outcome.INVALID, "the anchor is another log's"
        log = self._log_in_line(checkpoint.origin)
        if log is None:
            return Outcome.UNKNOWN, self._untrusted(checkpoint.origin)
        for name in ("chain_id", "genesis_hash", "contract"):
            if getattr(anchor, name) != getattr(log, name):
                return Outcome.INVALID, f"the anchor's {name} is not the trusted one"
        if log.successor is not None and checkpoint.size > log.successor.size:
            return Outcome.INVALID, _abandoned(log.successor.size)
        if facts is None:
            return Outcome.UNKNOWN, self._evidence.facts_missing
        return ask_chain(checkpoint, anchor, log=log, facts=facts)

    def _finality(self) -> Finding:
        facts = self._evidence.facts
        if facts is None or self._log is None:
            return Outcome.UNKNOWN, self._evidence.facts_missing
        if facts.record is None or not is_trusted_chain(facts, self._log):
            return Outcome.UNKNOWN, "the anchor was not found on the trusted chain"
        return Outcome.VALID if facts.final else Outcome.UNKNOWN, facts.finality

    def _timing(self) -> Finding:
        anchor, at = self._receipt.anchored.anchor, self._receipt.entry.at
        if anchor.block_time < anchor.old_time:
            return Outcome.INVALID, "the old anchor is younger than the new one"
        if at > anchor.block_time + TOLERANCE_MS:
            return Outcome.INVALID, (
                f"dated {at}, after the block {anchor.block_time} that anchors it"
            )
        if at < anchor.old_time - LATE_ANCHOR_MS:
            return Outcome.UNKNOWN, (
                f"dated {(anchor.old_time - at) / 1000:.0f} s before the anchor that it came after: "
                "either that anchor was late, or the entry was back-dated"
            )
        facts, log = self._evidence.facts, self._log
        confirmed = facts is not None and log is not None and is_trusted_chain(facts, log)
        if facts is None or not confirmed or facts.record != anchor:
            return Outcome.UNKNOWN, "the anchors' block times were not confirmed by the chain"
        lag = (anchor.block_time - at) / 1000
        width = anchor.block_time - min(anchor.old_time, at)
        return Outcome.VALID, (
            f"logged within a window of {width / 1000:.1f} s between two anchors, "
            f"anchored {lag:.1f} s later"
        )

    def _status(self) -> Finding:
        statuses = self._evidence.statuses
        if statuses is None:
            return Outcome.UNKNOWN, "later records that refer to this one were not looked for"
        return Outcome.VALID, "; ".join(statuses) or "nothing corrects, supersedes or erases it"

    def _parsed_checkpoint(self) -> Checkpoint:
        if self._checkpoint is None:
            raise FormatError(self._checkpoint_error)
        return self._checkpoint

    def _log_in_line(self, origin: str) -> TrustedLog | None:
        """Trusted log of that name, if it is the checkpoint's or carries that one on."""
        trust, checkpoint = self._evidence.trust, self._parsed_checkpoint()
        if trust is None or origin not in trust.lineage(checkpoint.origin):
            return None
        return trust.log(origin)

    def _untrusted(self, origin: str) -> str:
        trust = self._evidence.trust
        if trust is None:
            return "no trust file was given"
        if trust.log(origin) is not None:
            return f"{origin!a} does not carry on the log of the checkpoint"
        return f"the trust file does not name the log {origin!a}"


def is_trusted_chain(facts: AnchorFacts, log: TrustedLog) -> bool:
    """Whether the facts are of the chain that the trust file names."""
    return (facts.chain_id, facts.genesis_hash) == (log.chain_id, log.genesis_hash)


def ask_chain(
    checkpoint: Checkpoint, anchor: AnchorRecord, *, log: TrustedLog, facts: AnchorFacts
) -> Finding:
    """What the chain says about a checkpoint and what a receipt says of its anchor."""
    if not is_trusted_chain(facts, log):
        return Outcome.UNKNOWN, "the chain that was asked is not the trusted one"
    if facts.code_hash != log.code_hash:
        return Outcome.INVALID, "the contract's code is not the trusted code"
    if facts.abandoned_above is not None and checkpoint.size > facts.abandoned_above:
        return Outcome.INVALID, _abandoned(facts.abandoned_above)
    if facts.root is None or facts.record is None:
        return Outcome.UNKNOWN, "the contract holds no root at this size (not yet, or no more)"
    if facts.root != checkpoint.root:
        return Outcome.INVALID, "the contract holds another root at this size"
    if facts.record.old_size != anchor.old_size:
        return Outcome.INVALID, "the anchor extends another size than the receipt says"
    if facts.record != anchor:
        return Outcome.UNKNOWN, (
            "the anchor is in another block or transaction than the receipt says: "
            "fetch the receipt again"
        )
    return Outcome.VALID, (
        f"the contract holds this root at size {checkpoint.size} since block "
        f"{anchor.block_number}" + (f" ({LOCAL})" if log.local else "")
    )


def head_contradiction(head: TrailHead, *, index: int, entry: Entry) -> str:
    """Why an entry of the head's trail contradicts it; empty if it does not."""
    if index >= head.anchored_size:
        if entry.seq < head.count:
            return "the trail head counts this entry before it was anchored"
        if entry.seq == head.count and entry.prev != head.last_leaf:
            return "the entry that follows the trail head names another last entry"
        return ""
    if entry.seq >= head.count:
        return "the trail head leaves this entry out"
    if entry.seq == head.count - 1 and entry.leaf_hash() != head.last_leaf:
        return "the trail head ends in another entry"
    return ""


def _abandoned(size: int) -> str:
    return f"abandoned: a successor carries the log on from size {size}"


def _guarded(step: Callable[[], Finding]) -> Finding:
    try:
        return step()
    except (FormatError, ProofError) as error:
        return Outcome.INVALID, str(error)
