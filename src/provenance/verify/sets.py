"""Judging receipts together: the pure part.

Rules it enforces over and above the check of each receipt (``core.check``): whole trails
(``trails``), kept acknowledgements (``promises``), signed words that contradict each other
(``core.conduct``), and the status of an entry, from other proven records of the set that correct,
supersede or erase it: that none does is known only where all later entries of its trail are opened.
It leaves out asking the chain, whose answers come in as evidence.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from provenance.core.check import Evidence, check_receipt, checkpoint_of
from provenance.core.conduct import Misconduct, find_misconduct
from provenance.core.digests import LeafHash
from provenance.core.errors import FormatError
from provenance.core.jcs import JsonValue
from provenance.core.receipt import Receipt
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome, Report, Verdict
from provenance.verify.promises import judge_acknowledgement
from provenance.verify.trails import ProvenEntry, TrailReport, trail_reports

MALFORMED: Final = "MALFORMED"
"""Outcome, in reports for programs, of a set with something in it that is no receipt."""
_PLACED: Final = ("inclusion", "checkpoint")
"""Checks that make an entry's place in the log the operator's word."""
NOT_REFERRED: Final = (
    "nothing in its trail, all of which was given, corrects, supersedes or erases it"
)
LATER_CLOSED: Final = (
    "not known: entry {index}, later in its trail, is withheld or erased, and may correct, "
    "supersede or erase it"
)
_PAST_TENSE: Final = {"corrects": "corrected", "supersedes": "superseded", "erases": "erased"}


@dataclass(frozen=True, slots=True)
class ReadReceipt:
    """A receipt of the set, with what it is called in the report."""

    name: str
    receipt: Receipt
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class MalformedReceipt:
    """An input that is no receipt, and why."""

    name: str
    error: FormatError


@dataclass(frozen=True, slots=True)
class ReceiptReport:
    """The verdicts on one receipt."""

    name: str
    receipt: Receipt
    report: Report

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value = {"name": self.name, "index": self.receipt.index, **self.report.to_json()}
        if self.receipt.statement is not None:
            value["subject"] = self.receipt.statement.subject
        return value


@dataclass(frozen=True, slots=True)
class SetReport:
    """Everything that was found about a set of receipts.

    ``acknowledgements`` holds one verdict for each note given. ``complete`` says that whole trails
    were asked for, so that an incomplete one counts.
    """

    receipts: tuple[ReceiptReport, ...]
    malformed: tuple[MalformedReceipt, ...] = ()
    trails: tuple[TrailReport, ...] = ()
    acknowledgements: tuple[Verdict, ...] = ()
    misconduct: tuple[Misconduct, ...] = ()
    complete: bool = False

    @property
    def qualification(self) -> str:
        """Without which a VALID must not be read; empty where there is none."""
        return next(
            (item.report.qualification for item in self.receipts if item.report.qualification), ""
        )

    @property
    def outcome(self) -> Outcome:
        """INVALID if anything is; else UNKNOWN if anything is, or is malformed; else VALID."""
        outcomes = {item.report.outcome for item in self.receipts}
        outcomes |= {verdict.outcome for verdict in self.acknowledgements}
        trails = {item.verdict.outcome for item in self.trails}
        outcomes |= trails if self.complete else trails - {Outcome.UNKNOWN}
        if self.misconduct or Outcome.INVALID in outcomes:
            return Outcome.INVALID
        if self.malformed or Outcome.UNKNOWN in outcomes or not outcomes:
            return Outcome.UNKNOWN
        return Outcome.VALID

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form; the outcome is MALFORMED where nothing is wrong but what is no receipt."""
        is_malformed = self.malformed and self.outcome is not Outcome.INVALID
        value: dict[str, JsonValue] = {
            "outcome": MALFORMED if is_malformed else self.outcome.value,
            "receipts": [item.to_json() for item in self.receipts],
            "malformed": [
                {"name": item.name, "code": item.error.code, "reason": str(item.error)}
                for item in self.malformed
            ],
            "trails": [item.to_json() for item in self.trails],
            "acknowledgements": [verdict.to_json() for verdict in self.acknowledgements],
            "misconduct": [item.to_json() for item in self.misconduct],
        }
        if self.qualification:
            value["qualification"] = self.qualification
        return value


