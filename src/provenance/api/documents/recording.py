"""From a stream of bytes to a record: seal, store, shelve the key, then log.

Nothing is recorded before its bytes and its key are durable, so that a crash between any two steps
leaves no entry. What a refusal leaves is removed here, what a crash leaves by the sweep.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from provenance.api.authentication import Principal
from provenance.api.documents.answers import DocumentAnswer
from provenance.api.roles import Role
from provenance.api.services import Services
from provenance.core.digests import Salt
from provenance.core.errors import ProvenanceError
from provenance.core.statement import Ref
from provenance.intake.documents.errors import DigestError, TooManyDocumentsError
from provenance.intake.documents.statements import Content, document_statement
from provenance.log.documents import DocumentStore
from provenance.log.errors import OutcomeUnknownError, UnavailableError
from provenance.log.submissions import (
    DocumentColumns,
    Idempotency,
    Logged,
    RecordDraft,
    Submission,
)
from provenance.sealing import SealedRef, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """What a document shall be recorded as, apart from its bytes."""

    subjects: tuple[str, ...]
    type_code: str | None = None
    filename: str | None = None
    refs: tuple[Ref, ...] = ()
    supersedes: int | None = None
    describes: int | None = None
    digest: bytes | None = None

    @property
    def facts(self) -> Sequence[str]:
        """What makes it another record with the same bytes."""
        return (
            f"type {self.type_code}",
            f"supersedes {self.supersedes}",
            f"describes {self.describes}",
            *sorted(self.subjects),
        )


class Recorder:
    """Records documents of any kind."""

    def __init__(self, services: Services, store: DocumentStore) -> None:
        self._services = services
        self._store = store

    def require_open(self) -> None:
        """Refuse before a long body is read.

        Raises:
            UnavailableError: nothing can be written now.

        """
        if not self._services.writer.is_open:
            raise UnavailableError("the log takes no writes at the moment", retry_after=2)

    async def record(
        self,
        source: AsyncIterator[bytes],
        intent: Intent,
        principal: Principal,
        *,
        media_type: Callable[[], str],
        idempotency_key: str | None,
    ) -> DocumentAnswer:
        """Record ``source``; ``media_type`` is asked once it was read to its end.

        Raises:
            DigestError: it has not the announced hash.
            TooManyDocumentsError: the organisation has recorded as many as are taken.
            IdempotencyConflictError: the Idempotency-Key was used for something else.
            ProvenanceError: what ``source`` raises, and what logging it can meet.

        """
        full = await self._full(intent, principal)
        vault = self._services.vault
        stored = await vault.store(source)
        sealed: SealedRef | None = None
        try:
            if intent.digest is not None and intent.digest != stored.sha256:
                raise DigestError(
                    f"the bytes that arrived have the SHA-256 {stored.sha256.hex()}, announced "
                    f"was {intent.digest.hex()}; send them again"
                )
            salt = Salt(self._services.random_bytes(32))
            sealed = await vault.shelve(stored, payload_salt=salt, filename=intent.filename)
            content = Content(sha256=stored.sha256, size=stored.size, media_type=media_type())
            draft = self._draft(content, intent, principal, salt=salt, sealed=sealed)
            # What is there already gets its first answer.
            if full is not None and not await self._store.is_recorded(draft.dedup_key):
                raise full
            logged = await self._submit(draft, intent, principal, idempotency_key)
        except OutcomeUnknownError:
            # It may be in the log, with this key and these bytes.
            raise
        except ProvenanceError:
            await self._discard(stored, sealed)
            raise
        if logged.repeated or all(record is None or record.repeated for record in logged.records):
            await self._discard(stored, sealed)
        return _answer(content, intent, logged)

    async def _full(self, intent: Intent, principal: Principal) -> TooManyDocumentsError | None:
        """Refusal of another document, if the caller has recorded as many as are taken.

        Those that are on their way at the same time are not counted: it bounds a flood, not the last
        dozen.
        """
        limits = self._services.limits
        share = limits.carrier_share if principal.role is Role.CARRIER else 1
        limit = share * limits.max_documents_per_subject
        subject = await self._store.full(
            intent.subjects, submitter=principal.organisation, limit=limit
        )
        return None if subject is None else TooManyDocumentsError(subject, limit=limit)

    def _draft(
        self,
        content: Content,
        intent: Intent,
        principal: Principal,
        *,
        salt: Salt,
        sealed: SealedRef,
    ) -> RecordDraft:
        submitter, keys = str(principal.organisation), self._services.event_keys
        facts = (content.media_type, *intent.facts)
        return RecordDraft(
            submitter=principal.organisation,
            subjects=intent.subjects,
            statement=document_statement(
                content,
                subjects=intent.subjects,
                submitter=submitter,
                payload_salt=salt,
                type_code=intent.type_code,
                refs=intent.refs,
            ),
            sealed=sealed,
            dedup_key=keys.document_key(submitter=submitter, facts=facts, sha256=content.sha256),
            content_mac=keys.document_key(submitter="", facts=(), sha256=content.sha256),
            document=DocumentColumns(supersedes=intent.supersedes, describes=intent.describes),
        )

    async def _submit(
        self, draft: RecordDraft, intent: Intent, principal: Principal, key: str | None
    ) -> Logged:
        idempotency = None
        if key is not None:
            facts = draft.dedup_key.hex(), intent.filename or ""
            mac = self._services.event_keys.document_key(
                submitter=str(principal.organisation), facts=facts, sha256=draft.content_mac
            )
            idempotency = Idempotency(key=key, content_mac=mac)
        return await self._services.writer.submit(
            Submission(submitter=principal.organisation, records=(draft,), idempotency=idempotency)
        )

    async def _discard(self, stored: Stored, sealed: SealedRef | None) -> None:
        # What cannot be removed now is removed by the sweep; the caller's answer stands.
        with suppress(ProvenanceError):
            await self._services.vault.discard(stored, sealed)


def _answer(content: Content, intent: Intent, logged: Logged) -> DocumentAnswer:
    # Without a record the request was answered before, and what it recorded was erased since.
    record = logged.records[0]
    place = logged if record is None else record
    return DocumentAnswer(
        first_index=place.first_index,
        count=place.count,
        at=place.at,
        subjects=list(intent.subjects),
        media_type=content.media_type,
        size=content.size,
        sha256=content.sha256.hex(),
        type=intent.type_code,
        repeated=place.repeated or logged.repeated,
        acknowledgement=logged.acknowledgement,
    )
