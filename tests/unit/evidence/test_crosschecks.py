"""Cross-checks show what contradicts itself, and resolve nothing."""

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fixtures.claims import delivery, document, event, logged, ms
from provenance.evidence.crosschecks import (
    CrossCheck,
    cross_check,
    stated_weights,
    weight_notes,
)
from provenance.evidence.described import Described
from provenance.evidence.facts import DescriptionFact, DocumentFact, EventFact, Holdings, Proof
from provenance.evidence.money import Money
from provenance.evidence.rules import built_in_rules


def says(code: str, index: int, **members: Any) -> DocumentFact:
    """A document that says something."""
    return told(document(code, "2025-01-01T00:00:00Z", index=index), said(index, **members))


def said(index: int, *, at: int | None = None, **members: Any) -> DescriptionFact:
    """The description of a document by its sender; ``at`` is its own record."""
    described = Described(document=index, sha256=bytes(32), **members)
    place = logged(index if at is None else at, ms("2025-01-01T00:00:00Z"))
    return DescriptionFact(place, described, submitter="carrier", organisation="Carrier")


def told(fact: DocumentFact, *descriptions: DescriptionFact) -> DocumentFact:
    return replace(fact, descriptions=(*fact.descriptions, *descriptions))


def amount(role: str, currency: str, value: str) -> dict[str, Any]:
    return {"amounts": ((role, Money(currency, Decimal(value))),)}


def checks(*facts: DocumentFact | EventFact, zone: str | None = None) -> dict[str, CrossCheck]:
    holdings = Holdings(
        events=tuple(fact for fact in facts if isinstance(fact, EventFact)),
        documents=tuple(fact for fact in facts if isinstance(fact, DocumentFact)),
    )
    found = cross_check(built_in_rules(), holdings, zone=zone)
    return {one.id: one for one in found}


def test_nothing_said_nothing_compared() -> None:
    assert checks(document("380", "2025-01-01T00:00:00Z")) == {}


def test_declared_and_invoiced_values_are_put_side_by_side() -> None:
    invoice = says("380", 1, **amount("invoiced", "EUR", "500.00"))
    low = says("929", 2, **amount("declared", "EUR", "49.99"))
    found = checks(invoice, low)["value-declared-invoiced"]
    assert (found.verdict, found.explanation) == ("differs", "by EUR 450.01 at most")
    assert [(one.first_index, one.value) for one in found.stated] == [
        (2, "EUR 49.99"),
        (1, "EUR 500.00"),
    ]
    same = says("929", 2, **amount("declared", "EUR", "500.0"))
    assert checks(invoice, same)["value-declared-invoiced"].verdict == "agrees"


def test_other_currencies_are_not_comparable() -> None:
    invoice = says("380", 1, **amount("invoiced", "EUR", "500.00"))
    policy = says("530", 2, **amount("insured", "USD", "500.00"))
    found = checks(invoice, policy)["value-insured-invoiced"]
    assert found.verdict == "not_comparable"
    assert found.explanation == "in EUR and USD: no currency is converted here"


def test_a_difference_within_a_currency_is_shown_beside_another_currency() -> None:
    low = says("929", 1, **amount("declared", "EUR", "100"))
    invoice = says("380", 2, **amount("invoiced", "EUR", "9000"))
    other = says("380", 3, **amount("invoiced", "USD", "9700"))
    found = checks(low, invoice, other)
    check = found["value-declared-invoiced"]
    assert check.verdict == "differs"
    assert check.explanation == (
        "by EUR 8900 at most; in EUR and USD: no currency is converted here"
    )
    assert [one.value for one in check.stated] == ["EUR 100", "EUR 9000", "USD 9700"]
    assert found["value-invoiced"].verdict == "not_comparable"
    again = says("380", 4, **amount("invoiced", "USD", "9800"))
    both = checks(low, invoice, other, again)
    assert both["value-declared-invoiced"].explanation.startswith("by EUR 8900 and USD 100 at most")
    assert both["value-invoiced"].explanation.startswith("by USD 100 at most")


def test_amounts_that_agree_in_one_currency_say_nothing_of_another() -> None:
    found = checks(
        says("929", 1, **amount("declared", "EUR", "500")),
        says("380", 2, **amount("invoiced", "EUR", "500.00")),
        says("380", 3, **amount("invoiced", "USD", "550")),
    )["value-declared-invoiced"]
    assert found.verdict == "not_comparable"
    assert found.explanation == "in EUR and USD: no currency is converted here"


def test_amounts_are_compared_exactly() -> None:
    one = says("380", 1, **amount("invoiced", "EUR", "0.1"))
    other = says("380", 2, **amount("invoiced", "EUR", "0.100001"))
    assert checks(one, other)["value-invoiced"].explanation == "by EUR 0.000001 at most"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ("Maker Ltd.", "MAKER  LTD", "agrees"),
        ("Maker Ltd", "Maker GmbH", "differs"),
        ("\uff2d\uff21\uff2b\uff25\uff32 Ltd", "maker ltd", "agrees"),
    ],
)
def test_names_are_one_party_only_where_the_spelling_says_so(
    first: str, second: str, verdict: str
) -> None:
    found = checks(
        says("380", 1, parties=(("seller", first),)), says("929", 2, parties=(("seller", second),))
    )["party-seller"]
    assert found.verdict == verdict
    assert bool(found.explanation) == (verdict == "differs")


def test_weights_and_pieces_are_compared() -> None:
    found = checks(says("740", 1, weight_g=2500, pieces=2), says("271", 2, weight_g=2400, pieces=2))
    assert (found["weight"].verdict, found["weight"].explanation) == ("differs", "by 100 g at most")
    assert found["pieces"].verdict == "agrees"