def judge(
    items: Sequence[ReadReceipt],
    *,
    malformed: Sequence[MalformedReceipt] = (),
    trust: TrustFile | None,
    acknowledgements: Sequence[str] = (),
    complete: bool = False,
) -> SetReport:
    """Judge a set of receipts, each with its own evidence; never raises on what they hold."""
    reports = [check_receipt(item.receipt, item.evidence) for item in items]
    proven = [
        ProvenEntry(origin=checkpoint_of(item.receipt.anchored).origin, receipt=item.receipt)
        for item, report in zip(items, reports, strict=True)
        if _is_placed(report)
    ]
    trails = trail_reports(proven, trust)
    whole = {item.trail for item in trails if item.verdict.outcome is Outcome.VALID}
    referring = _references(proven)
    closed = _closed(proven)
    receipts = [item.receipt for item in items]
    found = find_misconduct(receipts, trust, acknowledgements=acknowledgements) if trust else []
    return SetReport(
        receipts=tuple(
            ReceiptReport(
                name=item.name,
                receipt=item.receipt,
                report=_with_status(item.receipt, report, referring, whole, closed),
            )
            for item, report in zip(items, reports, strict=True)
        ),
        malformed=tuple(malformed),
        trails=tuple(trails),
        acknowledgements=tuple(
            judge_acknowledgement(note, trust, proven) for note in acknowledgements
        ),
        misconduct=tuple(found),
        complete=complete,
    )


def _is_placed(report: Report) -> bool:
    if report.verdict("anchor").outcome is Outcome.INVALID:
        return False
    return all(report.verdict(check).outcome is Outcome.VALID for check in _PLACED)


def _references(proven: Iterable[ProvenEntry]) -> dict[LeafHash, list[str]]:
    """For each leaf that a proven record refers to, what that makes of it."""
    found: dict[LeafHash, list[str]] = {}
    for leaf, text in _statuses(proven):
        texts = found.setdefault(leaf, [])
        if text not in texts:
            texts.append(text)
    return found


def _statuses(proven: Iterable[ProvenEntry]) -> Iterator[tuple[LeafHash, str]]:
    for item in proven:
        statement = item.receipt.statement
        for ref in statement.refs if statement is not None else ():
            if ref.rel in _PAST_TENSE:
                yield ref.leaf, f"{_PAST_TENSE[ref.rel]} by entry {item.receipt.index}"


def _closed(proven: Sequence[ProvenEntry]) -> dict[bytes, int]:
    """For each trail, the index of its last entry of which no receipt in the set has a statement.

    An erased entry may have corrected or superseded another as well as one that is withheld.
    """
    opened = {
        item.receipt.entry.leaf_hash() for item in proven if item.receipt.statement is not None
    }
    found: dict[bytes, int] = {}
    for item in proven:
        entry = item.receipt.entry
        if entry.leaf_hash() not in opened:
            found[entry.trail] = max(found.get(entry.trail, -1), item.receipt.index)
    return found


def _with_status(
    receipt: Receipt,
    report: Report,
    referring: Mapping[LeafHash, Sequence[str]],
    whole: set[bytes],
    closed: Mapping[bytes, int],
) -> Report:
    """``report`` with the status that the rest of the set gives this entry."""
    if report.verdict("status").outcome is not Outcome.UNKNOWN:
        return report
    found = referring.get(receipt.entry.leaf_hash(), ())
    if found:
        status = Verdict("status", Outcome.VALID, "; ".join(found))
    elif receipt.entry.trail in whole:
        last = closed.get(receipt.entry.trail, -1)
        status = Verdict("status", Outcome.VALID, NOT_REFERRED)
        if last > receipt.index:
            status = Verdict("status", Outcome.UNKNOWN, LATER_CLOSED.format(index=last))
    else:
        return report
    verdicts = tuple(status if item.check == "status" else item for item in report.verdicts)
    return replace(report, verdicts=verdicts)
