"""What the demonstration asks of a running service, over HTTP like everybody else."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote

import httpx

from provenance.core.errors import ProvenanceError
from provenance.core.jcs import canonicalize
from provenance.demo.papers import Paper


class DemoError(ProvenanceError):
    """The demonstration did not go as it should."""

    code = "demo-failed"


@dataclass(frozen=True, slots=True)
class Captured:
    """One event of a capture: its id and the place of its entries in the log."""

    event_id: str
    first_index: int
    count: int


class DemoClient:
    """One carrier's view of the service. Use in ``async with``."""

    def __init__(self, api_url: str, *, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=api_url, headers={"authorization": f"Bearer {token}"}, timeout=30
        )

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def wait_until_ready(self, *, seconds: float) -> None:
        """Return once the service takes writes."""
        async with asyncio.timeout(seconds):
            while (await self._http.get("/health/ready")).status_code != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)

    async def capture(
        self, document: bytes, events: Sequence[Mapping[str, object]]
    ) -> tuple[list[Captured], str]:
        """Capture a document; return where its events are, and the signed acknowledgement."""
        answer = await self._http.post(
            "/epcis/capture", content=document, headers={"content-type": "application/ld+json"}
        )
        job = self._json(answer, status=202)
        captured = [
            Captured(str(event["eventID"]), place["first_index"], place["count"])
            for event, place in zip(events, job["events"], strict=True)
        ]
        return captured, job["acknowledgement"]

    async def anchored_size(self) -> int:
        """Return the largest anchored size of the log, 0 if nothing is anchored."""
        answer = await self._http.get("/v1/log/checkpoint")
        return int(answer.text.split("\n")[1]) if answer.status_code == 200 else 0

    async def receipts(self, first_index: int) -> list[bytes]:
        """Return the receipts of the record at ``first_index``, each in its canonical bytes."""
        answer = await self._http.get(f"/v1/records/{first_index}/receipts")
        return [canonicalize(receipt) for receipt in self._json(answer, status=200)]

    async def payload(self, first_index: int) -> bytes:
        """Return the event recorded at ``first_index``, byte for byte as it came."""
        answer = await self._http.get(f"/v1/records/{first_index}/payload")
        self._json(answer, status=200)
        return answer.content

    async def timeline(self, waybill: str) -> dict[str, Any]:
        """Return the timeline of a waybill."""
        answer = await self._http.get(f"/v1/shipments/{quote(waybill, safe='')}/timeline")
        timeline: dict[str, Any] = self._json(answer, status=200)
        return timeline

    async def upload(self, paper: Paper, subject: str) -> dict[str, Any]:
        """Record a document and what it says; returns where it is."""
        answer = await self._http.post(
            "/v1/documents",
            params={"subject": subject, "type": paper.code, "filename": paper.filename},
            content=paper.data,
            headers={"content-type": paper.media_type},
        )
        added: dict[str, Any] = self._json(answer, status=201)
        if paper.said:
            place = {"first_index": added["first_index"], "sha256": added["sha256"]}
            answer = await self._http.post(
                f"/v1/documents/{added['first_index']}/description",
                params={"subject": subject},
                json={"v": 1, "document": place, **paper.said},
            )
            self._json(answer, status=201)
        return added

    async def open_case(self, body: Mapping[str, object]) -> dict[str, Any]:
        """Open a claims case; returns its first act."""
        answer = await self._http.post("/v1/cases", json=body)
        opened: dict[str, Any] = self._json(answer, status=201)
        return opened

    async def case(self, case: str) -> dict[str, Any]:
        """Return a case and what the rules make of it."""
        answer = await self._http.get(f"/v1/cases/{case}")
        found: dict[str, Any] = self._json(answer, status=200)
        return found

    async def dossier(self, case: str, *, seconds: float) -> bytes:
        """Return the dossier of a case, as soon as all of it is anchored for good."""
        async with asyncio.timeout(seconds):
            while True:
                answer = await self._http.post(
                    f"/v1/cases/{case}/dossier", json={}, timeout=seconds
                )
                if answer.status_code != 409:
                    break
                await asyncio.sleep(0.2)
        if answer.status_code != 200:
            raise DemoError(f"the dossier was not written: {answer.text}")
        return answer.content

    @staticmethod
    def _json(answer: httpx.Response, *, status: int) -> Any:
        if answer.status_code != status:
            raise DemoError(f"{answer.request.url} answered {answer.status_code}: {answer.text}")
        return json.loads(answer.content)
