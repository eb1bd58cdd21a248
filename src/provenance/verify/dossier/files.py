"""Files and payloads of a dossier, held against the manifest and against what was recorded."""

from typing import Final

from provenance.core.check import check_content
from provenance.core.digests import sha256
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome
from provenance.verify.dossier.front import details, mismatch
from provenance.verify.dossier.manifest import DOCUMENT, ManifestFile
from provenance.verify.dossier.reading import Dossier
from provenance.verify.dossier.records import Records
from provenance.verify.dossier.report import UNPROVEN, FileReport, utc
from provenance.verify.sets import SetReport

Finding = tuple[Outcome, str]

SAME: Final = "the payload is, byte for byte, the one that was recorded"
"""As the check of a receipt says it."""


def judge_contents(dossier: Dossier) -> dict[int, Finding]:
    """Content of each entry, by index, whose payload the dossier has.

    A record's payload belongs to each of its entries: they open the same hash.
    """
    documents = {
        dossier.hashes[file.name][0]: dossier.hashes[file.name][1]
        for file in dossier.manifest.files
        if file.role == DOCUMENT and file.state is None
    }
    events = {sha256(data): data for data in dossier.payloads.values()}
    found: dict[int, Finding] = {}
    for receipt in dossier.receipts:
        opening = receipt.payload
        if opening is None or receipt.statement is None:
            continue
        if opening.sha256 in events:
            verdict = check_content(receipt, events[opening.sha256])
            found[receipt.index] = verdict.outcome, verdict.reason
        elif opening.sha256 in documents:
            found[receipt.index] = _document(receipt, documents[opening.sha256])
    return found


def _document(receipt: Receipt, size: int) -> Finding:
    assert receipt.statement is not None
    if receipt.statement.payload_size != size:
        return Outcome.INVALID, (
            f"the payload has {size} bytes; the statement says {receipt.statement.payload_size}"
        )
    return Outcome.VALID, SAME


def judge_files(dossier: Dossier, records: Records, receipts: SetReport) -> list[FileReport]:
    """One report for each line of the manifest."""
    lines = _Lines(dossier, records, receipts)
    return [
        FileReport(
            name=file.name,
            role=file.role,
            details=details(file),
            outcome=outcome,
            reason=reason,
        )
        for file in dossier.manifest.files
        for outcome, reason in [lines.judge(file)]
    ]


class _Lines:
    """The lines of one manifest, judged in their order."""

    def __init__(self, dossier: Dossier, records: Records, receipts: SetReport) -> None:
        self._dossier = dossier
        self._records = records
        self._reports = {item.receipt.index: item for item in receipts.receipts}
        self._listed: dict[int, str] = {}

    def judge(self, file: ManifestFile) -> Finding:
        if file.state is None:
            wrong = mismatch(self._dossier, file)
            if wrong:
                return Outcome.INVALID, wrong
        if file.role == DOCUMENT:
            return self._document(file)
        if file.role == "payloads":
            return self._payloads()
        return Outcome.VALID, "as the manifest says"

    def _document(self, file: ManifestFile) -> Finding:
        assert file.record is not None
        report = self._reports.get(file.record)
        if report is None:
            return Outcome.INVALID, f"there is no receipt of entry {file.record}"
        other = self._listed.setdefault(self._records.first_of(file.record), file.name)
        if other != file.name:
            return Outcome.INVALID, f"{other} is of the same record"
        receipt = report.receipt
        wrong = _contradiction(file, receipt)
        if wrong:
            return Outcome.INVALID, wrong
        said = f"recorded as entry {file.record}, {utc(receipt.entry.at)}"
        content = report.report.verdict("content")
        if file.state == "erased" and content.outcome is Outcome.INVALID:
            return content.outcome, content.reason
        if file.state is not None:
            return Outcome.UNKNOWN, f"{file.state}; {said}{_unproven(receipt)}"
        outcome = report.report.outcome
        if outcome is Outcome.VALID:
            return outcome, f"byte for byte what was {said}"
        return outcome, f"{said}, which is {outcome.value}"

    def _payloads(self) -> Finding:
        for record, data in self._dossier.payloads.items():
            report = self._reports.get(record)
            opening = report.receipt.payload if report is not None else None
            if opening is None or opening.sha256 != sha256(data):
                return Outcome.INVALID, f"the payload of entry {record} is not what was recorded"
        return (
            Outcome.VALID,
            f"{len(self._dossier.payloads)} payloads, each the one that was recorded",
        )


def _contradiction(file: ManifestFile, receipt: Receipt) -> str:
    """Why a document's line does not fit the entry that it names; empty if it does."""
    entry, statement = f"entry {file.record}", receipt.statement
    if statement is not None and statement.kind != DOCUMENT:
        return f"{entry} was recorded as another kind: {statement.kind}"
    if file.state is None and (receipt.payload is None or receipt.payload.sha256 != file.sha256):
        return f"it is not what was recorded as {entry}"
    if statement is None:
        fits = receipt.state == file.state
        return "" if fits else f"it is called {file.state}, and {entry} {receipt.state}"
    if statement.type != file.code:
        return f"{entry} was recorded with another code"
    if statement.media_type != file.media_type:
        return f"{entry} was recorded with another media type"
    return ""


def _unproven(receipt: Receipt) -> str:
    """What nothing but the manifest says of a document whose statement is not open."""
    return "" if receipt.statement is not None else f"; what it is: {UNPROVEN}"
