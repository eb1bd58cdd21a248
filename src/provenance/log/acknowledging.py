"""Signed acknowledgements: what a submitter can hold against the log.

Ed25519 is deterministic and everything in the text is stored, so that a repeated request gets the
very bytes of its first answer (as long as the log's keys are the same).
"""

from collections.abc import Sequence

from provenance.core.digests import RootHash
from provenance.core.notes import Acknowledgement, NoteSigner, Signer
from provenance.core.tree import root_of
from provenance.log.planning import Answer
from provenance.log.submissions import Logged, LoggedRecord


class Acknowledger:
    """Signs for one origin."""

    def __init__(self, *, origin: str, signers: Sequence[Signer]) -> None:
        self._origin = origin
        self._signer = NoteSigner(signers)

    def acknowledge(self, promised: LoggedRecord) -> str:
        """Signed promise for a range of entries."""
        leaves = promised.leaf_hashes
        root = RootHash(leaves[0]) if len(leaves) == 1 else root_of(leaves)
        return self._signer.sign(
            Acknowledgement(
                origin=self._origin,
                first_index=promised.first_index,
                count=promised.count,
                at=promised.at,
                root=root,
            ).text()
        )

    def logged(self, answer: Answer) -> Logged:
        """What the submitter is told."""
        promised = answer.acknowledged
        return Logged(
            records=answer.records,
            conflicts=answer.conflicts,
            first_index=promised.first_index if promised else answer.new.first_index,
            count=promised.count if promised else 0,
            at=promised.at if promised else answer.new.at,
            acknowledgement=self.acknowledge(promised) if promised else None,
            repeated=answer.repeated,
            finished_at=answer.new.at,
            job_id=answer.new.job_id,
        )
