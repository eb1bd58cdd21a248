"""What can go wrong while the embedded parts are started and guarded."""

from pathlib import Path

from provenance.core.errors import ProvenanceError


class EmbeddedError(ProvenanceError):
    """A part that the launcher starts itself could not be started or kept running."""

    code = "embedded-part-failed"


class BinaryNotFoundError(EmbeddedError):
    """A program that the embedded set-up needs is not installed."""

    code = "binary-not-found"


class ServiceStartError(EmbeddedError):
    """A child process ended, or stayed silent, before it was ready."""

    code = "service-start-failed"


class UnreachableFolderError(EmbeddedError):
    """The service user may not pass through a folder, and its mode is not ours to change."""

    code = "unreachable-folder"

    def __init__(self, *, folder: Path, user: str) -> None:
        super().__init__(
            f"{folder} can't be entered by the user {user!r}, to which root drops for "
            "PostgreSQL and anvil, and this system does not allow a private mount instead. "
            "Run as a normal user, or keep checkout and data folder (PROVENANCE_DATA) at a "
            f"place that others may pass through, such as /opt or /srv, or allow it with "
            f"`chmod o+x {folder}`."
        )
        self.folder = folder


class NoServiceUserError(EmbeddedError):
    """Root found no unprivileged user to run PostgreSQL and anvil as."""

    code = "no-service-user"


class ClusterError(EmbeddedError):
    """The PostgreSQL folder and the passwords beside it do not belong together."""

    code = "postgres-cluster-unusable"


class ChainStateError(EmbeddedError):
    """The embedded chain's files are there but none of them can be used."""

    code = "chain-state-unusable"


class ChainRpcError(EmbeddedError):
    """The embedded chain answered a call with an error, or not at all."""

    code = "chain-rpc-failed"


class DumpError(EmbeddedError):
    """PostgreSQL's program for dumping or loading a database failed; its message says why."""

    code = "database-dump-failed"
