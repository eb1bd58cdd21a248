"""Files and payloads of a dossier, held against the manifest and against what was recorded."""

from collections.abc import Mapping
from typing import Final

from provenance.core.check import check_content
from provenance.core.digests import sha256
from provenance.core.jcs import JsonValue
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome
from provenance.verify.dossier.manifest import DOCUMENT, ManifestFile
from provenance.verify.dossier.reading import Dossier
from provenance.verify.dossier.report import FileReport, utc
from provenance.verify.sets import ReceiptReport, SetReport

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


def judge_files(dossier: Dossier, receipts: SetReport) -> list[FileReport]:
    """One report for each line of the manifest."""
    reports = {item.receipt.index: item for item in receipts.receipts}
    return [
        FileReport(
            name=file.name,
            role=file.role,
            details=_details(file),
            outcome=outcome,
            reason=reason,
        )
        for file in dossier.manifest.files
        for outcome, reason in [_file(dossier, file, reports)]
    ]


def _details(file: ManifestFile) -> dict[str, JsonValue]:
    value = file.to_json()
    return {name: item for name, item in value.items() if name not in {"name", "role"}}


def _file(dossier: Dossier, file: ManifestFile, reports: Mapping[int, ReceiptReport]) -> Finding:
    if file.state is None:
        digest, size = dossier.hashes[file.name]
        if size != file.size:
            return Outcome.INVALID, f"has {size} bytes; the manifest says {file.size}"
        if digest != file.sha256:
            return Outcome.INVALID, "its SHA-256 is not the one that the manifest says"
    if file.role == DOCUMENT:
        return _recorded(file, reports)
    if file.role == "payloads":
        return _payloads(dossier, reports)
    return Outcome.VALID, "as the manifest says"


def _recorded(file: ManifestFile, reports: Mapping[int, ReceiptReport]) -> Finding:
    assert file.record is not None
    report = reports.get(file.record)
    if report is None:
        return Outcome.INVALID, f"there is no receipt of entry {file.record}"
    receipt = report.receipt
    said = f"recorded as entry {file.record}, {utc(receipt.entry.at)}"
    if file.state is not None:
        return Outcome.UNKNOWN, f"{file.state}; {said}"
    if receipt.payload is None or receipt.payload.sha256 != file.sha256:
        return Outcome.INVALID, f"it is not what was recorded as entry {file.record}"
    statement = receipt.statement
    if statement is None or statement.type != file.code:
        return Outcome.INVALID, f"entry {file.record} was recorded with another code"
    if statement.media_type != file.media_type:
        return Outcome.INVALID, f"entry {file.record} was recorded with another media type"
    outcome = report.report.outcome
    if outcome is Outcome.VALID:
        return outcome, f"byte for byte what was {said}"
    return outcome, f"{said}, which is {outcome.value}"


def _payloads(dossier: Dossier, reports: Mapping[int, ReceiptReport]) -> Finding:
    for record, data in dossier.payloads.items():
        report = reports.get(record)
        opening = report.receipt.payload if report is not None else None
        if opening is None or opening.sha256 != sha256(data):
            return Outcome.INVALID, f"the payload of entry {record} is not what was recorded"
    return Outcome.VALID, f"{len(dossier.payloads)} payloads, each the one that was recorded"
