"""Captures under fire: clients at work, processes killed at random moments, and every invariant
checked afterwards. Later features are tested with it too.

A random moment is drawn, never hoped for: some way through the work, and a random part of a
second after that. The seed is printed, and ``FAULT_SEED`` gives it again.
"""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import httpx

from fault.commands import provenance
from fault.invariants import Checked, check_everything
from fault.killing import Part, kill
from fault.stores import Stores
from fault.submitters import Document, Promise, Submitters
from fixtures.service import PATIENCE, RunningService

_LATEST = 0.25
"""Seconds after the drawn promise within which a blow falls: some ten commits, a few anchors."""


def _seed() -> int:
    return int(os.environ.get("FAULT_SEED") or secrets.randbits(32))


@dataclass(slots=True)
class Harness:
    """A service on a data folder, and all that was promised by it since the harness began.

    ``environment`` are settings of the service.
    """

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    seed: int = field(default_factory=_seed)
    service: RunningService = field(init=False)
    submitters: Submitters = field(init=False)
    random: Random = field(init=False)
    blows: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        print(f"FAULT_SEED={self.seed}")
        self.random = Random(self.seed)
        self.service = RunningService(self.data_dir, **self.environment)
        self.submitters = Submitters(self.service)

    @contextmanager
    def running(self) -> Iterator["Harness"]:
        """The service runs and takes writes; it is stopped at the end, whatever was done to it."""
        self.start()
        try:
            yield self
        finally:
            self.service.__exit__()

    def start(self) -> None:
        """Start the service and wait until it takes writes."""
        self.service.__enter__()
        self.service.wait_until_ready()

    def stop(self) -> int:
        """Stop the service gracefully; its exit code."""
        code = self.service.stop()
        self.service.__exit__()
        return code

    @property
    def promises(self) -> list[Promise]:
        return self.submitters.promises

    @property
    def stores(self) -> Stores:
        return Stores.of(self.service)

    @property
    def promised(self) -> int:
        """Size that the log has at least, by what was promised."""
        return max((promise.end for promise in self.promises), default=0)

    def capture(self, work: Sequence[Document], *, clients: int = 4) -> None:
        """Capture documents and wait for all the promises."""
        with self.submitters.send(work, clients=clients):
            pass

    def capture_under_fire(
        self, work: Sequence[Document], parts: Sequence[Part], *, clients: int = 4
    ) -> None:
        """Capture ``work`` while each of ``parts`` is killed once, in random order and moments."""
        order = self.random.sample(parts, len(parts))
        before = len(self.promises)
        # Every blow falls while something is left to do, however long a part takes to come back.
        share = len(work) * 8 // 10
        enough = before + share
        self.submitters.stop_short_of(enough)
        moments = sorted(self.random.randrange(share) for _ in order)
        with self.submitters.send(work, clients=clients) as sending:
            for part, moment in zip(order, moments, strict=True):
                sending.wait_for(before + moment)
                self.wait_at_most(
                    self.random.uniform(0, _LATEST),
                    until=lambda: len(self.promises) >= enough,
                )
                assert not sending.is_done, "the work was done before the blow fell"
                self.strike(part)
            self.submitters.stop_short_of(None)
        assert len(self.promises) == before + len(work)

    def wait_at_most(self, seconds: float, *, until: Callable[[], bool]) -> None:
        """Let a drawn time go by, or what is left of the work."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not until():
            time.sleep(0.001)

    def strike(self, part: Part) -> None:
        """Kill a part; a supervisor is started again."""
        pid = kill(self.service, part)
        self.blows.append(f"{part.value} {pid} after {len(self.promises)} promises")
        if part is Part.SUPERVISOR:
            # Clients read the address and keys once: both stay what they were.
            self.service.__exit__()
            self.service.__enter__()

    async def check(self, *, copies: bool = True, repeat: int = 5) -> Checked:
        """Wait until everything promised is anchored, then check every invariant.

        That anchoring went on by itself is the first of them. Some documents are sent again.
        """
        assert not self.submitters.unexpected, self.submitters.unexpected[:3]
        sample = self.random.sample(self.promises, min(repeat, len(self.promises)))
        self.submitters.repeat(sample)
        self.service.wait_for_anchor(self.promised)
        return await check_everything(self.stores, list(self.promises), copies=copies)

    def receipt(self, index: int) -> bytes:
        """The receipt of an entry."""
        with self.service.client() as client:
            answer = client.get(f"/v1/receipts/{index}")
        assert answer.status_code == 200, answer.text
        return answer.content

    def subject_of(self, index: int) -> str:
        """The subject of an entry."""
        return str(json.loads(self.receipt(index))["statement"]["subject"])

    def is_ready(self) -> bool:
        """Whether the service says that it takes writes."""
        with self.service.client() as client:
            return client.get("/health/ready").status_code == 200

    def verify(self, receipt: Path, *, trust: Path | None = None, code: int = 0) -> str:
        """What ``provenance verify`` says of a receipt."""
        return provenance(
            "verify", receipt,
            "--trust", trust or self.data_dir / "trust.json",
            "--rpc", self.service.credentials.rpc_url,
            data=self.data_dir, code=code,
        )  # fmt: skip

    def metric(self, name: str) -> float:
        """A sample of the worker's metrics; 0 where there is none."""
        port = (self.data_dir / "run" / "worker-metrics.port").read_text().strip()
        lines = httpx.get(f"http://127.0.0.1:{port}/metrics").text.splitlines()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"{name} ")), 0.0)

    def http_in_flight(self) -> float:
        """Requests that the API is answering, this one not counted."""
        with self.service.client() as client:
            lines = client.get("/metrics").text.splitlines()
        name = "provenance_http_requests_in_flight "
        return next(float(line.split()[1]) for line in lines if line.startswith(name)) - 1

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Return once ``condition`` holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.02)

    def log_of(self, name: str) -> str:
        """What a process of the service has printed, over all its starts."""
        return (self.data_dir / "run" / f"{name}.log").read_text(errors="replace")
