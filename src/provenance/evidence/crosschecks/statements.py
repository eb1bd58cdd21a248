"""Takes from documents what they say about value, weight, pieces, parties and dates."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from provenance.evidence.facts import DocumentFact, Proof
from provenance.evidence.money import Money

INVOICES: Final = frozenset({"380", "325", "935"})
DECLARATIONS: Final = frozenset({"929", "930", "830", "960", "950"})
POLICIES: Final = frozenset({"520", "530"})
_READABLE: Final = frozenset({Proof.PROVEN, Proof.PENDING, Proof.UNCHECKED})

Source = Literal["description", "UBL", "CII", "event", "log"]


@dataclass(frozen=True, slots=True)
class Said:
    """Something that a document says about ``topic``."""

    topic: str
    value: Money | int | str | date
    document: DocumentFact
    source: Source


def statements(documents: Sequence[DocumentFact]) -> list[Said]:
    """Return all that the newest versions of documents say; erased or disproven ones say nothing."""
    return [
        said
        for document in documents
        if document.superseded_by is None and document.logged.proof in _READABLE
        for said in (*_described(document), *_invoiced(document))
    ]


def _described(document: DocumentFact) -> Iterator[Said]:
    described = document.described
    if described is None:
        return
    for role, money in described.amounts:
        yield Said(f"amount:{role}", money, document, "description")
    if described.weight_g is not None:
        yield Said("weight", described.weight_g, document, "description")
    if described.pieces is not None:
        yield Said("pieces", described.pieces, document, "description")
    for role, name in described.parties:
        yield Said(f"party:{role}", name, document, "description")
    for name, day in described.dates.items():
        yield Said(f"date:{name}", day, document, "description")
    if described.issued_on is not None:
        yield Said("date:issued_on", described.issued_on, document, "description")


def _invoiced(document: DocumentFact) -> Iterator[Said]:
    invoice = document.invoice
    if invoice is None:
        return
    if invoice.total is not None:
        yield Said("amount:invoiced", invoice.total, document, invoice.syntax)
    if invoice.weight_g is not None:
        yield Said("weight", invoice.weight_g, document, invoice.syntax)
    if invoice.pieces is not None:
        yield Said("pieces", invoice.pieces, document, invoice.syntax)
    parties = {"seller": invoice.seller, "buyer": invoice.buyer, "consignee": invoice.consignee}
    for role, name in parties.items():
        if name:
            yield Said(f"party:{role}", name, document, invoice.syntax)
    if invoice.issued_on is not None:
        yield Said("date:issued_on", invoice.issued_on, document, invoice.syntax)
    if invoice.delivered_on is not None:
        yield Said("date:delivered_on", invoice.delivered_on, document, invoice.syntax)
