"""The two audits, put together from their parts."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Final

from provenance.core.check import LOCAL
from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Checkpoint
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import Anchor, AnchorTable, ChainReading, line_of, read_anchors
from provenance.verify.audit.checkpoints import CheckpointAudit
from provenance.verify.audit.expected import ExpectedOf
from provenance.verify.audit.faults import EntryFaults
from provenance.verify.audit.groups import LogSource
from provenance.verify.audit.heads import check_head, settle_size, stored_frontier
from provenance.verify.audit.lineage import StoredLine, read_line
from provenance.verify.audit.onchain import check_logs, check_places
from provenance.verify.audit.records import RecordAudit
from provenance.verify.audit.report import AuditReport, Findings
from provenance.verify.audit.sealed import SealedSource
from provenance.verify.audit.stored import (
    Connection,
    StoredHead,
    StoredSource,
    read_head,
    snapshot,
    strays,
)
from provenance.verify.audit.tables import check_anchor_rows, check_trails, read_anchor_rows
from provenance.verify.audit.trails import TrailAudit
from provenance.verify.audit.tree import NameEntry, TreeAudit, TreeStoppedError
from provenance.verify.audit.web import WebLog, WebSource
from provenance.verify.chain import ChainFactsReader
from provenance.verify.errors import ChainReadError, LogReadError
from provenance.verify.signed import UntrustedError, open_trusted

Progress = Callable[[str, int, int], None]
"""Takes what is being done, and how far of how much."""

NO_CHAIN: Final = "the chain was not asked: no RPC URL was given"
NO_KEY: Final = (
    "entries are for auditors: an auditor's API key is missing; get one from the operator "
    "(provenance keys create NAME auditor) and give it with --key or in PROVENANCE_KEY"
)


def no_progress(what: str, done: int, total: int) -> None:
    """Take progress and tell nobody."""


@dataclass(slots=True)
class _Audit:
    """What both audits share."""

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


async def audit_url(
    url: str,
    *,
    trust: TrustFile,
    rpc_url: str | None,
    key: str | None = None,
    progress: Progress = no_progress,
) -> AuditReport:
    """Audit the log that the service at ``url`` publishes, as a stranger can.

    Args:
        url: the service's address, without a path.
        trust: whom the auditor trusts, from elsewhere than the service.
        rpc_url: a node of the chain; None leaves the anchors UNKNOWN.
        key: an auditor's API key; None leaves entries and trails UNKNOWN.
        progress: is told how far the audit is.

    """
    async with WebLog(url, key=key) as log:
        return await audit_published(log, trust=trust, rpc_url=rpc_url, progress=progress)


async def audit_published(
    log: WebLog, *, trust: TrustFile, rpc_url: str | None, progress: Progress = no_progress
) -> AuditReport:
    """Audit ``log``; see :func:`audit_url`."""
    audit = _Audit(trust, rpc_url, progress, Findings(), [])
    try:
        note = await log.latest_checkpoint()
    except LogReadError as error:
        audit.findings.unread("checkpoints", str(error))
        return audit.report("", 0, [])
    latest = _opened(note, trust, audit.findings)
    if latest is None:
        return audit.report("", 0, [])
    line = line_of(trust, latest.origin)
    await _audit_published(audit, log, latest, line)
    return audit.report(latest.origin, latest.size, line)


def _opened(note: str | None, trust: TrustFile, findings: Findings) -> Checkpoint | None:
    if note is None:
        findings.unread("checkpoints", "the service has not anchored anything yet")
        return None
    try:
        return open_trusted(note, trust, Checkpoint.parse)
    except UntrustedError as error:
        findings.unread("checkpoints", str(error))
    except (FormatError, ProofError) as error:
        findings.add("checkpoints", "latest checkpoint", str(error))
    return None


async def _audit_published(
    audit: _Audit, log: WebLog, latest: Checkpoint, line: list[TrustedLog]
) -> None:
    findings = audit.findings
    reading = await audit.chain(line)
    published = CheckpointAudit(
        origins=frozenset(log.origin for log in line),
        trust=audit.trust,
        anchors=reading.anchors if reading is not None else None,
        findings=findings,
    )
    try:
        await published.run(log.checkpoints(), size=latest.size)
    except LogReadError as error:
        findings.unread("checkpoints", str(error))
    anchors = reading.anchors if reading is not None else published.signed
    _, trails = await audit.tree(WebSource(log, latest.size), size=latest.size, anchors=anchors)
    if log.has_key:
        _count(findings, trails)
    else:
        for check in ("entries", "trails"):
            findings.unread(check, NO_KEY)
    if reading is not None and reading.head_size > latest.size:
        await _check_newest(log, audit, reading.head_size)


async def _check_newest(log: WebLog, audit: _Audit, head_size: int) -> None:
    """What the chain had when it was read must be published by now."""
    try:
        newest = _opened(await log.latest_checkpoint(), audit.trust, audit.findings)
    except LogReadError as error:
        audit.findings.unread("checkpoints", str(error))
        return
    if newest is not None and newest.size < head_size:
        audit.findings.add(
            "checkpoints", f"checkpoint {head_size}", "was anchored but is not published"
        )


def _count(findings: Findings, trails: TrailAudit) -> None:
    findings.checked(
        "entries", f"{trails.entries_read} entries, canonical, in the order of their times"
    )
    findings.checked("trails", f"{len(trails)} trails, gapless and linked")


async def audit_database(
    database_url: str,
    *,
    origin: str,
    trust: TrustFile,
    rpc_url: str | None,
    expected_of: ExpectedOf | None = None,
    sealed: SealedSource | None = None,
    progress: Progress = no_progress,
) -> AuditReport:
    """Audit a log in its database, contents included.

    Args:
        database_url: PostgreSQL that holds the log.
        origin: the log's name; the log that carries it on by the trust file is taken for it.
        trust: whom the auditor trusts.
        rpc_url: a node of the chain; None leaves the anchors UNKNOWN.
        expected_of: what follows from a payload; None leaves that unchecked.
        sealed: who can open sealed payloads; None leaves the contents UNKNOWN if there are any.
        progress: is told how far the audit is.

    """
    audit = _Audit(trust, rpc_url, progress, Findings(), [])
    origin = trust.lineage(origin)[-1]
    line = line_of(trust, origin)
    size = 0
    # What the chain holds now must be in a snapshot that is taken afterwards.
    before = await audit.chain(line)
    async with AsyncExitStack() as stack:
        try:
            connection = await stack.enter_async_context(snapshot(database_url))
            rows = await read_line(
                connection,
                origin=origin,
                line=line,
                trust=trust,
                chain=before,
                findings=audit.findings,
            )
            head = await read_head(connection, rows.log_id, head_id=rows.head_id)
            head = await settle_size(connection, head, audit.findings)
            size = head.size
            stored = _Stored(audit, connection, head, line, rows, before)
            await stored.run(expected_of, sealed)
        except LogReadError as error:
            for check in ("tree", "entries", "trails", "contents", "erasures"):
                audit.findings.unread(check, str(error))
    return audit.report(origin, size, line)


@dataclass(slots=True)
class _Stored:
    """The audit of one snapshot."""

    audit: _Audit
    connection: Connection
    head: StoredHead
    line: list[TrustedLog]
    rows: StoredLine
    before: ChainReading | None

    async def run(self, expected_of: ExpectedOf | None, sealed: SealedSource | None) -> None:
        """Check everything."""
        findings, head, connection = self.audit.findings, self.head, self.connection
        for name in await strays(connection, head):
            check = "entries" if name.startswith("entry") else "tiles"
            findings.add(check, name, "is beyond the log")
        anchors = await self._anchors()
        frontier = stored_frontier(head)
        faults = EntryFaults()
        tree, trails = await self.audit.tree(
            StoredSource(connection, head),
            size=head.size,
            anchors=anchors,
            head=Anchor(head.size, frontier.root(), 0) if frontier is not None else None,
            name_entry=faults.name,
        )
        await faults.settle(connection, head, findings)
        if tree.frontier.size == head.size:
            check_head(
                head,
                frontier=tree.frontier,
                last_at=trails.last_at,
                has_last=not trails.stopped and head.size - 1 not in faults,
                findings=findings,
            )
        if not trails.stopped:
            await check_trails(connection, head, trails=trails, faults=faults, findings=findings)
        _count(findings, trails)
        records = RecordAudit(
            connection,
            head,
            faults=faults,
            expected_of=expected_of,
            sealed=sealed,
            findings=findings,
        )
        await records.run(lambda done: self.audit.progress("contents", done, head.size))
        findings.checked("contents", f"{records.records} records, each as its entries commit to")

    async def _anchors(self) -> AnchorTable:
        """Anchors that the tree is compared with: the chain's, else the database's own."""
        findings, before = self.audit.findings, self.before
        stored = await read_anchor_rows(
            self.connection,
            line=self.line,
            ends=self.rows.ends,
            trust=self.audit.trust,
            findings=findings,
        )
        if before is None:
            return stored.checkpoints
        after: ChainReading | None = before
        if stored.anchored.last_size > before.head_size:
            # Something was anchored meanwhile: by now the chain has it too.
            after = await self.audit.chain(self.line)
        if after is not None:
            check_anchor_rows(stored, before=before.anchors, after=after.anchors, findings=findings)
            await check_places(
                self.connection, ends=self.rows.ends, places=after.places, findings=findings
            )
        check_logs(self.rows.rows, line=self.line, chain=before, findings=findings)
        if before.head_size > self.head.size:
            findings.add(
                "tree",
                f"entries {self.head.size} to {before.head_size - 1}",
                "were anchored, but the database does not have them",
            )
        return before.anchors
