"""A record with the newest block hash, logged while nothing else is.

Anchored like any other, it leaves no hour in which an entry could have been put in afterwards
without anybody's noticing: the block hash could not be known before, the anchor not after.
"""

from collections.abc import Awaitable, Callable
from uuid import UUID

from provenance.chain.types import Block
from provenance.core.digests import Salt, sha256
from provenance.core.jcs import canonicalize
from provenance.core.statement import Statement, payload_commitment
from provenance.log.submissions import RecordDraft, Submission
from provenance.log.writer import LogWriter

MEDIA_TYPE = "application/json"


def heartbeat_subject(origin: str) -> str:
    """Subject of a log's heartbeats: the log itself."""
    return f"urn:provenance:log:{origin}"


class Heartbeat:
    """Logs heartbeats of one log in the name of ``submitter``, the operator's organisation.

    It is asked for each time: a refill may have brought back the id that it had before.
    """

    def __init__(
        self,
        writer: LogWriter,
        *,
        origin: str,
        chain_id: int,
        submitter: Callable[[], Awaitable[UUID]],
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._writer = writer
        self._origin = origin
        self._chain_id = chain_id
        self._submitter = submitter
        self._random_bytes = random_bytes

    async def log(self, block: Block, *, checked_size: int) -> None:
        """Log the newest block, on a log of ``checked_size`` that the fence has just passed.

        Raises:
            LogError: the log did not take it.

        """
        self._writer.open(checked_size=checked_size)
        submitter = await self._submitter()
        payload = canonicalize(
            {
                "block_hash": block.hash.hex(),
                "block_number": block.number,
                "block_time": block.time,
                "chain_id": self._chain_id,
            }
        )
        salt = Salt(self._random_bytes(32))
        subject = heartbeat_subject(self._origin)
        statement = Statement(
            kind="heartbeat",
            subject=subject,
            submitter=str(submitter),
            media_type=MEDIA_TYPE,
            payload=payload_commitment(payload, salt=salt),
            payload_size=len(payload),
        )
        draft = RecordDraft(
            submitter=submitter,
            subjects=(subject,),
            statement=statement,
            payload=payload,
            payload_salt=salt,
            # It is never repeated; what the fingerprint would protect is public.
            dedup_key=self._random_bytes(32),
            content_mac=sha256(payload),
        )
        await self._writer.submit(Submission(submitter=submitter, records=(draft,)))
