"""Time stamps of others over checkpoints (RFC 3161): the log stood at this size by that time.

Rules: a token is over the SHA-256 of a signed checkpoint, the note whole. A log's tree only grows,
so that a consistency proof from the stamped tree to the closing one shows that every entry below
the stamped size existed when the authority stamped it. Tokens are additions: nobody has to believe
an authority, and a dossier is VALID without them. But one that is there and is wrong, or that
stamps an entry before the entry's own time, is INVALID.

What checks a token is passed in; ``tokens`` makes it from certificates that the verifier trusts.
"""

import base64
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

from provenance.core.check import TOLERANCE_MS
from provenance.core.errors import TooLargeError
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse_canonical
from provenance.core.members import Members
from provenance.core.notes import (
    MAX_NOTE_BYTES,
    Checkpoint,
    decode_base64,
    open_note,
    split_note,
)
from provenance.core.receipt import MAX_PATH, Receipt
from provenance.core.tree import verify_consistency
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.dossier.closing import Closing
from provenance.verify.dossier.errors import UnnamedAuthorityError
from provenance.verify.dossier.report import utc

MAX_TOKEN: Final = 1 << 16
"""Bytes of a response: authorities send 1 to 8 kB, certificates included."""
MAX_TIMESTAMPS: Final = 4_096
"""Of one dossier: five months, stamped every hour."""
MAX_STAMP_LINE: Final = 2 * MAX_TOKEN + 6 * MAX_NOTE_BYTES + 100 * MAX_PATH
"""Bytes of a line: token in base64, note in escapes, proof in hex."""
NOT_CHECKED: Final = (
    "{count} of a time-stamping authority, not checked here: give the command line the "
    "certificate of one that you trust (--tsa)"
)
NOT_NAMED: Final = (
    "{count} of {total} time stamps are not by an authority that you named (the first one says "
    "that it is by {by}): give its certificate, too (--tsa)"
)

_LIMITS = Limits(max_bytes=MAX_STAMP_LINE, max_depth=2, max_values=128)

Finding = tuple[Outcome, str]


@dataclass(frozen=True, slots=True)
class Stamped:
    """When a token says that it was made, at the latest, and the name of who made it.

    ``latest`` is the stated time and the stated accuracy, in milliseconds since the epoch, UTC.
    """

    latest: int
    by: str


ChecksToken = Callable[[bytes, bytes], Stamped]
"""Given a note and a response, when the one was stamped by the other.

Raises an UnnamedAuthorityError where somebody else stamped it, any other ProofError where nobody did.
"""


@dataclass(frozen=True)
class Timestamp:
    """One line of ``evidence/timestamps.jsonl``.

    ``checkpoint`` is the signed note that was stamped, ``proof`` the consistency proof from its
    tree to the closing one (empty where it is that), ``token`` the DER of a TimeStampResp.
    """

    checkpoint: str
    proof: tuple[bytes, ...]
    token: bytes

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785), without a line break."""
        proof: list[JsonValue] = [node.hex() for node in self.proof]
        token = base64.b64encode(self.token).decode()
        return canonicalize({"checkpoint": self.checkpoint, "proof": proof, "token": token})

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read the canonical bytes; raises a :class:`FormatError`."""
        members = Members(parse_canonical(line, limits=_LIMITS), where="")
        members.only(("checkpoint", "proof", "token"))
        token = decode_base64(members.text("token"), where="/token")
        if len(token) > MAX_TOKEN:
            raise TooLargeError(f"has more than {MAX_TOKEN} bytes", where="/token")
        found = cls(
            checkpoint=members.text("checkpoint"),
            proof=members.hashes("proof", maximum=MAX_PATH),
            token=token,
        )
        found.parsed  # noqa: B018 - what is no checkpoint is refused here, by its line
        return found

    @cached_property
    def parsed(self) -> Checkpoint:
        """The checkpoint as its text says; raises a :class:`FormatError`."""
        return Checkpoint.parse(split_note(self.checkpoint, where="checkpoint").text)


def judge_timestamps(
    timestamps: Sequence[Timestamp],
    *,
    closing: Closing,
    receipts: Sequence[Receipt],
    trust: TrustFile | None,
    check: ChecksToken | None,
) -> Finding:
    """What the time stamps of a dossier say; ``timestamps`` by rising size, at least one.

    ``check`` is None where no authority is trusted: then they are UNKNOWN at best.

    Raises:
        FormatError: a checkpoint is none.
        ProofError: a stamped tree does not lead to the closing one, or a token is wrong.

    """
    last = closing.parsed()
    for stamp in timestamps:
        verify_consistency(
            old=stamp.parsed.size,
            new=last.size,
            proof=stamp.proof,
            old_root=stamp.parsed.root,
            new_root=last.root,
        )
    if trust is None:
        return Outcome.UNKNOWN, "no trust file was given"
    for stamp in timestamps:
        origin = stamp.parsed.origin
        log = trust.log(origin)
        if log is None or last.origin not in trust.lineage(origin):
            return Outcome.INVALID, "a stamped checkpoint is of another log"
        open_note(stamp.checkpoint, log.keys, where="checkpoint")
    if check is None:
        count = f"{len(timestamps)} time stamp{'s' if len(timestamps) > 1 else ''}"
        return Outcome.UNKNOWN, NOT_CHECKED.format(count=count)
    return _judge_tokens(timestamps, receipts, check)


def _judge_tokens(
    timestamps: Sequence[Timestamp], receipts: Sequence[Receipt], check: ChecksToken
) -> Finding:
    """Verdict on tokens over checkpoints that fit; receipts come by rising index."""
    indexes = [receipt.index for receipt in receipts]
    covered, said = 0, Stamped(latest=0, by="")
    strangers: list[str] = []
    for stamp in timestamps:
        size = stamp.parsed.size
        try:
            stamped = check(stamp.checkpoint.encode(), stamp.token)
        except UnnamedAuthorityError as error:
            strangers.append(error.by)
            continue
        below = bisect_left(indexes, size)
        # Times never decrease within a log: the last one below is the latest.
        if below and receipts[below - 1].entry.at > stamped.latest + TOLERANCE_MS:
            return Outcome.INVALID, (
                f"entry {indexes[below - 1]} says that it was logged after {stamped.by} stamped "
                f"the log of size {size}, {utc(stamped.latest)}"
            )
        if below > covered:
            covered, said = below, stamped
    if strangers:
        return Outcome.UNKNOWN, NOT_NAMED.format(
            count=len(strangers), total=len(timestamps), by=strangers[0]
        )
    if not covered:
        return Outcome.VALID, "the time stamps hold, but are of trees that have none of the entries"
    entries = (
        f"all {covered} entries"
        if covered == len(receipts)
        else (f"{covered} of {len(receipts)} entries")
    )
    return Outcome.VALID, f"{entries} existed by {utc(said.latest)}, says {said.by}"
