"""Cases of which nothing is left but their place in the log, when that happened, and why."""

from collections.abc import Sequence

from provenance.api.cases.answers import ErasedCase
from provenance.api.errors import ErasedError
from provenance.api.receipts.store import OwnershipStore
from provenance.evidence.cases.fold import LoggedAct


class ErasedCases:
    """Tells what is known of them; ``acts`` are those that the caller may see, at least one."""

    def __init__(self, store: OwnershipStore) -> None:
        self._store = store

    async def error(self, acts: Sequence[LoggedAct]) -> ErasedError:
        """Return what is raised where the case is asked for."""
        kept = await self._store.kept(acts[0].logged.first_index)
        assert kept is not None, "an act is a record"
        return ErasedError("the case", at=kept.erased_at, ground=kept.ground)

    async def item(self, case: str, acts: Sequence[LoggedAct]) -> ErasedCase:
        """Return what a list has of it."""
        kept = await self._store.kept(acts[0].logged.first_index)
        assert kept is not None, "an act is a record"
        return ErasedCase(
            case=case,
            seq=len(acts),
            opened_at=acts[0].logged.recorded_at,
            changed_at=acts[-1].logged.recorded_at,
            erased_at=kept.erased_at,
            erased_ground=kept.ground,
        )
