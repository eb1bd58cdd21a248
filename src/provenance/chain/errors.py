"""What can go wrong between us and a chain."""

from provenance.core.errors import ProvenanceError


class ChainError(ProvenanceError):
    """Root of the errors of this package."""

    code = "chain-error"


class ChainUnavailableError(ChainError):
    """The node did not answer, answered too late, or with something that is no answer.

    A transaction that was being sent may have arrived all the same.
    """

    code = "chain-unavailable"


class WrongChainError(ChainError):
    """The node serves another chain than the one that the log was opened on."""

    code = "wrong-chain"


class NoContractError(ChainError):
    """There is no code, or other code than expected, at the registry's address."""

    code = "no-contract"


class TransactionRefusedError(ChainError):
    """The node did not take a transaction."""

    code = "transaction-refused"


class NonceTooLowError(TransactionRefusedError):
    """Another transaction of the sender already has this nonce on chain."""

    code = "nonce-too-low"


class UnderpricedError(TransactionRefusedError):
    """The fee is below what the node or the block asks, or below that of what it would replace."""

    code = "underpriced"


class InsufficientFundsError(TransactionRefusedError):
    """The sender can't pay for the gas; send it some of the chain's currency."""

    code = "insufficient-funds"


class ReceiptTimeoutError(ChainError):
    """A transaction was not in a block within the time that was allowed."""

    code = "receipt-timeout"


class CallRevertedError(ChainError):
    """The contract refused a call.

    ``name`` is the custom error of the contract, empty where it is none of ours.
    """

    code = "call-reverted"

    def __init__(self, message: str, *, name: str = "", arguments: tuple[object, ...] = ()) -> None:
        super().__init__(message)
        self.name = name
        self.arguments = arguments


class NotAnExtensionError(CallRevertedError):
    """An anchor that is stale or repeated, or does not extend the head: read the head again."""

    code = "not-an-extension"


class MissingRoleError(CallRevertedError):
    """The sender holds no role that allows the call; the administrator grants it."""

    code = "missing-role"


class LogClosedError(CallRevertedError):
    """A succession closed the log; its successor goes on."""

    code = "log-closed"


class UnknownLogError(CallRevertedError):
    """The registry has no log of this id."""

    code = "unknown-log"


REVERTS: dict[str, type[CallRevertedError]] = {
    "NotAnExtension": NotAnExtensionError,
    "AccessControlUnauthorizedAccount": MissingRoleError,
    "LogClosed": LogClosedError,
    "UnknownLog": UnknownLogError,
}
"""Custom errors of the contract that somebody handles."""
