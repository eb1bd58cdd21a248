"""What can go wrong with sealed payloads."""

from provenance.core.errors import ProvenanceError


class SealingError(ProvenanceError):
    """Root of the errors of this package."""

    code = "sealing-error"


class AlteredError(SealingError):
    """Sealed bytes that are not what was sealed: changed, cut, extended, or under another key."""

    code = "sealed-bytes-altered"


class KeyGoneError(SealingError):
    """The key was destroyed, and with it what it opens."""

    code = "sealed-key-gone"


class ShelfError(SealingError):
    """The key shelf cannot be used; check its folder, its free space and the master key."""

    code = "key-shelf-failed"


class DamagedDocumentError(SealingError):
    """What is kept of a document is not what was recorded; ``first_index`` is its first entry."""

    code = "document-damaged"

    def __init__(self, first_index: int) -> None:
        super().__init__(
            f"the document of entry {first_index} was altered or lost where it is kept, and "
            "cannot be given out; the operator has to put its object back from a backup"
        )
        self.first_index = first_index
