"""Which records a legal hold keeps from being erased.

A hold on a case covers what the case rests on (:mod:`provenance.evidence.cases.extent`): its acts,
what is recorded about its shipments, their parcels and the containers that these were in, and what
was linked to it, also where that is about something else. It covers what goes back to such a
record as well: a description, a correction, a newer version. What is logged once it stands may add
to that and takes nothing away, until it is released.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from provenance.evidence.cases.extent import Extent, ExtentReader, Recorded
from provenance.evidence.cases.fold import Case, LegalHold, fold
from provenance.evidence.cases.store import CaseStore


@dataclass(frozen=True, slots=True)
class Held:
    """A hold, and the case that it stands on."""

    case: str
    hold: LegalHold


@dataclass(frozen=True, slots=True)
class LegalHolds:
    """The holds that stand, as of when they were read; ``extents`` are by case."""

    cases: tuple[Case, ...]
    extents: Mapping[str, Extent]

    @classmethod
    async def read(cls, store: CaseStore, extents: ExtentReader) -> "LegalHolds":
        """Read all holds that stand, and follow the timelines of their cases; they are few.

        Raises:
            UnreadableActError: an act of a case cannot be read.
            UnfollowedCaseError: a record is damaged, so that nobody knows what is covered.

        """
        names = await store.on_hold()
        acts = await store.acts(names) if names else {}
        folded = (fold(acts[name]) for name in names)
        cases = tuple(case for case in folded if case is not None and case.hold is not None)
        return cls(cases, await extents.extents(cases, lasting_from=_placed_at))

    def over(self, *records: Recorded) -> Iterator[Held]:
        """Return the holds that cover one of ``records``: a record, and what it goes back to."""
        for case in self.cases:
            extent = self.extents[case.case]
            if case.hold is not None and any(record in extent for record in records):
                yield Held(case=case.case, hold=case.hold)


def _placed_at(case: Case) -> int:
    assert case.hold is not None
    return case.history[case.hold.seq].logged.first_index
