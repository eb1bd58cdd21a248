"""What claims cases rest on that are not closed: it is kept whatever its age."""

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.evidence.cases.extent import Extent, ExtentReader, Recorded, merged
from provenance.evidence.cases.fold import Case, LoggedAct, fold
from provenance.evidence.cases.states import STATES
from provenance.evidence.cases.store import CaseStore

_AT_ONCE: Final = 50
"""Cases whose acts are read at once."""
_CLOSED: Final = "closed"


@dataclass(frozen=True, slots=True)
class OpenCases:
    """The cases that are not closed, as of when they were read; ``everything`` is what any has."""

    extents: Mapping[str, Extent]
    everything: Extent

    @classmethod
    async def read(cls, store: CaseStore, extents: ExtentReader) -> "OpenCases":
        """Read all cases that are not closed, and follow the timelines of their shipments.

        Raises:
            UnreadableActError: an act of a case cannot be read.
            UnfollowedCaseError: a record is damaged, so that nobody knows what a case rests on.

        """
        found: dict[str, Extent] = {}
        async for cases in _pages(store):
            found |= await extents.extents(cases, lasting_from=_opened_at)
        return cls(found, merged(found.values()))

    def over(self, *records: Recorded) -> Iterator[str]:
        """Return the cases that rest on one of ``records``: a record, and what it goes back to."""
        if any(record in self.everything for record in records):
            for case, extent in self.extents.items():
                if any(record in extent for record in records):
                    yield case


async def _pages(store: CaseStore) -> AsyncIterator[list[Case]]:
    for state in STATES:
        before: int | None = None
        while state != _CLOSED:
            rows = await store.page(
                opener=None, shipment=None, state=state, before=before, limit=_AT_ONCE
            )
            if not rows:
                break
            before = rows[-1].last
            acts = await store.acts([row.case for row in rows])
            yield list(_folded(acts.values()))


def _opened_at(case: Case) -> int:
    return case.history[0].logged.first_index


def _folded(acts: Iterable[Sequence[LoggedAct]]) -> Iterator[Case]:
    for one in acts:
        case = fold(one)
        if case is not None:
            yield case
