"""Redacted variants: chosen documents, events and fields, the rest in its place as withheld.

Rules: no entry is left out, so that the trails stay whole. What is not chosen loses everything
that opens it: statement and salt of its receipts, its payload, its title. A salt that was given
away opens for ever, so that a variant is made from the whole content, never from another variant.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from provenance.core.errors import BadValueError
from provenance.core.fields import DisclosedField
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.content import DossierContent, DossierDocument


@dataclass(frozen=True, slots=True)
class Choice:
    """What a recipient is shown, by the index of an entry.

    ``whole`` are entries that are shown with their payload; ``statements`` those of which only the
    statement is; ``fields`` those of which the statement and some fields are. An entry that is in
    none of them is withheld. The case and the report are left out unless ``with_case``.
    """

    whole: frozenset[int] = frozenset()
    statements: frozenset[int] = frozenset()
    fields: Mapping[int, tuple[DisclosedField, ...]] = field(default_factory=dict)
    with_case: bool = False


def withhold(receipt: Receipt) -> Receipt:
    """Receipt that proves place and order only. What is erased stays erased.

    The trail head stays: it names the subject, which a recipient of the dossier knows.
    """
    if receipt.state is not None:
        return receipt
    return replace(
        receipt, state="withheld", statement=None, salt=None, payload=None, fields=(), ext=None
    )


def redact(content: DossierContent, choice: Choice) -> DossierContent:
    """Content of the variant that shows what ``choice`` says.

    Trail heads of withheld entries are kept only for the dossier's own subjects.

    Raises:
        BadValueError: an entry is chosen that the content does not have, or in two ways.

    """
    _check(content, choice)
    subjects = frozenset(content.subjects)
    erased = frozenset(item.index for item in content.receipts if item.state == "erased")
    return replace(
        content,
        receipts=tuple(_receipt(item, choice, subjects) for item in content.receipts),
        documents=tuple(
            _document(item, choice, is_erased=item.record in erased) for item in content.documents
        ),
        events=tuple(item for item in content.events if item.record in choice.whole),
        case=content.case if choice.with_case else None,
        case_file=content.case_file if choice.with_case else None,
        report=content.report if choice.with_case else None,
    )


def _receipt(receipt: Receipt, choice: Choice, subjects: frozenset[str]) -> Receipt:
    index = receipt.index
    if index in choice.whole or receipt.state is not None:
        return receipt
    if index in choice.statements:
        return replace(receipt, payload=None, fields=(), ext=None)
    if index in choice.fields:
        return replace(receipt, payload=None, fields=choice.fields[index], ext=None)
    hidden = withhold(receipt)
    statement = receipt.statement
    if statement is not None and statement.subject not in subjects:
        return replace(hidden, trail_head=None)
    return hidden


def _document(document: DossierDocument, choice: Choice, *, is_erased: bool) -> DossierDocument:
    """Line of a document; ``is_erased`` says whether its receipt does so too."""
    if document.record in choice.whole or is_erased:
        return document
    shown = document.record in choice.statements or document.record in choice.fields
    code = document.code if shown else None
    state = (document.state if shown else None) or "withheld"
    return replace(document, read=None, title=None, code=code, state=state)


def _check(content: DossierContent, choice: Choice) -> None:
    known = {receipt.index for receipt in content.receipts}
    chosen = [*choice.whole, *choice.statements, *choice.fields]
    strangers = set(chosen) - known
    if strangers:
        raise BadValueError("the dossier has no such entry", where=str(min(strangers)))
    if len(set(chosen)) != len(chosen):
        raise BadValueError("an entry is chosen in two ways", where="choice")
