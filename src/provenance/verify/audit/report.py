"""What an audit found: the objects that differ, by name, and a verdict for each check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from provenance.core.jcs import JsonValue
from provenance.core.verdict import Outcome, Verdict, overall

KEPT: Final = 100
"""Findings of one check that are kept; the others are counted."""

CHECKS: Final = (
    "anchors",
    "checkpoints",
    "tree",
    "tiles",
    "entries",
    "trails",
    "contents",
    "erasures",
)
"""The checks of an audit, in the order in which they are reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One object that is not as it should be, such as ``entry 123`` or ``tile 0/x001/234``."""

    check: str
    object: str
    problem: str

    def __str__(self) -> str:
        return f"{self.object}: {self.problem}"

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"check": self.check, "object": self.object, "problem": self.problem}


class Findings:
    """Collects findings, and reasons why something could not be checked."""

    def __init__(self) -> None:
        self._found: dict[str, dict[Finding, None]] = {}
        self._counts: dict[str, int] = {}
        self._unread: dict[str, list[str]] = {}
        self._checked: dict[str, str] = {}

    def add(self, check: str, object_: str, problem: str) -> None:
        """Note that ``object_`` is wrong; the same thing twice counts once."""
        found = self._found.setdefault(check, {})
        finding = Finding(check, object_, problem)
        if finding in found:
            return
        self._counts[check] = self._counts.get(check, 0) + 1
        if len(found) < KEPT:
            found[finding] = None

    def unread(self, check: str, reason: str) -> None:
        """Note that ``check`` could not be finished."""
        reasons = self._unread.setdefault(check, [])
        if reason not in reasons and len(reasons) < KEPT:
            reasons.append(reason)

    def checked(self, check: str, summary: str) -> None:
        """Note that ``check`` was carried out; ``summary`` says over what."""
        self._checked[check] = summary

    def __iter__(self) -> Iterator[Finding]:
        for check in CHECKS:
            yield from self._found.get(check, ())

    @property
    def any(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._counts)

    def verdicts(self) -> tuple[Verdict, ...]:
        """One verdict for each check that was begun."""
        return tuple(
            self._verdict(check)
            for check in CHECKS
            if check in self._counts or check in self._unread or check in self._checked
        )

    def counts(self) -> Mapping[str, int]:
        """How much is wrong, by check."""
        return dict(self._counts)

    def _verdict(self, check: str) -> Verdict:
        count = self._counts.get(check, 0)
        if count:
            objects = "1 object differs" if count == 1 else f"{count} objects differ"
            return Verdict(check, Outcome.INVALID, objects)
        if check in self._unread:
            return Verdict(check, Outcome.UNKNOWN, "; ".join(self._unread[check][:3]))
        return Verdict(check, Outcome.VALID, self._checked[check])


@dataclass(frozen=True, slots=True)
class AuditReport:
    """The result of an audit.

    ``findings`` holds the first ones of each check, ``total`` how many there are. ``notes`` are
    remarks that are no faults. ``qualification`` is as in a receipt's report.
    """

    origin: str
    size: int
    verdicts: tuple[Verdict, ...]
    findings: tuple[Finding, ...]
    total: int
    notes: tuple[str, ...] = ()
    qualification: str = ""

    @property
    def outcome(self) -> Outcome:
        """INVALID if anything is; else UNKNOWN if anything could not be checked; else VALID."""
        return overall(self.verdicts, optional=frozenset())

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {
            "outcome": self.outcome.value,
            "origin": self.origin,
            "size": self.size,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
            "findings": [finding.to_json() for finding in self.findings],
            "total": self.total,
            "notes": list(self.notes),
        }
        if self.qualification:
            value["qualification"] = self.qualification
        return value
