"""Sealed payloads: bytes under a key of their own, which lives outside the database.

A large payload is an object of its own; a small one lies sealed in its record's row.

``stream`` is the format, ``shelf`` keeps the keys, ``vault`` brings the two and an object store
together, ``sweep`` removes what a crash left behind. docs/documents.md describes the formats.

Rules: a key seals one object. It is on the shelf, durably, before a record that refers to it is
committed, and whoever destroys it destroys the object, wherever copies of its bytes may lie. The
database holds a reference and a sealed *opening* (payload salt, hash, file name): what it, its
write-ahead log and its dumps show does not allow to guess a payload after its key is gone.

Object store and master key are Protocols here; the wiring fulfils them.
"""

from provenance.sealing.errors import (
    AlteredError,
    DamagedDocumentError,
    KeyGoneError,
    SealingError,
    ShelfError,
)
from provenance.sealing.shelf import KeyShelf
from provenance.sealing.vault import (
    Opening,
    OpenPayload,
    SealedRef,
    SealedRow,
    Stored,
    Vault,
)

__all__ = [
    "AlteredError",
    "DamagedDocumentError",
    "KeyGoneError",
    "KeyShelf",
    "OpenPayload",
    "Opening",
    "SealedRef",
    "SealedRow",
    "SealingError",
    "ShelfError",
    "Stored",
    "Vault",
]
