"""What the log's writer counts, as Prometheus metrics on a registry that is passed in."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_ENTRIES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 50_000)


class LogMetrics:
    """Counters of one writer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.entries = Counter(
            "provenance_log_entries", "Entries committed by this process", registry=registry
        )
        self.submissions = Counter(
            "provenance_log_submissions",
            "Submissions by outcome: logged, repeated or the code of the error",
            ["outcome"],
            registry=registry,
        )
        self.group_entries = Histogram(
            "provenance_log_group_entries",
            "Entries of a committed group",
            buckets=_ENTRIES,
            registry=registry,
        )
        self.group_seconds = Histogram(
            "provenance_log_group_seconds",
            "Time from lock to answers of a group",
            buckets=_SECONDS,
            registry=registry,
        )
        self.waiting_entries = Gauge(
            "provenance_log_waiting_entries",
            "Entries accepted by this process and not yet answered",
            registry=registry,
        )
        self.waiting_bytes = Gauge(
            "provenance_log_waiting_bytes",
            "Memory held by accepted submissions, estimated",
            registry=registry,
        )
        self.waiting_seconds = Gauge(
            "provenance_log_waiting_seconds",
            "Age of the oldest submission that is accepted by this process and not yet answered",
            registry=registry,
        )
        self.open = Gauge(
            "provenance_log_writer_open", "1 while this process accepts writes", registry=registry
        )
        self.size = Gauge(
            "provenance_log_size", "Size of the log at the last commit here", registry=registry
        )
