"""Whether this process may write: not before the fence has passed, not after the log shrank."""

import structlog

from provenance.log.errors import InconsistentLogError, LogReadOnlyError
from provenance.log.metrics import LogMetrics
from provenance.log.reading import Head

_log = structlog.get_logger(__name__)


class Gate:
    """Closed until the fence opens it; closes itself when it sees a log that it cannot trust.

    It remembers the size and frontier of the last commit of this process: a log that is smaller
    now, or of that size and different, is another database than the one that the fence checked
    (a restored dump), whatever its state says.
    """

    def __init__(self, metrics: LogMetrics) -> None:
        self._metrics = metrics
        self._size = 0
        self._frontier: bytes | None = None
        self._closed: tuple[str, str] | None = (
            "unchecked",
            "it is not yet checked against the chain",
        )
        metrics.open.set(0)

    @property
    def is_open(self) -> bool:
        """Whether submissions are let through."""
        return self._closed is None

    def open(self, *, checked_size: int) -> None:
        """Let writes through: the fence has passed on a log of ``checked_size``."""
        self._size, self._frontier, self._closed = checked_size, None, None
        self._metrics.open.set(1)

    def close(self, *, state: str, reason: str) -> None:
        """Let nothing through until it is opened again."""
        if self._closed is None:
            _log.warning("writer_closed", state=state, reason=reason)
        self._closed = (state, reason)
        self._metrics.open.set(0)

    def require_open(self) -> None:
        """Raise :class:`LogReadOnlyError` unless it is open."""
        if self._closed is not None:
            state, reason = self._closed
            raise LogReadOnlyError(state=state, reason=reason)

    def admit(self, head: Head) -> None:
        """Check the head under the lock.

        Raises:
            LogReadOnlyError: the log's state is not open, or it is not the log that was checked.

        """
        self.require_open()
        if head.state != "open":
            raise LogReadOnlyError(state=head.state, reason=head.state_reason or "see the alarms")
        if head.size < self._size:
            self.close(
                state="unchecked",
                reason=f"its size fell from {self._size} to {head.size}: was a backup restored?",
            )
            self.require_open()
        if head.size == self._size and self._frontier not in {None, head.frontier}:
            self.close(
                state="unchecked",
                reason=f"its tree of size {head.size} is not the one that was committed here",
            )
            self.require_open()
        self._size, self._frontier = head.size, head.frontier

    def committed(self, *, size: int, frontier: bytes) -> None:
        """Remember what this process has just committed."""
        self._size, self._frontier = size, frontier
        self._metrics.size.set(size)

    def distrust(self, error: InconsistentLogError) -> None:
        """Close, because what is stored contradicts itself."""
        self.close(state="inconsistent", reason=str(error))
