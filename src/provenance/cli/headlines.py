"""The one line that says what a verification came to: what the exit code means, and why.

The reason is the first thing that led to the outcome, in the order in which it was reported. What
must be read beside an outcome (a chain that the operator runs alone) is a note of its own and
never in the place of the reason.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

import typer

from provenance.cli.exits import INVALID, MALFORMED, UNKNOWN, VALID
from provenance.cli.wording import visible
from provenance.core.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from provenance.verify.audit import AuditReport
    from provenance.verify.dossier.report import DossierReport
    from provenance.verify.sets import SetReport

_WORDS: Final = {
    VALID: ("VALID", "green"),
    INVALID: ("INVALID", "red"),
    UNKNOWN: ("UNKNOWN", "yellow"),
    MALFORMED: ("MALFORMED", "red"),
}
_OUTCOMES: Final = {VALID: Outcome.VALID, INVALID: Outcome.INVALID, UNKNOWN: Outcome.UNKNOWN}
_BEFORE_FILES: Final = frozenset({"container", "signature", "closing"})
"""Checks of a dossier that come before what is in it."""
_HOLDS: Final = "every required check holds"


def headline(code: int, reason: str, notes: Iterable[str] = ()) -> str:
    """Outcome of the exit code ``code`` with its reason, and a line for each note."""
    word, colour = _WORDS[code]
    lines = [f"{typer.style(word, fg=colour, bold=True)}: {visible(reason)}"]
    return "\n".join([*lines, *(f"Note: {visible(note)}." for note in notes if note)])


def why_set(report: "SetReport", strays: Sequence[str], code: int) -> str:
    """Why a set of receipts came to ``code``; ``strays`` are payloads of none of them."""
    if code == VALID:
        return _HOLDS
    if code == MALFORMED:
        return _first([f"{broken.name} is not a receipt" for broken in report.malformed])
    found = list(_of_set(report, _OUTCOMES[code]))
    found += [f"{name} is not the payload of any of these receipts" for name in strays]
    return _first(found)


def why_dossier(report: "DossierReport", code: int) -> str:
    """Why a dossier came to ``code``."""
    if report.refusal is not None:
        is_other = code == INVALID
        return "the file is not the dossier that was written" if is_other else "it is no dossier"
    if code == VALID:
        return _HOLDS
    outcome = _OUTCOMES[code]
    found = list(_strange(report, outcome))
    # Files and trails are as good as the log that they are proven by.
    checks = sorted(report.deciding, key=lambda one: one.check not in _BEFORE_FILES)
    found += _of_verdicts(checks, outcome)
    found += [
        f"{file.name}: {file.reason}"
        for file in report.files
        if file.outcome is outcome and "state" not in file.details
    ]
    if report.receipts is not None:
        found += _of_set(report.receipts, outcome)
    return _first(found)


def _strange(report: "DossierReport", outcome: Outcome) -> Iterator[str]:
    """That the trust file is not of whoever signed, which all that is INVALID may come from."""
    if outcome is Outcome.INVALID:
        yield from (
            f"{one.check}: {one.reason}"
            for one in report.checks
            if one.check == "signature"
            and one.outcome is Outcome.UNKNOWN
            # Not where none was given.
            and one.reason.startswith("the trust file")
        )


def why_audit(report: "AuditReport") -> str:
    """Why an audit came to its outcome; a reason that several checks share is told once."""
    if report.outcome is Outcome.VALID:
        return "nothing differs, and nothing was left unchecked"
    reasons: dict[str, list[str]] = {}
    for verdict in report.verdicts:
        if verdict.outcome is report.outcome:
            reasons.setdefault(verdict.reason, []).append(verdict.check)
    return "; ".join(f"{', '.join(checks)}: {reason}" for reason, checks in reasons.items())


def _of_set(report: "SetReport", outcome: Outcome) -> Iterator[str]:
    if outcome is Outcome.INVALID:
        yield from (f"misconduct: {found.reason}" for found in report.misconduct)
    for item in report.receipts:
        optional = item.report.optional if outcome is Outcome.UNKNOWN else frozenset()
        verdicts = [one for one in item.report.verdicts if one.check not in optional]
        yield from (f"{item.name}: {reason}" for reason in _of_verdicts(verdicts, outcome))
    yield from _of_verdicts(report.acknowledgements, outcome)
    if report.complete or outcome is Outcome.INVALID:
        yield from (
            f"trail of {trail.subject or trail.trail.hex()}: {trail.verdict.reason}"
            for trail in report.trails
            if trail.verdict.outcome is outcome
        )


def _of_verdicts(verdicts: Iterable[Verdict], outcome: Outcome) -> Iterator[str]:
    return (f"{one.check}: {one.reason}" for one in verdicts if one.outcome is outcome)


def _first(reasons: Sequence[str]) -> str:
    more = f" (and {len(reasons) - 1} more, above)" if len(reasons) > 1 else ""
    return f"{reasons[0]}{more}"
