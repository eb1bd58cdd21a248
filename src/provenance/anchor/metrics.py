"""What the anchoring worker counts, as Prometheus metrics on a registry that is passed in."""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 300.0)
_GAS = (60_000, 80_000, 90_000, 100_000, 110_000, 130_000, 200_000, 1_000_000)


class Age:
    """A gauge of seconds that grow by the clock, also while nobody can look at what is aging."""

    def __init__(self, gauge: Gauge, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._since: float | None = None
        gauge.set_function(self._age)

    def set(self, age: float) -> None:
        """Note an age of now; 0 where there is nothing that ages."""
        self._since = self._seconds() - age if age > 0 else None

    def _age(self) -> float:
        return 0.0 if self._since is None else self._seconds() - self._since


class AnchorMetrics:
    """Metrics of one worker."""

    def __init__(
        self, registry: CollectorRegistry, *, seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self.waiting_entries = Gauge(
            "provenance_anchor_waiting_entries", "Entries without an anchor", registry=registry
        )
        self.waiting_seconds = Age(
            Gauge(
                "provenance_anchor_waiting_seconds",
                "Age of the oldest entry without an anchor",
                registry=registry,
            ),
            seconds=seconds,
        )
        self.anchored_size = Gauge(
            "provenance_anchor_size", "Size of the newest anchor on chain", registry=registry
        )
        self.final_size = Gauge(
            "provenance_anchor_final_size", "Size of the newest final anchor", registry=registry
        )
        self.confirmations = Gauge(
            "provenance_anchor_confirmations",
            "Blocks on the newest anchor, its own included",
            registry=registry,
        )
        self.fence = Gauge(
            "provenance_anchor_fence_state",
            "The fence's verdict: 0 open, 1 behind, 2 forked, 3 closed, 4 unreachable",
            registry=registry,
        )
        self.active = Gauge(
            "provenance_anchor_worker_active",
            "1 while this worker holds the lock, 0 while it stands by",
            registry=registry,
        )
        self.anchors = Counter(
            "provenance_anchor_anchors", "Anchors put on chain by this worker", registry=registry
        )
        self.replayed = Counter(
            "provenance_anchor_replayed",
            "Transactions and anchors that were put back on chain",
            registry=registry,
        )
        self.reorganised = Counter(
            "provenance_anchor_reorganised",
            "Anchors whose block was replaced by another",
            registry=registry,
        )
        self.refilled = Counter(
            "provenance_anchor_refilled_entries",
            "Entries that were put back into the database from batches",
            registry=registry,
        )
        self.failures = Counter(
            "provenance_anchor_failures",
            "Attempts that failed, by the code of the error",
            ["code"],
            registry=registry,
        )
        self.gas = Histogram(
            "provenance_anchor_gas", "Gas of an anchor", buckets=_GAS, registry=registry
        )
        self.gas_spent = Counter(
            "provenance_anchor_gas_spent", "Gas of all anchors of this worker", registry=registry
        )
        self.fee_spent = Counter(
            "provenance_anchor_fee_wei", "Fees of all anchors of this worker", registry=registry
        )
        self.seconds = Histogram(
            "provenance_anchor_seconds",
            "Time from an anchor's intent to its block",
            buckets=_SECONDS,
            registry=registry,
        )
        self.timestamps = Counter(
            "provenance_anchor_timestamps",
            "Checkpoints that the authority stamped for this worker",
            registry=registry,
        )
        self.timestamp_size = Gauge(
            "provenance_anchor_timestamp_size",
            "Size of the newest checkpoint that this worker had stamped",
            registry=registry,
        )
        self.timestamp_failures = Counter(
            "provenance_anchor_timestamp_failures",
            "Time stamps that were not obtained, by the code of the error",
            ["code"],
            registry=registry,
        )
