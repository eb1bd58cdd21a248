"""Why something that a verifier asked for could not be read."""

from provenance.core.errors import ProvenanceError


class ChainReadError(ProvenanceError):
    """The node did not answer, or its answers make no sense: the verdict is UNKNOWN."""

    code = "chain-unreadable"


class RpcRefusedError(ChainReadError):
    """The node answered with a JSON-RPC error."""

    code = "rpc-refused"


class LogReadError(ProvenanceError):
    """The log's server or database could not be read: the verdict is UNKNOWN."""

    code = "log-unreadable"
