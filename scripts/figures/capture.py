"""Capture over HTTP: documents against COPY of what they left, single events against bare HTTP."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

import msgspec

from figures.copying import copying_seconds, stored_rows
from figures.result import Figure
from figures.service import Service
from provenance.demo.bulk import bulk_events, in_documents
from provenance.demo.events import CONTEXT

EVENTS_PER_DOCUMENT = 500
_FILLED_AT_ONCE = 20_000
BARE = "/health/live"
"""The endpoint that does nothing but answer with a small JSON."""
_START_MS = 1_772_000_000_000
_COPY_TARGET = 0.2
_SINGLE_TARGET = 2_000

_DOCUMENT_LIMIT = (
    "validating a document and writing it, one after the other: a client sends its next document "
    "when the last one is committed"
)
_SINGLE_ALONE = "round trips and the flush of one commit for each event"
_SINGLE_TOGETHER = "Python in the API for each request: HTTP, validation, planning, signature"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """A kind of document; a run has one ``share``-th of the events, because each has more rows."""

    name: str
    epcs: int = 1
    with_waybill: bool = False
    clients: int = 1
    share: int = 1
    limit: str = _DOCUMENT_LIMIT


@dataclass(frozen=True, slots=True)
class _Round:
    """One capture and the COPY of what it left; rates a second, costs in microseconds."""

    rate: float
    cost: dict[str, float]
    copying: float
    copying_cost: dict[str, float]


_KINDS = (
    _Kind(name="1 EPC an event, 1 client"),
    _Kind(
        name="1 EPC an event, 4 clients",
        clients=4,
        limit="Python in the API, one process: validating and planning",
    ),
    _Kind(name="20 EPCs an event, 1 client", epcs=20, share=10),
    _Kind(name="parcel and waybill, 1 client", with_waybill=True, share=2),
)


class Capture:
    """Figures of writing; every event of a run is another one."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._seed = 0

    async def warm_up(self) -> None:
        """Let the service do everything once before anything is measured."""
        await self._service.send(self._documents(1_000, _KINDS[0]), clients=1, expected=202)
        await self._service.send(self._singles(500), clients=32, expected=201)

    async def fill(self, *, events: int) -> None:
        """Capture documents until ``events`` more are in the log and anchored."""
        for start in range(0, events, _FILLED_AT_ONCE):
            documents = self._documents(min(_FILLED_AT_ONCE, events - start), _KINDS[0])
            await self._service.send(documents, clients=1, expected=202)
        await self._service.wait_until_anchored(await self._service.size())

    async def bulk(self, *, events: int, rounds: int) -> list[Figure]:
        """Documents of 500 events."""
        return [
            await self._bulk(kind, events=events // kind.share, rounds=rounds) for kind in _KINDS
        ]

    async def single(self, *, events: int) -> list[Figure]:
        """Single events, each acknowledged after its commit."""
        return [
            await self._single(events // 20, clients=1),
            await self._single(events // 2, clients=32),
            await self._single(events, clients=256),
        ]

    async def _bulk(self, kind: "_Kind", *, events: int, rounds: int) -> Figure:
        events = max(EVENTS_PER_DOCUMENT * kind.clients, events - events % EVENTS_PER_DOCUMENT)
        found: list[_Round] = []
        for _ in range(rounds):
            documents = self._documents(events, kind)
            found.append(await self._round(kind, documents, events))
        middle = sorted(found, key=lambda one: one.rate / one.copying)[len(found) // 2]
        return Figure(
            name=kind.name,
            value=middle.rate,
            unit="events/s",
            baseline=middle.copying,
            baseline_name="COPY of the very rows that were stored, a commit for every 500 events",
            target=f"≥ {_COPY_TARGET}",
            met=middle.rate / middle.copying >= _COPY_TARGET,
            cost=middle.cost,
            baseline_cost=middle.copying_cost,
            limit=kind.limit,
            more={"events": events, "clients": kind.clients},
        )

    async def _round(self, kind: "_Kind", documents: tuple[bytes, ...], events: int) -> "_Round":
        service = self._service
        start = await service.size()
        await service.settle()
        outcome, cost = await service.send(documents, clients=kind.clients, expected=202)
        end = await service.size()
        await service.wait_until_anchored(end)
        await service.settle()
        async with service.database() as connection:
            buffers = await stored_rows(connection, start=start, end=end)
            before = service.spent()
            seconds = await copying_seconds(connection, buffers)
            copying_cost = service.spent().each(before, count=events)
        return _Round(
            rate=events / outcome.seconds,
            cost={name: each * len(documents) / events for name, each in cost.items()},
            copying=events / seconds,
            copying_cost=copying_cost,
        )

    async def _single(self, events: int, *, clients: int) -> Figure:
        events = max(events, 2 * clients)
        bare, bare_cost = await self._service.send(
            (self._service.request("GET", BARE),) * events, clients=clients, expected=200
        )
        await self._service.settle()
        outcome, cost = await self._service.send(
            self._singles(events), clients=clients, expected=201
        )
        waits = sorted(answer.answered - answer.sent for answer in outcome.answers)
        has_target = clients == 256
        return Figure(
            name=f"single events, {clients} client{'s' if clients > 1 else ''}",
            value=outcome.rate,
            unit="events/s",
            baseline=bare.rate,
            baseline_name=f"GET {BARE} of the same server with as many clients",
            target=f"≥ {_SINGLE_TARGET:,}/s" if has_target else "",
            met=outcome.rate >= _SINGLE_TARGET if has_target else None,
            cost=cost,
            baseline_cost=bare_cost,
            limit=_SINGLE_ALONE if clients == 1 else _SINGLE_TOGETHER,
            more={
                "clients": clients,
                "events": events,
                "median_ms": 1000 * median(waits),
                "p99_ms": 1000 * waits[len(waits) * 99 // 100],
            },
        )

    def _documents(self, events: int, kind: "_Kind") -> tuple[bytes, ...]:
        self._seed += 1
        made = bulk_events(
            events,
            seed=self._seed,
            start=_START_MS,
            epcs_per_event=kind.epcs,
            with_waybill=kind.with_waybill,
        )
        bodies = in_documents(made, at=_START_MS, events_per_document=EVENTS_PER_DOCUMENT)
        return tuple(self._service.request("POST", "/epcis/capture", body) for body in bodies)

    def _singles(self, events: int) -> tuple[bytes, ...]:
        return tuple(
            self._service.request("POST", "/epcis/events", body) for body in self.bodies(events)
        )

    def bodies(self, events: int) -> Iterator[bytes]:
        """Single events, each with its context."""
        self._seed += 1
        for event in bulk_events(events, seed=self._seed, start=_START_MS):
            yield msgspec.json.encode({"@context": CONTEXT, **event})
