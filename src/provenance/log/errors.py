"""Why the log did not take a submission, or does not have what was asked for.

Errors that are worth a repetition derive from :class:`RetryableError` and say after how many
seconds; the others will not change by themselves.
"""

from provenance.core.errors import ProvenanceError


class LogError(ProvenanceError):
    """Root of what the log refuses or lacks."""

    code = "log-error"


class RetryableError(LogError):
    """Nothing is wrong with the submission; repeat it after ``retry_after`` seconds."""

    code = "try-again"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrokenLineageError(LogError):
    """The rows of logs do not say which one carries on another: the database was altered."""

    code = "broken-lineage"


class UnavailableError(RetryableError):
    """The database could not be used, and nothing was written."""

    code = "log-unavailable"


class OutcomeUnknownError(RetryableError):
    """The connection was lost at COMMIT: the submission may be in the log or not."""

    code = "outcome-unknown"

    def __init__(self) -> None:
        super().__init__(
            "the database did not say whether it committed before it, or this service, went away; "
            "repeat the request with the same Idempotency-Key and the same content, which is logged "
            "once in either case",
            retry_after=1,
        )


class OverloadedError(RetryableError):
    """More is waiting to be written than this process keeps in memory."""

    code = "overloaded"


class OvertakenError(RetryableError):
    """The log changed since the submitter read what the submission rests on; look again."""

    code = "overtaken"

    def __init__(self) -> None:
        super().__init__(
            "something was recorded meanwhile that this rests on; nothing was logged: read again "
            "and repeat the request",
            retry_after=1,
        )


class ClockBehindError(RetryableError):
    """The database's clock is behind the last entry's time, which never decreases."""

    code = "clock-behind"

    def __init__(self, *, behind_ms: int) -> None:
        super().__init__(
            f"the database's clock is {behind_ms} ms behind the log's last entry; nothing is "
            "written until it has caught up: check time synchronisation on the database's host",
            retry_after=max(1, -(-behind_ms // 1000)),
        )
        self.behind_ms = behind_ms


class LogReadOnlyError(RetryableError):
    """The log takes no writes: ``state`` is the fence's verdict, or says why there is none."""

    code = "log-read-only"

    def __init__(self, *, state: str, reason: str) -> None:
        super().__init__(f"the log is read-only ({state}): {reason}", retry_after=30)
        self.state = state
        self.reason = reason


class ConflictError(LogError):
    """A record re-uses the identifier of an earlier one for other content."""

    code = "conflict"

    def __init__(self, *, position: int, first_index: int) -> None:
        super().__init__(
            f"record {position} has the identifier of the record at index {first_index} but other "
            "content; give it an identifier of its own, or submit a correction"
        )
        self.position = position
        self.first_index = first_index


class IdempotencyConflictError(LogError):
    """An Idempotency-Key that was used before, for another request."""

    code = "idempotency-conflict"

    def __init__(self) -> None:
        super().__init__(
            "this Idempotency-Key was used before with other content; use a fresh one for each "
            "request"
        )


class DraftError(LogError):
    """A record that cannot become entries, whatever the log holds."""

    code = "bad-draft"


class RejectedError(LogError):
    """The database refused the data of this submission, and of this one alone."""

    code = "rejected"

    def __init__(self, *, sqlstate: str | None) -> None:
        # The server's own message may quote personal data.
        super().__init__(f"the database refused the data (SQLSTATE {sqlstate or 'unknown'})")
        self.sqlstate = sqlstate


class InconsistentLogError(LogError):
    """What is stored contradicts itself; the log must be audited before anything is signed."""

    code = "log-inconsistent"


class NotInLogError(LogError):
    """The log has no such entry, record, trail, tile or job."""

    code = "not-in-log"


class UnknownLogError(LogError):
    """This database has no log of that origin."""

    code = "unknown-log"
