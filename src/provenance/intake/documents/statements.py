"""What the log commits to for a document, and for a description of one.

All statements of one document differ in their subject alone. A document's statement says its UNTDID
1001 code and the media type of its content; a description's, whose media type says what it is,
relies on the document's entries.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.core.digests import LeafHash, Salt
from provenance.core.errors import BadValueError
from provenance.core.statement import Ref, Statement, payload_digest_commitment
from provenance.intake.documents.types import document_types

KIND: Final = "document"
"""``kind`` of a document's statement, and of a description's."""
MAX_SUBJECTS: Final = 64
"""Shipments and parcels of one document; each is an entry, and a new version refers to all."""


@dataclass(frozen=True, slots=True)
class Content:
    """A document's bytes as they were found: SHA-256, size in bytes, media type."""

    sha256: bytes
    size: int
    media_type: str


def document_statement(
    content: Content,
    *,
    subjects: Sequence[str],
    submitter: str,
    payload_salt: Salt,
    type_code: str | None,
    refs: Iterable[Ref] = (),
) -> Statement:
    """Statement for the first of ``subjects``; ``type_code`` is None for a description."""
    return Statement(
        kind=KIND,
        subject=subjects[0],
        submitter=submitter,
        media_type=content.media_type,
        payload=payload_digest_commitment(content.sha256, salt=payload_salt),
        payload_size=content.size,
        refs=tuple(refs),
        type=type_code,
    )


def superseding(leaves: Iterable[LeafHash]) -> tuple[Ref, ...]:
    """References of a new version to every entry of the one before it."""
    return tuple(Ref(rel="supersedes", leaf=leaf) for leaf in leaves)


def relying_on(leaves: Iterable[LeafHash]) -> tuple[Ref, ...]:
    """References of a description to every entry of its document."""
    return tuple(Ref(rel="relies_on", leaf=leaf) for leaf in leaves)


def check_type(code: str, *, where: str = "type") -> str:
    """Return ``code`` if UNTDID 1001 has it.

    Raises:
        BadValueError: it has not.

    """
    if code not in document_types():
        raise BadValueError(
            "is a code of UNTDID 1001, such as 380 (commercial invoice); "
            "GET /v1/document-types?q=… finds them",
            where=where,
        )
    return code
