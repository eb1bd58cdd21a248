"""Receipt reads against an endpoint of the same server that does nothing."""

import random

from figures.capture import BARE
from figures.result import Figure
from figures.service import Service

_CLIENTS = 32
_TARGET = 0.4
_READS = {"bare": 4, "cold": 1, "warm": 4}
"""How often each is read: a thousand warm ones take an eighth of a second."""
_LIMITS = {
    "cold": "Python in the API: two reads, hashing the leaf's tile, a signature (docs/performance.md)",
    "warm": "Python in the API for each request: HTTP and the key",
}


async def receipt_figures(service: Service, *, reads: int) -> list[Figure]:
    """Read ``reads`` different receipts: from a process that has just started, and again."""
    size = await service.size()
    await service.wait_until_anchored(size)
    indexes = random.Random(reads).sample(range(size), min(reads, size))  # noqa: S311 - to be repeatable
    requests = tuple(service.request("GET", f"/v1/receipts/{index}") for index in indexes)
    await service.restart_api()
    bare_requests = (service.request("GET", BARE),) * (_READS["bare"] * len(requests))
    bare, bare_cost = await service.send(bare_requests, clients=_CLIENTS, expected=200)
    figures = []
    for cache, limit in _LIMITS.items():
        outcome, cost = await service.send(requests * _READS[cache], clients=_CLIENTS, expected=200)
        figures.append(
            Figure(
                name=f"receipts, cache {cache}, {_CLIENTS} clients",
                value=outcome.rate,
                unit="receipts/s",
                baseline=bare.rate,
                baseline_name=f"GET {BARE} of the same server with as many clients",
                target=f"≥ {_TARGET}",
                met=outcome.rate / bare.rate >= _TARGET,
                cost=cost,
                baseline_cost=bare_cost,
                limit=limit,
                more={"receipts": len(requests), "log_size": size},
            )
        )
    return figures