def test_superseded_and_unverifiable_documents_say_nothing() -> None:
    good = says("740", 1, weight_g=2500)
    old = replace(says("740", 2, weight_g=9999), superseded_by=1)
    bad = says("740", 3, weight_g=8888)
    bad = replace(bad, logged=replace(bad.logged, proof=Proof.DISPROVEN))
    assert stated_weights((good, old, bad)) == [2500]
    assert checks(good, old, bad) == {}


def test_a_delivery_before_its_taking_over_is_shown() -> None:
    taken_over = event("collecting", "2025-06-02T00:00:00Z", index=1)
    early = delivery("2025-06-01T00:00:00Z", index=2)
    found = checks(taken_over, early)["delivery-before-taking-over"]
    assert found.verdict == "differs"
    assert [one.first_index for one in found.stated] == [1, 2]
    fine = checks(taken_over, delivery("2025-06-03T00:00:00Z", index=2))
    assert fine["delivery-before-taking-over"].verdict == "agrees"


def test_a_policy_issued_after_the_loss_is_shown_by_days_of_the_place() -> None:
    # 23:30Z on 1 June is 2 June in Berlin: a policy of that day is not after the loss there.
    loss = event("accepting", "2025-06-01T23:30:00Z", disposition="damaged")
    policy = says("530", 9, issued_on=date(2025, 6, 2))
    assert checks(loss, policy, zone="Europe/Berlin")["policy-after-loss"].verdict == "agrees"
    found = checks(loss, policy, zone="UTC")["policy-after-loss"]
    assert (found.verdict, found.explanation) == ("differs", "2025-06-02 is after 2025-06-01")


def test_an_invoice_after_its_declaration_and_a_cover_that_had_ended_are_shown() -> None:
    invoice = says("380", 1, issued_on=date(2025, 5, 30))
    declared = says("929", 2, dates={"declared_on": date(2025, 5, 20)})
    assert checks(invoice, declared)["invoice-after-declaration"].verdict == "differs"
    loss = event("accepting", "2025-06-01T12:00:00Z", disposition="damaged")
    cover = says("530", 3, dates={"policy_to": date(2025, 5, 31)})
    assert checks(loss, cover)["loss-outside-cover"].verdict == "differs"


def test_what_cannot_be_read_is_not_passed_over() -> None:
    broken = document("380", "2025-01-01T00:00:00Z", problem="xml-doctype: …")
    assert checks(broken)["unreadable"].stated[0].value == "xml-doctype: …"


def test_void_events_are_not_compared() -> None:
    taken_over = event("collecting", "2025-06-02T00:00:00Z", index=1)
    void = delivery("2025-06-01T00:00:00Z", index=2, is_void=True)
    assert checks(taken_over, void) == {}
    assert logged(1, ms("2025-06-01T00:00:00Z")).proof is Proof.PROVEN


def by_other(index: int, at: int, **members: Any) -> DescriptionFact:
    """What a member says of a document that it did not send."""
    one = said(index, at=at, **members)
    return replace(one, is_own=False, submitter="member", organisation="Member")


def test_what_others_say_of_a_document_stands_beside_its_own_word() -> None:
    waybill = told(says("740", 8, weight_g=2500), by_other(8, 12, weight_g=99_000))
    found = checks(waybill)["weight"]
    assert found.verdict == "differs"
    assert "record 12: not by who sent the document" in found.explanation
    assert [
        (one.first_index, one.document, one.value, one.standing, one.organisation)
        for one in found.stated
    ] == [(8, 8, "2500 g", "own", "Carrier"), (12, 8, "99000 g", "other", "Member")]
    assert stated_weights((waybill,)) == [2500]
    (own, other) = weight_notes((waybill,))
    assert own == "2500 g gross by record 8 (Carrier)"
    assert other.startswith("record 12 (Member) says 99000 g of document 8, which it did not send")


def test_what_others_say_alone_is_not_the_documents_word() -> None:
    described = told(document("740", "2025-01-01T00:00:00Z", index=8), by_other(8, 12, weight_g=9))
    assert stated_weights((described,)) == []
    assert len(weight_notes((described,))) == 1


def test_an_earlier_description_by_the_sender_is_shown_as_superseded() -> None:
    old = replace(said(8, at=9, weight_g=2500, pieces=1), superseded_by=10)
    waybill = told(
        document("740", "2025-01-01T00:00:00Z", index=8),
        old,
        said(8, at=10, weight_g=2600, pieces=1),
    )
    found = checks(waybill)["revised"]
    assert found.verdict == "revised"
    assert found.explanation == "superseded by record 10"
    assert [(one.first_index, one.value, one.standing) for one in found.stated] == [
        (10, "2600 g", "own"),
        (9, "2500 g", "superseded"),
    ]
    assert stated_weights((waybill,)) == [2600]


def test_a_disproven_description_gives_no_way_to_the_one_before_it() -> None:
    old = replace(said(8, at=9, weight_g=2500), superseded_by=10)
    new = said(8, at=10, weight_g=2600)
    new = replace(new, logged=replace(new.logged, proof=Proof.DISPROVEN))
    assert stated_weights((told(document("740", "2025-01-01T00:00:00Z"), old, new),)) == []


def test_of_many_statements_the_documents_own_are_shown() -> None:
    many = [by_other(8, 100 + at, weight_g=at) for at in range(40)]
    found = checks(told(says("740", 8, weight_g=2500), *many))["weight"]
    assert len(found.stated) == 16
    assert found.stated[0].standing == "own"
    assert "25 more statements are not shown" in found.explanation
