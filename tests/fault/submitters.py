"""Clients that capture documents and remember every promise that they were given.

They do what the API asks of its callers: a document keeps its Idempotency-Key, and is sent again
until it is acknowledged. Whatever else they are told than "accepted" or "come back" is a fault.
"""

import json
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx

from provenance.demo.bulk import bulk_events, in_documents
from provenance.demo.events import CONTEXT

ACCEPTED = 202
CREATED = 201
COME_BACK = 503
HEADERS = {"content-type": "application/ld+json"}
_PAUSE = 0.05
"""Seconds before a document is sent again; less than Retry-After asks for, so that it hurts."""


@dataclass(frozen=True, slots=True)
class Document:
    """What is sent, and the key under which it is sent again: a document, or one event alone."""

    body: bytes
    key: str
    is_event: bool = False

    @property
    def path(self) -> str:
        """Where it is sent to."""
        return "/epcis/events" if self.is_event else "/epcis/capture"

    @property
    def events(self) -> list[dict[str, Any]]:
        if self.is_event:
            return [json.loads(self.body)]
        found: list[dict[str, Any]] = json.loads(self.body)["epcisBody"]["eventList"]
        return found


@dataclass(frozen=True, slots=True)
class Promise:
    """What the service said about a document: ``places`` are (first index, count) of each event."""

    document: Document
    note: str
    first_index: int
    count: int
    places: tuple[tuple[int, int], ...]

    @property
    def end(self) -> int:
        return self.first_index + self.count


def documents(count: int, *, events: int) -> list[Document]:
    """Documents of ``events`` events each, of parcels that come back in other documents."""
    now = time.time_ns() // 1_000_000
    made = bulk_events(
        count * events, seed=secrets.randbits(32), start=now - 3_600_000, with_waybill=True
    )
    return [
        Document(body=body, key=secrets.token_hex(12))
        for body in in_documents(made, at=now, events_per_document=events)
    ]


def single_events(count: int) -> list[Document]:
    """Events that are sent alone, so that several clients share a group."""
    now = time.time_ns() // 1_000_000
    made = bulk_events(count, seed=secrets.randbits(32), start=now - 3_600_000, with_waybill=True)
    return [
        Document(
            body=json.dumps({"@context": CONTEXT, **event}).encode(),
            key=secrets.token_hex(12),
            is_event=True,
        )
        for event in made
    ]


class GivesClients(Protocol):
    """A service, or one API process of it."""

    def client(self) -> httpx.Client: ...


@dataclass(slots=True)
class Submitters:
    """Several clients at work; ``promises`` grows as answers arrive, in no order."""

    service: GivesClients
    promises: list[Promise] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    give_up: threading.Event = field(default_factory=threading.Event)
    _stop_at: int | None = None

    def stop_short_of(self, promises: int | None) -> None:
        """Clients wait with what is left once so many promises were given; None lets them go on."""
        self._stop_at = promises

    def send(self, work: Sequence[Document], *, clients: int = 4) -> "Sending":
        """Share ``work`` out among clients, which begin at once."""
        pool = ThreadPoolExecutor(clients)
        tasks = [pool.submit(self._client, work[number::clients]) for number in range(clients)]
        pool.shutdown(wait=False)
        return Sending(self, tasks)

    def repeat(self, promises: Sequence[Promise]) -> None:
        """Send documents again and compare: the first answer to the byte."""
        with self.service.client() as client:
            for promise in promises:
                again = self._until_accepted(client, promise.document)
                assert again is not None, "it was told to give up"
                assert again == promise

    def _client(self, work: Sequence[Document]) -> None:
        with self.service.client() as client:
            for document in work:
                while self._stop_at is not None and len(self.promises) >= self._stop_at:
                    if self.give_up.wait(_PAUSE):
                        return
                promise = self._until_accepted(client, document)
                if promise is None:
                    return
                self.promises.append(promise)

    def _until_accepted(self, client: httpx.Client, document: Document) -> Promise | None:
        headers = {**HEADERS, "idempotency-key": document.key}
        while not self.give_up.is_set():
            try:
                answer = client.post(document.path, content=document.body, headers=headers)
            except httpx.TransportError as error:
                self.outcomes[type(error).__name__] += 1
            else:
                self.outcomes[str(answer.status_code)] += 1
                if answer.status_code in {ACCEPTED, CREATED}:
                    return _promise(document, answer.json())
                if answer.status_code != COME_BACK:
                    self.unexpected.append(f"{answer.status_code}: {answer.text}")
                elif "retry-after" not in answer.headers:
                    self.unexpected.append(f"503 without Retry-After: {answer.text}")
            self.give_up.wait(_PAUSE)
        return None


@dataclass(slots=True)
class Sending:
    """Work under way; use as a context manager, so that no client is left behind."""

    submitters: Submitters
    tasks: list[Future[None]]

    def __enter__(self) -> "Sending":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is not None:
            self.submitters.give_up.set()
        for task in self.tasks:
            task.result()

    @property
    def is_done(self) -> bool:
        return all(task.done() for task in self.tasks)

    def wait_for(self, promises: int, *, seconds: float = 300) -> None:
        """Return once so many promises were given in all, or nothing is left to send."""
        deadline = time.monotonic() + seconds
        while len(self.submitters.promises) < promises and not self.is_done:
            if time.monotonic() > deadline:
                raise AssertionError(
                    f"{len(self.submitters.promises)} of {promises} promises after {seconds} s: "
                    f"{dict(self.submitters.outcomes)} {self.submitters.unexpected[:3]}"
                )
            time.sleep(0.005)


def _promise(document: Document, said: dict[str, Any]) -> Promise:
    events = [said] if document.is_event else said["events"]
    assert document.is_event or said["success"], said
    return Promise(
        document=document,
        note=said["acknowledgement"],
        first_index=said["first_index"],
        count=said["count"],
        places=tuple((event["first_index"], event["count"]) for event in events),
    )
