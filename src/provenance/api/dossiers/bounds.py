"""How much one dossier holds, and what to do where there is more.

Rules: bounds are looked at before anything is read, by what the trails of the case and its shipments
have, and again once their parcels are known. A dossier of chosen records needs no line for a
document that is withheld, and not every trail of a timeline: it is bounded by its entries alone.
"""

from collections.abc import Collection
from typing import Final

from provenance.evidence.cases.extent import CASE_LIMITS
from provenance.evidence.dossier.redaction import MAX_DOCUMENTS
from provenance.evidence.errors import DossierDocumentsError, DossierTooLargeError

MAX_ENTRIES: Final = 50_000
"""Receipts of one dossier: some 500 MB while it is made, four times the largest planned case."""


def check_length(lengths: Collection[int], *, is_chosen: bool) -> None:
    """Refuse trails of these many entries; ``is_chosen`` where records are chosen of them.

    Raises:
        DossierTooLargeError: they have more than one dossier holds, or than a timeline is followed.

    """
    if sum(lengths) > MAX_ENTRIES:
        raise DossierTooLargeError(
            f"it has at least {sum(lengths)} entries, and one dossier holds {MAX_ENTRIES}: write one for "
            "each parcel"
        )
    longest = max(lengths, default=0)
    if not is_chosen and longest > CASE_LIMITS.records:
        raise DossierTooLargeError(
            f"a trail of it has {longest} entries, and {CASE_LIMITS.records} are followed to its "
            "parcels: choose records (`only`, or --record), or write one for each parcel"
        )


def check_documents(found: int) -> None:
    """Refuse so many documents to show.

    Raises:
        DossierDocumentsError: one dossier does not list them.

    """
    if found > MAX_DOCUMENTS:
        raise DossierDocumentsError(found, limit=MAX_DOCUMENTS)
