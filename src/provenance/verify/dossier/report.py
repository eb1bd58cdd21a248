"""What was found about a dossier, for people and programs; the page gives the same JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from provenance.core.jcs import JsonValue
from provenance.core.verdict import Outcome, Verdict
from provenance.verify.sets import SetReport

CHECKS: Final = ("container", "signature", "files", "closing", "history", "timestamps")
"""The checks of the dossier as a whole, in the order in which they are reported.

The last is there only where the dossier has time stamps, and may be UNKNOWN.
"""
_OPTIONAL: Final = frozenset({"timestamps"})

NO_TIMES: Final = (
    "every entry existed when the closing anchor's block was made; how long before, nobody vouches "
    "for: name the hashes of the first anchors' blocks too"
)
"""Said of a dossier whose first anchors' blocks nobody vouches for."""
PLACE_ONLY: Final = "{count} of {total} entries are withheld or erased: place and order only"
NO_CONTENT: Final = (
    "content of {count} of {total} opened records is not in it: what their statements say is proven"
)
NO_ERASURE: Final = "{count} of {total} entries are called erased, and no erasure record in it names them: not proven"
UNPROVEN: Final = "signed by the operator, not proven"
"""Said of what stands in no statement and in no payload that was recorded."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the file is no dossier: the error's code, what it is about, and where in the file."""

    code: str
    where: str
    reason: str
    offset: int | None

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {
            "code": self.code,
            "where": self.where,
            "reason": self.reason,
        }
        if self.offset is not None:
            value["offset"] = self.offset
        return value


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was found about one part; ``details`` are members of its line in the manifest."""

    name: str
    role: str
    outcome: Outcome
    reason: str
    details: Mapping[str, JsonValue] = field(default_factory=dict)

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {
            "name": self.name,
            "role": self.role,
            **self.details,
            "outcome": self.outcome.value,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class DossierReport:
    """Everything that was found about one dossier.

    ``refusal`` is there where the file breaks the format: nothing else was looked at then. Without
    ``receipts`` the evidence was not looked at, because signature or hashes do not hold.
    ``about`` is what the manifest says: time, origins, subjects, case.
    """

    checks: tuple[Verdict, ...] = ()
    files: tuple[FileReport, ...] = ()
    receipts: SetReport | None = None
    about: Mapping[str, JsonValue] = field(default_factory=dict)
    qualifications: tuple[str, ...] = ()
    refusal: Refusal | None = None
    tampered: bool = False

    @property
    def deciding(self) -> tuple[Verdict, ...]:
        """The checks on which the outcome depends: an optional one decides nothing if UNKNOWN."""
        return tuple(
            item
            for item in self.checks
            if item.check not in _OPTIONAL or item.outcome is not Outcome.UNKNOWN
        )

    @property
    def outcome(self) -> Outcome:
        """INVALID if anything is; else UNKNOWN if anything is; else VALID."""
        if self.refusal is not None or self.receipts is None:
            return Outcome.INVALID
        outcomes = {item.outcome for item in self.deciding}
        outcomes |= {item.outcome for item in self.files if "state" not in item.details}
        outcomes.add(self.receipts.outcome)
        for outcome in (Outcome.INVALID, Outcome.UNKNOWN):
            if outcome in outcomes:
                return outcome
        return Outcome.VALID

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        value: dict[str, JsonValue] = {"outcome": self.outcome.value}
        if self.refusal is not None:
            return {**value, "refused": self.refusal.to_json()}
        value["qualifications"] = list(self.qualifications)
        value["about"] = dict(self.about)
        value["checks"] = [check.to_json() for check in self.checks]
        value["files"] = [file.to_json() for file in self.files]
        found = self.receipts.to_json() if self.receipts is not None else {}
        names = ("receipts", "trails", "misconduct")
        return {**value, **{name: found.get(name, []) for name in names}}


def utc(milliseconds: int) -> str:
    """A time as people read it, to the second: ``2026-01-01 00:00:00 UTC``."""
    if milliseconds >= 253_402_300_800_000:
        return f"{milliseconds} ms after 1970"
    return datetime.fromtimestamp(milliseconds // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
