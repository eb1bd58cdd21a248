"""Why something was not erased."""

from provenance.core.errors import ProvenanceError
from provenance.evidence.excerpts import excerpt


class ErasureError(ProvenanceError):
    """Root of this package's errors."""

    code = "erasure-error"


class ErasureListError(ErasureError):
    """An erasure list that was altered, or cannot be read or written."""

    code = "erasure-list-unusable"


class HeldError(ErasureError):
    """A legal hold keeps a record; ``first_index`` names the record, ``case`` the hold's case."""

    code = "under-legal-hold"

    def __init__(self, *, first_index: int, case: str, reason: str, author: str | None) -> None:
        by = "" if author is None else f", by {author}"
        super().__init__(
            f"record {first_index} is under the legal hold of {case} ({excerpt(reason)}{by}); nothing was "
            "erased: release the hold, or leave the record out"
        )
        self.first_index = first_index
        self.case = case


class NothingToEraseError(ErasureError):
    """No record that could be erased was named."""

    code = "nothing-to-erase"


class RetentionError(ErasureError):
    """A file of retention periods that is not as it should be."""

    code = "retention-refused"
