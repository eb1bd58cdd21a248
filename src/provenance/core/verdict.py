"""Verdicts: what each check says, with its reason in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from provenance.core.jcs import JsonValue


class Outcome(Enum):
    """What a check found. UNKNOWN: it could not be carried out; never a guess either way."""

    VALID = "VALID"
    INVALID = "INVALID"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One check's outcome. ``check`` is one of the names in DESIGN order below."""

    check: str
    outcome: Outcome
    reason: str

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"check": self.check, "outcome": self.outcome.value, "reason": self.reason}


CHECKS: Final = (
    "content",
    "commitment",
    "inclusion",
    "checkpoint",
    "trail",
    "anchor",
    "finality",
    "timing",
    "status",
)
"""The checks of a receipt, in the order in which they are reported."""

OPTIONAL: Final = frozenset({"content", "status"})
"""Checks that may be UNKNOWN in a VALID receipt: they need a payload, or the rest of the trail.

Content is not optional for who brought a payload: a receipt that was stripped of what opens the
payload's commitment would otherwise vouch for any payload.
"""


@dataclass(frozen=True, slots=True)
class Report:
    """The verdicts on one receipt.

    ``qualification`` is not empty where a VALID must not be read without it (a chain that the
    operator runs alone). ``optional`` are the checks that may be UNKNOWN.
    """

    verdicts: tuple[Verdict, ...]
    qualification: str = ""
    optional: frozenset[str] = OPTIONAL

    @property
    def outcome(self) -> Outcome:
        """INVALID if any check is; else UNKNOWN if a required one is; else VALID."""
        return overall(self.verdicts, optional=self.optional)

    def verdict(self, check: str) -> Verdict:
        """Return the verdict of one check."""
        return next(verdict for verdict in self.verdicts if verdict.check == check)

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {
            "outcome": self.outcome.value,
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
        }
        if self.qualification:
            value["qualification"] = self.qualification
        return value


def overall(verdicts: Iterable[Verdict], *, optional: frozenset[str] = OPTIONAL) -> Outcome:
    """Outcome of all ``verdicts`` together; those named in ``optional`` may be UNKNOWN."""
    outcomes = {
        verdict.outcome
        for verdict in verdicts
        if verdict.outcome is not Outcome.UNKNOWN or verdict.check not in optional
    }
    for outcome in (Outcome.INVALID, Outcome.UNKNOWN):
        if outcome in outcomes:
            return outcome
    return Outcome.VALID
