"""What an audit by URL and one of the database have in common: chain, tree, report."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from provenance.core.check import LOCAL
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import Anchor, AnchorTable, ChainReading, read_anchors
from provenance.verify.audit.groups import LogSource
from provenance.verify.audit.report import AuditReport, Findings
from provenance.verify.audit.trails import TrailAudit
from provenance.verify.audit.tree import NameEntry, TreeAudit, TreeStoppedError
from provenance.verify.chain import ChainFactsReader
from provenance.verify.errors import ChainReadError, LogReadError

Progress = Callable[[str, int, int], None]
"""Takes what is being done, and how far of how much."""

NO_CHAIN: Final = "the chain was not asked: no RPC URL was given"


def no_progress(what: str, done: int, total: int) -> None:
    """Take progress and tell nobody."""


@dataclass(slots=True)
class Audit:
    """One audit: whom it trusts, what it asks, and what it found."""

    trust: TrustFile
    rpc_url: str | None
    progress: Progress
    findings: Findings
    notes: list[str]

    async def chain(self, line: list[TrustedLog]) -> ChainReading | None:
        """All anchors of ``line``; None, and UNKNOWN, where the chain cannot be read."""
        if self.rpc_url is None or not line:
            reason = NO_CHAIN if line else "the trust file does not name the log"
            self.findings.unread("anchors", reason)
            return None
        self.progress("anchors", 0, 1)
        try:
            async with ChainFactsReader(self.rpc_url) as reader:
                reading = await read_anchors(reader, line)
        except ChainReadError as error:
            self.findings.unread("anchors", str(error))
            return None
        if reading.abandoned:
            self.notes.append(f"anchors that a succession abandoned: {reading.abandoned}")
        self.findings.checked(
            "anchors",
            f"{len(reading.anchors) - 1} anchors up to size {reading.head_size}, each extends the "
            "one before it",
        )
        return reading

    async def tree(
        self,
        source: LogSource,
        *,
        size: int,
        anchors: AnchorTable,
        head: Anchor | None = None,
        name_entry: NameEntry | None = None,
    ) -> tuple[TreeAudit, TrailAudit]:
        """Fold all groups; what could not be read is noted."""
        tree = TreeAudit(
            source,
            size=size,
            anchors=anchors,
            findings=self.findings,
            head=head,
            name_entry=name_entry,
        )
        trails = TrailAudit(anchors=anchors, findings=self.findings)
        try:
            async for group in source.groups():
                trails.feed(await tree.feed(group))
                self.progress("entries", min(size, group.first + group.width), size)
        except LogReadError as error:
            trails.stopped = True
            self._stopped(str(error))
        except TreeStoppedError as stopped:
            trails.feed(stopped.group)
            trails.stopped = stopped.group.first + len(stopped.group.entries) < size
            self._stopped(str(stopped))
        tree.finish()
        trails.finish()
        self.findings.checked(
            "tree", f"{size} entries, their root compared at {tree.roots_compared} anchored sizes"
        )
        self.findings.checked("tiles", "every tile holds the hashes of what is below it")
        return tree, trails

    def count(self, trails: TrailAudit) -> None:
        """Say over what entries and trails were checked."""
        self.findings.checked(
            "entries", f"{trails.entries_read} entries, canonical, in the order of their times"
        )
        self.findings.checked("trails", f"{len(trails)} trails, gapless and linked")

    def _stopped(self, reason: str) -> None:
        for check in ("tree", "tiles", "entries", "trails"):
            self.findings.unread(check, reason)

    def report(self, origin: str, size: int, line: list[TrustedLog]) -> AuditReport:
        """Everything that was found."""
        return AuditReport(
            origin=origin,
            size=size,
            verdicts=self.findings.verdicts(),
            findings=tuple(self.findings),
            total=sum(self.findings.counts().values()),
            notes=tuple(self.notes),
            qualification=LOCAL if any(log.local for log in line) else "",
        )
