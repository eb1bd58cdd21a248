"""Why something was not erased."""

from provenance.core.errors import ProvenanceError
from provenance.evidence.excerpts import excerpt


class ErasureError(ProvenanceError):
    """Root of this package's errors."""

    code = "erasure-error"


class ErasureListError(ErasureError):
    """An erasure list that was altered, or cannot be read or written."""

    code = "erasure-list-unusable"


class KeptError(ErasureError):
    """Something keeps a record; ``first_index`` names the record, ``case`` the case that it is for."""

    code = "kept"

    def __init__(self, message: str, *, first_index: int, case: str) -> None:
        super().__init__(message)
        self.first_index = first_index
        self.case = case


class HeldError(KeptError):
    """A legal hold keeps a record."""

    code = "under-legal-hold"

    def __init__(self, *, first_index: int, case: str, reason: str, author: str | None) -> None:
        by = "" if author is None else f", by {author}"
        super().__init__(
            f"record {first_index} is under the legal hold of {case} ({excerpt(reason)}{by}); nothing was "
            "erased: release the hold, or leave the record out",
            first_index=first_index,
            case=case,
        )


class OpenCaseError(KeptError):
    """A case that is not closed keeps a record from retention."""

    code = "in-open-case"

    def __init__(self, *, first_index: int, case: str) -> None:
        super().__init__(
            f"{case} is not closed and rests on record {first_index}; nothing was erased: retention "
            "takes it once the case is closed",
            first_index=first_index,
            case=case,
        )


class NothingToEraseError(ErasureError):
    """No record that could be erased was named."""

    code = "nothing-to-erase"


class RetentionError(ErasureError):
    """A file of retention periods that is not as it should be."""

    code = "retention-refused"
