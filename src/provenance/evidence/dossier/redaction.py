"""Redacted variants: chosen documents, events and fields, the rest in its place as withheld.

Rules: no entry is left out, so that the trails stay whole. What is not chosen loses everything
that opens it: statement and salt of its receipts, and what the statement says (code and media
type), its payload, its title. A salt that was given away opens for ever, so that a variant is made
from the whole content, never from another variant.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from provenance.core.errors import BadValueError
from provenance.core.fields import DisclosedField
from provenance.core.receipt import Receipt
from provenance.evidence.dossier.content import DossierContent, DossierDocument
from provenance.verify.dossier.container import MAX_MEMBERS
from provenance.verify.dossier.manifest import FIXED_NAMES

MAX_DOCUMENTS: Final = MAX_MEMBERS - len(FIXED_NAMES) - 2
"""Documents of one dossier: the members that it may have, but for the other parts, the manifest and
its signature."""
UNSTATED: Final = "application/octet-stream"
"""Media type of a document whose statement, which says it, is not shown or gone (RFC 2046, 4.5.1)."""


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

    The trail head stays: it names the subject, which whoever asked for the receipt knows.
    """
    if receipt.state is not None:
        return receipt
    return replace(
        receipt, state="withheld", statement=None, salt=None, payload=None, fields=(), ext=None
    )


def withhold_from(receipt: Receipt, subjects: Collection[str], *, subject: str) -> Receipt:
    """:func:`withhold` in a dossier of ``subjects`` an entry of ``subject``'s trail.

    The head of another trail would tell its recipient which one that is, and how long.
    """
    hidden = withhold(receipt)
    return hidden if subject in subjects else replace(hidden, trail_head=None)


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


def leave_unlisted(content: DossierContent) -> DossierContent:
    """Content with lines for those documents that need one, where there are too many for all.

    That is every document whose statement is open. Of the others a line says no more than the
    receipt does, whose entry proves place and order; how many they are is counted.
    """
    if len(content.documents) <= MAX_DOCUMENTS:
        return content
    opened = {item.index for item in content.receipts if item.statement is not None}
    listed = tuple(item for item in content.documents if item.record in opened)
    return replace(content, documents=listed, unlisted=len(content.documents) - len(listed))


def _receipt(receipt: Receipt, choice: Choice, subjects: frozenset[str]) -> Receipt:
    index = receipt.index
    if index in choice.whole or receipt.state is not None:
        return receipt
    if index in choice.statements:
        return replace(receipt, payload=None, fields=(), ext=None)
    if index in choice.fields:
        return replace(receipt, payload=None, fields=choice.fields[index], ext=None)
    assert receipt.statement is not None, "an entry without its statement has a state"
    return withhold_from(receipt, subjects, subject=receipt.statement.subject)


def _document(document: DossierDocument, choice: Choice, *, is_erased: bool) -> DossierDocument:
    """Line of a document; ``is_erased`` says whether its receipt does so too."""
    if document.record in choice.whole or is_erased:
        return document
    shown = document.record in choice.statements or document.record in choice.fields
    state = (document.state if shown else None) or "withheld"
    hidden = replace(document, read=None, title=None, state=state)
    return hidden if shown else replace(hidden, code=None, media_type=UNSTATED)


def _check(content: DossierContent, choice: Choice) -> None:
    known = {receipt.index for receipt in content.receipts}
    chosen = [*choice.whole, *choice.statements, *choice.fields]
    strangers = set(chosen) - known
    if strangers:
        raise BadValueError("the dossier has no such entry", where=str(min(strangers)))
    if len(set(chosen)) != len(chosen):
        raise BadValueError("an entry is chosen in two ways", where="choice")
