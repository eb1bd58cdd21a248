"""Documents as they are answered; times in milliseconds since the epoch, sizes in bytes."""

from typing import Literal

import msgspec


class DocumentAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a document, or a description of one, is in the log.

    It has the entries ``[first_index, first_index + count)``, one for each of ``subjects``.
    ``sha256`` is of its bytes, in hex. ``repeated``: it was there before, and this is the first
    answer; ``acknowledgement`` is the signed promise.
    """

    first_index: int
    count: int
    at: int
    subjects: list[str]
    media_type: str
    size: int
    sha256: str
    acknowledgement: str | None
    type: str | None = None
    repeated: bool = False


class DocumentItem(msgspec.Struct, frozen=True, omit_defaults=True):
    """One document of a list. Of an erased one its place is told, and when and why it was erased.

    ``descriptions`` and ``superseded_by`` are first indexes of the records that describe it and of
    its newer versions. ``beside`` are other newer versions of what it supersedes: uploads that did
    not know of each other, each of them current until one supersedes it.
    """

    first_index: int
    at: int
    state: Literal["current", "superseded", "erased"]
    type: str | None = None
    type_name: str | None = None
    media_type: str | None = None
    size: int | None = None
    filename: str | None = None
    supersedes: int | None = None
    superseded_by: list[int] = []
    beside: list[int] = []
    descriptions: list[int] = []
    erased_at: int | None = None
    erased_ground: str | None = None


class Documents(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of documents, newest first; ``next`` is the token of the page after it."""

    documents: list[DocumentItem]
    next: str | None = None


class DocumentTypeItem(msgspec.Struct, frozen=True):
    """A code of UNTDID 1001 and its name."""

    code: str
    name: str


class DocumentTypes(msgspec.Struct, frozen=True):
    """Types that were found, the best match first."""

    types: list[DocumentTypeItem]
