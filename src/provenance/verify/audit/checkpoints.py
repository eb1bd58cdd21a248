"""Whether the published checkpoints are those that were anchored, and signed by trusted keys."""

from collections.abc import AsyncIterator

from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Checkpoint
from provenance.core.tree import EMPTY_ROOT
from provenance.core.trustfile import TrustFile
from provenance.verify.audit.anchors import AnchorTable
from provenance.verify.audit.report import Findings
from provenance.verify.audit.web import PublishedCheckpoint
from provenance.verify.signed import UntrustedError, open_trusted


class CheckpointAudit:
    """Compares notes with ``anchors``; without a chain (None) it collects what they say."""

    def __init__(
        self,
        *,
        origins: frozenset[str],
        trust: TrustFile,
        anchors: AnchorTable | None,
        findings: Findings,
    ) -> None:
        self._origins = origins
        self._trust = trust
        self._anchors = anchors
        self._findings = findings
        self.signed = AnchorTable()

    async def run(self, published: AsyncIterator[PublishedCheckpoint], *, size: int) -> None:
        """Check all checkpoints up to ``size``; raises what ``published`` raises."""
        self.signed.add(0, EMPTY_ROOT, 0)
        anchored = self._anchors.within(0, size) if self._anchors is not None else []
        expected = iter(anchored)
        due = next(expected, None)
        last, is_empty = 0, True
        async for item in published:
            is_empty = False
            if item.size > size:
                break
            while due is not None and due.size < item.size:
                self._missing(due.size)
                due = next(expected, None)
            if due is not None and due.size == item.size:
                due = next(expected, None)
            if item.size <= last:
                self._findings.add(
                    "checkpoints", _name(item.size), "is listed after a larger one, or twice"
                )
                continue
            last = item.size
            self._one(item)
        if is_empty:
            self._nothing(len(anchored), size)
            return
        while due is not None:
            self._missing(due.size)
            due = next(expected, None)
        self._findings.checked(
            "checkpoints", f"{len(self.signed) - 1} checkpoints, signed by trusted keys"
        )

    def _nothing(self, anchored: int, size: int) -> None:
        if anchored:
            name = f"checkpoints up to {size}"
            problem = f"none is published, but the chain holds {anchored} anchors"
            self._findings.add("checkpoints", name, problem)
        else:
            self._findings.unread("checkpoints", "the service lists no checkpoints")

    def _missing(self, size: int) -> None:
        self._findings.add("checkpoints", _name(size), "was anchored but is not published")

    def _one(self, item: PublishedCheckpoint) -> None:
        name = _name(item.size)
        try:
            checkpoint = open_trusted(item.note, self._trust, Checkpoint.parse)
        except (FormatError, ProofError) as error:
            if isinstance(error, UntrustedError) and self._is_inherited(item.size):
                self._findings.unread("checkpoints", f"those before this log's start: {error}")
            else:
                self._findings.add("checkpoints", name, str(error))
            return
        if checkpoint.size != item.size or checkpoint.origin not in self._origins:
            self._findings.add("checkpoints", name, "is the checkpoint of another size or log")
            return
        self.signed.add(item.size, checkpoint.root, 0)
        if self._anchors is None:
            return
        anchor = self._anchors.at(item.size)
        if anchor is None:
            self._findings.add("checkpoints", name, "was published but never anchored")
        elif anchor.root != checkpoint.root:
            self._findings.add("checkpoints", name, "has another root than the contract")

    def _is_inherited(self, size: int) -> bool:
        """Whether a log that is not trusted made it, which the trusted one carries on."""
        start = self._anchors[0].size if self._anchors is not None and len(self._anchors) else 0
        return size <= start


def _name(size: int) -> str:
    return f"checkpoint {size}"
