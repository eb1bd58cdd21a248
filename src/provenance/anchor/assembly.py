"""Puts together what belongs to one time of holding a lock: for a log and for those before it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eth_account.signers.local import LocalAccount

from provenance.anchor.anchoring import Anchoring, Session
from provenance.anchor.batch_writing import BatchWriter
from provenance.anchor.courier import Courier, Patience
from provenance.anchor.deployment import Deployment
from provenance.anchor.journal import Journal
from provenance.anchor.metrics import AnchorMetrics
from provenance.anchor.promises import CheckpointMark, Promises
from provenance.anchor.recovery import Recovery
from provenance.anchor.session import Connection
from provenance.anchor.steps import StepObserver
from provenance.anchor.store import AnchorStore
from provenance.anchor.tree import StoredTree
from provenance.blobs import BlobStore
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.finality import Finality
from provenance.chain.registry import registry_at
from provenance.core.notes import Signer
from provenance.log.identity import LogIdentity

_ANCESTORS = """
WITH RECURSIVE line AS (
  SELECT predecessor_id, start_size FROM logs WHERE log_id = %s
  UNION
  SELECT logs.predecessor_id, logs.start_size
  FROM logs JOIN line ON logs.log_id = line.predecessor_id
)
SELECT logs.log_id, logs.origin, logs.start_size, line.start_size
FROM line JOIN logs ON logs.log_id = line.predecessor_id
ORDER BY line.start_size DESC
"""


@dataclass(frozen=True, slots=True)
class Ancestor:
    """A log that was succeeded: its anchors up to ``end`` still count and are still followed.

    Its entries are the successor's now, so that its tree is read there.
    """

    anchoring: Anchoring
    recovery: Recovery
    start_size: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembly:
    """What all of them share."""

    connection: Connection
    chain: ChainClient
    blobs: BlobStore
    deployment: Deployment
    account: LocalAccount
    signers: Sequence[Signer]
    finality: Finality
    patience: Patience
    metrics: AnchorMetrics
    observer: StepObserver
    mark: CheckpointMark | None = None

    def promises(self, log: LogIdentity) -> Promises:
        """Where to look for what ``log`` has signed; ``signers`` are its own."""
        return Promises(
            self.blobs,
            origin=log.origin,
            verifiers=[signer.verifier() for signer in self.signers],
            mark=self.mark,
        )

    def session(self, log: LogIdentity) -> Session:
        """Return the session of ``log``."""
        registry = registry_at(
            self.chain, self.deployment.contract, start_block=self.deployment.start_block
        )
        journal = Journal(self.connection, chain_id=self.deployment.identity.chain_id)
        return Session(
            connection=self.connection,
            log=log,
            registry=registry,
            registry_log=registry_log_id(log.origin),
            store=AnchorStore(self.connection, log.log_id),
            tree=StoredTree(self.connection, log.log_id),
            journal=journal,
            courier=Courier(
                registry,
                journal,
                chain_id=self.deployment.identity.chain_id,
                patience=self.patience,
            ),
            batches=BatchWriter(self.blobs, self.connection, log_id=log.log_id, origin=log.origin),
            account=self.account,
            signers=self.signers,
            finality=self.finality,
            metrics=self.metrics,
            observer=self.observer,
            mark=self.mark,
        )

    async def ancestors(self, log: LogIdentity) -> list[Ancestor]:
        """Logs that ``log`` carries on, newest first."""
        cursor = await self.connection.execute(_ANCESTORS, (log.log_id,))
        found: list[Ancestor] = []
        for log_id, origin, start_size, end in await cursor.fetchall():
            predecessor = LogIdentity(log_id=log_id, origin=origin)
            session = replace(
                self.session(predecessor),
                tree=StoredTree(self.connection, log.log_id),
                # It was opened before the log that carries it on.
                registry=registry_at(self.chain, self.deployment.contract),
            )
            anchoring = Anchoring(session)
            found.append(
                Ancestor(
                    anchoring=anchoring,
                    recovery=Recovery(session, anchoring, self.deployment.identity),
                    start_size=start_size,
                    end=end,
                )
            )
        return found
