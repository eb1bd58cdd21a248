"""What keeps records from being erased, and what of the log that rests on.

Legal holds keep them from everybody, cases that are not closed from retention. Both are read
together with the size that the log had before, and stay true until an act of a case is logged or
erased, or something about a trail that they cover: that alone can place them, or make them wider.
Most of it does neither: an event that leads nowhere, a document. It is read by itself, for a log in
which trails grow all the time leaves no time to follow all of them again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from provenance.erasure.errors import HeldError, KeptError, OpenCaseError
from provenance.erasure.targets import Target, TargetStore
from provenance.evidence.cases.holds import LegalHolds
from provenance.evidence.cases.unclosed import OpenCases
from provenance.log.submissions import Unchanged

MAX_NEWS: Final = 1_000
"""Entries that are read by themselves; where there are more, everything is read again."""
_EVENT: Final = "event"
_PLAIN: Final = frozenset({_EVENT, "document"})
"""Kinds of records that can do no more than lead on to another trail."""


class ReadsHolds(Protocol):
    """Reads the legal holds that stand."""

    async def __call__(self) -> LegalHolds:
        """Read them."""
        ...


class ReadsOpenCases(Protocol):
    """Reads the cases that are not closed."""

    async def __call__(self) -> OpenCases:
        """Read them."""
        ...


class LeadsOn(Protocol):
    """Tells whether events of trails may widen what was followed over these."""

    async def __call__(self, since: Mapping[str, int], /) -> bool:
        """Tell it of those from the given numbers on, by subject."""
        ...


@dataclass(frozen=True, slots=True)
class Keepers:
    """What keeps records, as of when the log had ``size`` entries.

    ``open_cases`` is None where these do not count.
    """

    size: int
    holds: LegalHolds
    open_cases: OpenCases | None = None

    @property
    def unchanged(self) -> Unchanged:
        """What the log must still be like for nothing else to keep anything."""
        extents = list(self.holds.extents.values())
        if self.open_cases is not None:
            extents.append(self.open_cases.everything)
        subjects = (subject for extent in extents for subject in extent.trails)
        return Unchanged(size=self.size, subjects=frozenset(subjects))

    def why(self, records: Sequence[Target]) -> KeptError | None:
        """Return why a record stays, None if it may go; behind it is what it goes back to."""
        first = records[0].first_index
        for held in self.holds.over(*records):
            hold = held.hold
            return HeldError(
                first_index=first, case=held.case, reason=hold.reason, author=hold.author
            )
        if self.open_cases is not None:
            for case in self.open_cases.over(*records):
                return OpenCaseError(first_index=first, case=case)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeeperReader:
    """Reads what keeps the records of one log."""

    targets: TargetStore
    holds: ReadsHolds
    open_cases: ReadsOpenCases
    leads_on: LeadsOn

    async def read(self, *, with_open_cases: bool = False, known: Keepers | None = None) -> Keepers:
        """Read what keeps records; what is ``known`` is taken while nothing has changed it.

        Raises:
            UnreadableActError: an act of a case cannot be read.
            UnfollowedCaseError: what a case rests on cannot be told.

        """
        # Before all else: what is logged while the rest is read counts as news.
        size = await self.targets.size()
        if known is not None and (known.open_cases is not None) != with_open_cases:
            known = None
        if known is not None and await self._lasts(known):
            return replace(known, size=size)
        holds = await self.holds()
        return Keepers(size, holds, await self.open_cases() if with_open_cases else None)

    async def _lasts(self, known: Keepers) -> bool:
        """Whether nothing that came since can have placed or widened any of it."""
        news = await self.targets.news(known.unchanged, limit=MAX_NEWS + 1)
        if len(news) > MAX_NEWS or any(one.kind not in _PLAIN for one in news):
            return False
        since: dict[str, int] = {}
        for one in news:
            if one.kind == _EVENT:
                since.setdefault(one.subject, one.seq)
        return not await self.leads_on(since)

    async def why(self, targets: Sequence[Target], keepers: Keepers) -> dict[int, KeptError]:
        """Return those of ``targets`` that stay, by first index, with why."""
        ancestry = await self.targets.ancestry(targets)
        found = ((target.first_index, keepers.why(ancestry.of(target))) for target in targets)
        return {first: why for first, why in found if why is not None}
