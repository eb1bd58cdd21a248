"""The audit of a log in its database, put together from its parts."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import Anchor, AnchorTable, ChainReading, line_of
from provenance.verify.audit.expected import ExpectedOf
from provenance.verify.audit.faults import EntryFaults
from provenance.verify.audit.heads import check_head, settle_size, stored_frontier
from provenance.verify.audit.lineage import StoredLine, read_line
from provenance.verify.audit.onchain import check_logs, check_places
from provenance.verify.audit.records import RecordAudit
from provenance.verify.audit.report import AuditReport, Findings
from provenance.verify.audit.sealed import SealedSource
from provenance.verify.audit.shared import Audit, Progress, no_progress
from provenance.verify.audit.stored import (
    Connection,
    StoredHead,
    StoredSource,
    of_no_log,
    read_head,
    snapshot,
    strays,
)
from provenance.verify.audit.tables import check_anchor_rows, check_trails, read_anchor_rows
from provenance.verify.errors import LogReadError


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
    audit = Audit(trust, rpc_url, progress, Findings(), [])
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

    audit: Audit
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
        for name in await of_no_log(connection, head):
            findings.add("entries", name, "belong to no log")
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
        self.audit.count(trails)
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
