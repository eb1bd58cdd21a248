"""What the HTTP layer counts, on a registry that is passed in."""

import shutil
from pathlib import Path
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)

_SECONDS: Final = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)


class HttpMetrics:
    """Requests by route pattern, method and status; and how long they took."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            "provenance_http_requests",
            "Requests answered, by route pattern, method and status",
            ["route", "method", "status"],
            registry=registry,
        )
        self._problems = Counter(
            "provenance_http_problems",
            "Requests answered with a problem document, by status and code",
            ["status", "code"],
            registry=registry,
        )
        self._seconds = Histogram(
            "provenance_http_request_seconds",
            "Time from the request's first byte to the answer's last",
            ["route", "method"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.in_flight = Gauge(
            "provenance_http_requests_in_flight", "Requests being answered", registry=registry
        )
        self._counters: dict[tuple[str, str, int], Counter] = {}
        self._histograms: dict[tuple[str, str], Histogram] = {}

    def observe(
        self, *, route: str, method: str, status: int, seconds: float, problem: str | None = None
    ) -> None:
        """Count one request, and the code of the ``problem`` that it was answered with."""
        if problem is not None:
            self._problems.labels(str(status), problem).inc()
        counter = self._counters.get((route, method, status))
        if counter is None:
            counter = self._requests.labels(route, method, str(status))
            self._counters[route, method, status] = counter
        counter.inc()
        histogram = self._histograms.get((route, method))
        if histogram is None:
            histogram = self._histograms[route, method] = self._seconds.labels(route, method)
        histogram.observe(seconds)


def process_registry(folder: Path) -> CollectorRegistry:
    """A registry that tells of this process, and of the disk that ``folder`` lies on."""
    registry = CollectorRegistry()
    for collector in (ProcessCollector, PlatformCollector, GCCollector):
        collector(registry=registry)
    watch_free_space(folder, registry)
    return registry


def watch_free_space(folder: Path, registry: CollectorRegistry) -> None:
    """Tell with each scrape how much may still be written below ``folder``, in bytes."""
    gauge = Gauge(
        "provenance_data_free_bytes",
        "Bytes that are free where the data folder lies",
        registry=registry,
    )
    gauge.set_function(lambda: shutil.disk_usage(folder).free)
