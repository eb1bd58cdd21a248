"""Which records a legal hold keeps from being erased.

A hold on a case covers the case's own acts, whatever is recorded about its shipments, and what was
linked to it, also where that is about something else.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from provenance.evidence.cases.fold import Case, LegalHold, fold
from provenance.evidence.cases.store import CaseStore


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, and the case that it stands on."""

    case: str
    hold: LegalHold


@dataclass(frozen=True, slots=True)
class LegalHolds:
    """The holds that stand, as of when they were read."""

    cases: tuple[Case, ...]

    @classmethod
    async def read(cls, store: CaseStore) -> "LegalHolds":
        """Read all holds that stand; they are few."""
        names = await store.on_hold()
        acts = await store.acts(names) if names else {}
        folded = (fold(acts[name]) for name in names)
        return cls(tuple(case for case in folded if case is not None and case.hold is not None))

    def over(self, *, first_index: int, subjects: Collection[str]) -> Iterator[Held]:
        """Return the holds that cover the record at ``first_index`` about ``subjects``."""
        for case in self.cases:
            covered = {case.case, *case.shipments}
            if case.hold is not None and (
                first_index in case.evidence or not covered.isdisjoint(subjects)
            ):
                yield Held(case=case.case, hold=case.hold)
