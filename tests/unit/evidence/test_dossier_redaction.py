"""What a redacted variant keeps of a document: nothing that its withheld statement says."""

import json
from pathlib import Path
from typing import Any, cast

import pytest

from provenance.core.receipt import Receipt
from provenance.evidence.dossier.content import DossierContent, DossierDocument
from provenance.evidence.dossier.redaction import UNSTATED, Choice, redact

VECTORS = Path(__file__).parents[2] / "vectors" / "receipt.json"


@pytest.fixture(scope="module")
def receipt() -> Receipt:
    found = json.loads(VECTORS.read_text(encoding="utf-8"))
    good: str = next(case["input"] for case in found["cases"] if case["name"] == "good")
    return Receipt.decode(good.encode())


def document(receipt: Receipt, *, state: str | None = None) -> DossierDocument:
    return DossierDocument(
        receipt.index, "application/pdf", lambda: [b"x"], code="380", title="a.pdf", state=state
    )


def variant(receipt: Receipt, choice: Choice, *, state: str | None = None) -> DossierDocument:
    content = DossierContent(
        origins=("log.example/1",),
        subjects=(),
        receipts=(receipt,),
        closing=cast("Any", None),
        anchors=(),
        documents=(document(receipt, state=state),),
    )
    return redact(content, choice).documents[0]


@pytest.mark.parametrize("state", [None, "withheld", "erased"])
def test_a_document_whose_statement_is_withheld_says_nothing_of_itself(
    receipt: Receipt, state: str | None
) -> None:
    found = variant(receipt, Choice(), state=state)
    # As its receipt, which is withheld: what its keys were is content.
    assert (found.state, found.code, found.title) == ("withheld", None, None)
    assert (found.media_type, found.read) == (UNSTATED, None)


@pytest.mark.parametrize("how", ["statements", "fields"])
def test_a_document_whose_statement_is_shown_says_what_that_says(
    receipt: Receipt, how: str
) -> None:
    chosen: dict[str, Any] = {
        "statements": frozenset([receipt.index]),
        "fields": {receipt.index: ()},
    }
    found = variant(receipt, Choice(**{how: chosen[how]}))
    assert (found.state, found.code, found.title) == ("withheld", "380", None)
    assert (found.media_type, found.read) == ("application/pdf", None)


def test_a_document_that_is_shown_keeps_everything(receipt: Receipt) -> None:
    found = variant(receipt, Choice(whole=frozenset([receipt.index])))
    assert (found.state, found.code, found.title) == (None, "380", "a.pdf")
