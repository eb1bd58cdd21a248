"""Why an anchor did not go on chain, or a log cannot be anchored at all."""

from provenance.core.errors import ProvenanceError


class AnchorError(ProvenanceError):
    """Root of the errors of this package."""

    code = "anchor-error"


class LockLostError(AnchorError):
    """The connection that held the worker's lock is gone; another worker may act now."""

    code = "worker-lock-lost"


class TransactionRevertedError(AnchorError):
    """A transaction is in a block, but the contract refused it."""

    code = "transaction-reverted"


class DeploymentLostError(AnchorError):
    """The chain no longer has the registry, and the stored transactions can't put it back."""

    code = "deployment-lost"


class NotDeployedError(AnchorError):
    """The log was never opened on a chain; start the service once with the administrator's key."""

    code = "not-deployed"


class CheckpointMismatchError(AnchorError):
    """A call, an entry or an event does not lead to the log's own checkpoint."""

    code = "checkpoint-mismatch"


class BatchError(AnchorError):
    """A batch in the blob store is missing, incomplete or not what was anchored."""

    code = "batch-unusable"


class SuccessionError(AnchorError):
    """A log can't be succeeded as asked."""

    code = "succession-refused"


class TimestampError(AnchorError):
    """No time stamp was obtained; anchoring goes on without."""

    code = "timestamp-failed"


class AuthorityUnavailableError(TimestampError):
    """The time-stamping authority does not answer, or not with a response."""

    code = "timestamp-authority-unavailable"


class TimestampRefusedError(TimestampError):
    """The authority refuses, its answer is not to be relied on, or no root is there to check it."""

    code = "timestamp-refused"
