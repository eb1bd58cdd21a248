"""Takes from documents what they say about value, weight, pieces, parties and dates.

Each statement keeps who makes it. A document's own word is what stands in it as data, and the
newest description by whoever sent it; what others say of it stands beside that and never in its
place.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from provenance.evidence.crosschecks.model import Standing, Stated
from provenance.evidence.described import Described
from provenance.evidence.facts import DescriptionFact, DocumentFact, Proof
from provenance.evidence.invoices.model import Invoice
from provenance.evidence.money import Money

INVOICES: Final = frozenset({"380", "325", "935"})
DECLARATIONS: Final = frozenset({"929", "930", "830", "960", "950"})
POLICIES: Final = frozenset({"520", "530"})
_READABLE: Final = frozenset({Proof.PROVEN, Proof.PENDING, Proof.UNCHECKED})

Source = Literal["description", "UBL", "CII", "event", "log"]
Value = Money | int | str | date


@dataclass(frozen=True, slots=True)
class Said:
    """Something that is said in or about a document on ``topic``."""

    topic: str
    value: Value
    document: DocumentFact
    source: Source
    description: DescriptionFact | None = None

    @property
    def first_index(self) -> int:
        """The record that says it."""
        return (self.description or self.document).logged.first_index

    @property
    def standing(self) -> Standing:
        """Whose word it is."""
        if self.description is None:
            return "own"
        if not self.description.is_own:
            return "other"
        return "own" if self.description.superseded_by is None else "superseded"


def statements(documents: Sequence[DocumentFact]) -> list[Said]:
    """Return all that is said of the newest versions of documents, whoever says it.

    Erased or disproven records say nothing, and of another organisation's descriptions of one
    document only the newest does.
    """
    return [
        said
        for document in documents
        if document.superseded_by is None and document.logged.proof in _READABLE
        for said in _of_document(document)
    ]


def stands(one: Said) -> bool:
    """Whether nothing newer of the same organisation stands in its place."""
    return one.standing != "superseded"


def stated(one: Said) -> Stated:
    """Return what is said, with the record and who recorded it."""
    value = one.value.isoformat() if isinstance(one.value, date) else f"{one.value}"
    teller = one.description or one.document
    return Stated(
        first_index=one.first_index,
        value=f"{value} g" if one.topic == "weight" else value,
        source=one.source,
        by=one.document.type,
        document=None if one.description is None else one.document.logged.first_index,
        standing=one.standing,
        submitter=teller.submitter,
        organisation=teller.organisation,
    )


def _of_document(document: DocumentFact) -> Iterator[Said]:
    for description in document.descriptions:
        is_old = description.superseded_by is not None and not description.is_own
        if description.logged.proof in _READABLE and not is_old:
            for topic, value in _described(description.said):
                yield Said(topic, value, document, "description", description)
    if document.invoice is not None:
        for topic, value in _invoiced(document.invoice):
            yield Said(topic, value, document, document.invoice.syntax)


def _described(described: Described) -> Iterator[tuple[str, Value]]:
    for role, money in described.amounts:
        yield f"amount:{role}", money
    if described.weight_g is not None:
        yield "weight", described.weight_g
    if described.pieces is not None:
        yield "pieces", described.pieces
    for role, name in described.parties:
        yield f"party:{role}", name
    for name, day in described.dates.items():
        yield f"date:{name}", day
    if described.issued_on is not None:
        yield "date:issued_on", described.issued_on


def _invoiced(invoice: Invoice) -> Iterator[tuple[str, Value]]:
    if invoice.total is not None:
        yield "amount:invoiced", invoice.total
    if invoice.weight_g is not None:
        yield "weight", invoice.weight_g
    if invoice.pieces is not None:
        yield "pieces", invoice.pieces
    parties = {"seller": invoice.seller, "buyer": invoice.buyer, "consignee": invoice.consignee}
    for role, name in parties.items():
        if name:
            yield f"party:{role}", name
    if invoice.issued_on is not None:
        yield "date:issued_on", invoice.issued_on
    if invoice.delivered_on is not None:
        yield "date:delivered_on", invoice.delivered_on
