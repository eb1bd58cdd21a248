"""One page of events: what matches, what may be shown, and what fits under one context."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from provenance.api.authentication import Principal
from provenance.api.epcis.filters import EventQuery
from provenance.api.epcis.store import EventStore, Position, StoredEvent
from provenance.api.paging import page_token, read_token
from provenance.api.roles import OWN_PARCEL_ONLY
from provenance.evidence.timelines.contexts import Contexts
from provenance.evidence.timelines.events import ANY_EPC_FIELDS, EPC_FIELDS, ReadEvent

MAX_ROUNDS: Final = 5
"""Reads for one page; where most of what was read does not match, the page ends early."""


@dataclass(slots=True)
class Page:
    """Events of one page, the prefixes that they rely on, and the token of the next page."""

    events: list[StoredEvent]
    prefixes: dict[str, str]
    size: int = 0
    next_token: str | None = None


class PageReader:
    """Reads pages of events."""

    def __init__(self, store: EventStore, contexts: Contexts, *, max_bytes: int) -> None:
        self._store = store
        self._contexts = contexts
        self._max_bytes = max_bytes

    async def read(self, query: EventQuery, principal: Principal) -> Page:
        """Return the page that ``query`` asks for.

        Raises:
            ParameterError: the page token is not one of this query's.

        """
        page = Page(events=[], prefixes={})
        after = None
        if query.token is not None:
            after = Position(*read_token(query.token, query=query.text, length=2))
        for _ in range(MAX_ROUNDS):
            batch = await self._store.page(
                query.filter, after=after, limit=query.per_page + 1, max_bytes=self._max_bytes
            )
            found = await self._contexts.of(row.context_sha256 for row in batch.events)
            for row in batch.events:
                event = ReadEvent.of(row.payload, found[row.context_sha256].prefixes)
                if _is_wanted(event, query, principal):
                    outer = found[row.context_sha256].outer(has_own=event.has_own_context)
                    if not self._fits(page, query, row, outer):
                        page.next_token = _token(after, query)
                        return page
                    page.events.append(row)
                    page.prefixes.update(outer)
                    page.size += len(row.payload)
                after = row.position
            if batch.is_last:
                return page
            # Events whose key was destroyed a moment ago are passed over.
            after = batch.end
        page.next_token = _token(after, query)
        return page

    def _fits(
        self, page: Page, query: EventQuery, row: StoredEvent, outer: Mapping[str, str]
    ) -> bool:
        """Whether ``row`` may stand on the page; the first one always may."""
        if not page.events:
            return True
        if len(page.events) >= query.per_page or page.size + len(row.payload) > self._max_bytes:
            return False
        # A prefix can mean one thing in one document; the next page declares it anew.
        return all(
            page.prefixes.get(prefix, namespace) == namespace for prefix, namespace in outer.items()
        )


def _is_wanted(event: ReadEvent, query: EventQuery, principal: Principal) -> bool:
    # A trail is also joined by waybill and, where nothing else is named, by class and place.
    if query.epcs and query.epcs.isdisjoint(event.epcs(EPC_FIELDS)):
        return False
    if any(group.isdisjoint(event.epcs(ANY_EPC_FIELDS)) for group in query.any_epcs):
        return False
    return not (principal.role in OWN_PARCEL_ONLY and event.lists_several_parcels)


def _token(after: Position | None, query: EventQuery) -> str:
    assert after is not None, "a page that goes on has read something"
    return page_token((after.event_time, after.first_index), query=query.text)
