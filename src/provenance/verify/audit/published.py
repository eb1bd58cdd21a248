"""The audit of a log by the URL of its service, as a stranger can carry it out.

What the chain holds must be published: a service that shows no checkpoint at all is held to the
one log that the trust file names.
"""

from typing import Final

from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Checkpoint
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.verify.audit.anchors import ChainReading, line_of
from provenance.verify.audit.checkpoints import CheckpointAudit
from provenance.verify.audit.report import AuditReport, Findings
from provenance.verify.audit.shared import Audit, Progress, no_progress
from provenance.verify.audit.web import WebLog, WebSource
from provenance.verify.errors import LogReadError
from provenance.verify.signed import UntrustedError, open_trusted

NO_KEY: Final = (
    "entries are for auditors: an auditor's API key is missing; get one from the operator "
    "(provenance keys create NAME auditor) and give it with --key or in PROVENANCE_KEY"
)
NO_CHECKPOINT: Final = (
    "the service publishes no checkpoint, and what is anchored is not known: give the RPC URL of a "
    "node, and a trust file with one log and those before it"
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
    audit = Audit(trust, rpc_url, progress, Findings(), [])
    try:
        note = await log.latest_checkpoint()
    except LogReadError as error:
        audit.findings.unread("checkpoints", str(error))
        return audit.report("", 0, [])
    if note is None:
        return await _audit_withheld(audit, log)
    latest = _opened(note, trust, audit.findings)
    if latest is None:
        return audit.report("", 0, [])
    line = line_of(trust, latest.origin)
    await _audit_published(audit, log, latest, line)
    return audit.report(latest.origin, latest.size, line)


async def _audit_withheld(audit: Audit, log: WebLog) -> AuditReport:
    """Hold a service that shows no latest checkpoint to what the chain holds of its log."""
    findings = audit.findings
    newest = [one.origin for one in audit.trust.logs if one.successor is None]
    line = line_of(audit.trust, newest[0]) if len(newest) == 1 else []
    if audit.rpc_url is None or not line:
        findings.unread("checkpoints", NO_CHECKPOINT)
        return audit.report("", 0, [])
    reading = await audit.chain(line)
    if reading is None or not reading.head_size:
        found = "nothing is anchored on the chain yet" if reading is not None else NO_CHECKPOINT
        findings.unread("checkpoints", found)
        return audit.report(newest[0], 0, line)
    published = CheckpointAudit(
        origins=frozenset(log.origin for log in line),
        trust=audit.trust,
        anchors=reading.anchors,
        findings=findings,
    )
    try:
        await published.run(log.checkpoints(), size=reading.head_size)
    except LogReadError as error:
        findings.unread("checkpoints", str(error))
    if len(published.signed) > 1:
        await _check_newest(log, audit, reading)
    return audit.report(newest[0], reading.head_size, line)


def _opened(note: str, trust: TrustFile, findings: Findings) -> Checkpoint | None:
    try:
        return open_trusted(note, trust, Checkpoint.parse)
    except UntrustedError as error:
        findings.unread("checkpoints", str(error))
    except (FormatError, ProofError) as error:
        findings.add("checkpoints", "latest checkpoint", str(error))
    return None


async def _audit_published(
    audit: Audit, log: WebLog, latest: Checkpoint, line: list[TrustedLog]
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
        audit.count(trails)
    else:
        for check in ("entries", "trails"):
            findings.unread(check, NO_KEY)
    if reading is not None and reading.head_size > latest.size:
        await _check_newest(log, audit, reading)


async def _check_newest(log: WebLog, audit: Audit, reading: ChainReading) -> None:
    """What the chain had when it was read must be published by now."""
    try:
        note = await log.latest_checkpoint()
    except LogReadError as error:
        audit.findings.unread("checkpoints", str(error))
        return
    if note is None:
        problem = f"is not published, but size {reading.head_size} is anchored"
        audit.findings.add("checkpoints", "latest checkpoint", problem)
        return
    newest = _opened(note, audit.trust, audit.findings)
    if newest is None:
        return
    for anchor in reading.anchors.within(newest.size, reading.head_size):
        audit.findings.add(
            "checkpoints", f"checkpoint {anchor.size}", "was anchored but is not published"
        )
