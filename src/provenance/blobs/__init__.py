"""Objects by path: files by default, any of obstore's object stores behind the same calls."""

from provenance.blobs.errors import BlobError, BlobNotFoundError, BlobStoreError
from provenance.blobs.store import BlobInfo, BlobStore

__all__ = ["BlobError", "BlobInfo", "BlobNotFoundError", "BlobStore", "BlobStoreError"]
