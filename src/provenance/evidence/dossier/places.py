"""Where on chain the events before an anchor are.

The database knows the anchors of its own logs; a node knows them all, openings included, and is
asked for what the database does not know. Neither is believed: what a place leads to is proven
before it is written.
"""

from collections.abc import Sequence
from typing import Protocol

from provenance.chain.events import RegistryEvents
from provenance.core.receipt import AnchorRecord
from provenance.evidence.dossier.blocks import EventPlace
from provenance.prove.store import AnchorRow


class KnowsAnchors(Protocol):
    """Who has the anchors of a lineage at hand; ``prove.prover.Prover`` is one."""

    async def anchor_at(self, size: int) -> AnchorRow | None:
        """Return the anchor of exactly ``size``."""
        ...


class RegistryPlaces:
    """Finds events of the logs of one lineage by their ids, the newest first."""

    def __init__(
        self, events: RegistryEvents, *, known: KnowsAnchors, lineage: Sequence[bytes]
    ) -> None:
        self._events = events
        self._known = known
        self._lineage = tuple(lineage)

    async def before(self, anchor: AnchorRecord) -> EventPlace | None:
        """Place of the anchor of ``anchor.old_size`` by this log or one that it carries on."""
        if anchor.old_size == 0:
            opened = await self._events.opened(anchor.log_id)
            if opened is None:
                return None
            return EventPlace(opened.block_number, opened.block_hash, opened.log_index)
        row = await self._known.anchor_at(anchor.old_size)
        if row is not None:
            return EventPlace(row.block_number, row.block_hash, row.log_index)
        ids = self._lineage[self._lineage.index(anchor.log_id) :]
        for log_id in ids:
            found = await self._events.anchored(log_id, anchor.old_size)
            if found is not None:
                return EventPlace(found.block_number, found.block_hash, found.log_index)
        return None
