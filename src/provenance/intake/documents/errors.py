"""Why a document is not taken, and what would be."""

from provenance.core.errors import FormatError, ProvenanceError


class DocumentError(ProvenanceError):
    """Root of the refusals of documents."""

    code = "document-refused"


class DocumentTypeError(DocumentError):
    """Content of a type that is not taken."""

    code = "document-type-not-taken"


class DeclaredTypeError(DocumentError):
    """Content that is not of the type that was declared."""

    code = "document-type-differs"


class EmptyDocumentError(DocumentError):
    """A document without a byte."""

    code = "empty-document"


class PolyglotError(DocumentError):
    """Bytes that are two things at once: another reader would see something else in them."""

    code = "polyglot-document"


class TrailingDataError(PolyglotError):
    """Bytes behind the end of an image, which are no part of it."""

    code = "trailing-data"


class BrokenDocumentError(DocumentError):
    """A document whose parts do not follow each other as its format says."""

    code = "broken-document"


class TruncatedDocumentError(DocumentError):
    """A document whose end is missing."""

    code = "truncated-document"


class DigestError(DocumentError):
    """The bytes that arrived do not have the hash that was announced."""

    code = "digest-differs"


class TooManyDocumentsError(DocumentError):
    """As many documents of one organisation about one subject as are taken."""

    code = "too-many-documents"

    def __init__(self, subject: str, *, limit: int) -> None:
        super().__init__(
            f"this organisation has recorded {limit} documents and descriptions about {subject}, "
            "which is as many as are taken: put several into one PDF, or record them about the "
            "parcel that they belong to; the operator may set PROVENANCE_DOCUMENTS_PER_SUBJECT"
        )


class NotADocumentError(DocumentError):
    """A record that is referred to as a document and is none that this key may refer to."""

    code = "no-such-document"


class DescriptionError(FormatError):
    """A description that contradicts itself or the document that it describes."""

    code = "description-refused"
