"""Time from an event's acknowledgement to the block that holds its anchor, at a steady load."""

import asyncio
import time
from bisect import bisect_right
from dataclasses import dataclass, field
from statistics import median

import msgspec

from figures.capture import Capture
from figures.result import Figure
from figures.service import Service
from provenance.chain.abi import log_id
from provenance.chain.client import ChainClient
from provenance.chain.registry import Registry, registry_at
from provenance.chain.types import Address

_LOOK_S = 0.02
_CLIENTS = 64
_MEDIAN_TARGET_S = 1.5
_P95_TARGET_S = 3.0


@dataclass(slots=True)
class _Seen:
    """Sizes of the contract's head, and when each was first seen."""

    sizes: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    async def watch(self, registry: Registry, log: bytes, interval: float) -> None:
        """Look at the head again and again."""
        while True:
            size = (await registry.head(log)).size
            if not self.sizes or size > self.sizes[-1]:
                self.sizes.append(size)
                self.times.append(time.time())
            await asyncio.sleep(interval)

    def time_of(self, index: int) -> float:
        """When the anchor of an entry was first seen."""
        return self.times[bisect_right(self.sizes, index)]


async def delay_figures(
    service: Service, capture: Capture, *, seconds: int, rate: int
) -> list[Figure]:
    """Send ``rate`` single events a second and follow each of them to the chain."""
    contract, origin = await _where(service)
    requests = tuple(
        service.request("POST", "/epcis/events", body) for body in capture.bodies(seconds * rate)
    )
    await service.wait_until_anchored(await service.size())
    client, seen = ChainClient(service.rpc_url), _Seen()
    watching = asyncio.create_task(
        seen.watch(registry_at(client, contract), log_id(origin), _LOOK_S)
    )
    try:
        outcome, cost = await service.send(
            requests, clients=_CLIENTS, expected=201, rate=rate, keeps_answers=True
        )
        last = await service.size()
        async with asyncio.timeout(60):
            while not seen.sizes or seen.sizes[-1] < last:
                if watching.done():
                    watching.result()
                await asyncio.sleep(_LOOK_S)
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        await client.aclose()
    waits = sorted(
        seen.time_of(msgspec.json.decode(answer.body)["first_index"]) - answer.answered
        for answer in outcome.answers
    )
    p95 = waits[len(waits) * 95 // 100]
    answered = sorted(answer.answered - answer.sent for answer in outcome.answers)
    more = {
        "offered_per_second": rate,
        "reached_per_second": outcome.rate,
        "anchors": len(seen.sizes),
        "acknowledged_ms_median": 1000 * median(answered),
        "acknowledged_ms_p95": 1000 * answered[len(answered) * 95 // 100],
    }
    name = f"accepted to anchored at {rate:,} events/s"
    return [
        _figure(f"{name}, median", median(waits), _MEDIAN_TARGET_S, cost, more),
        _figure(f"{name}, 95th percentile", p95, _P95_TARGET_S, cost, more),
    ]


def _figure(
    name: str, value: float, target: float, cost: dict[str, float], more: dict[str, float]
) -> Figure:
    return Figure(
        name=name,
        value=value,
        unit="s",
        baseline=1.0,
        baseline_name="the worker's interval of 1 s",
        target=f"< {target} s",
        met=value < target,
        cost=cost,
        limit="the worker's interval, half of it on average, and a block",
        more=more,
    )


async def _where(service: Service) -> tuple[Address, str]:
    async with service.database() as connection:
        cursor = await connection.execute("SELECT contract, origin FROM logs")
        row = await cursor.fetchone()
        if row is None:
            raise RuntimeError("there is no log")
        return Address(row[0]), row[1]
