"""What can go wrong with stored objects."""

from provenance.core.errors import ProvenanceError


class BlobError(ProvenanceError):
    """Root of the errors of this package."""

    code = "blob-error"


class BlobNotFoundError(BlobError):
    """There is no object of this path."""

    code = "blob-not-found"


class BlobStoreError(BlobError):
    """The store could not be used; check its URL, its credentials and its free space."""

    code = "blob-store-failed"
