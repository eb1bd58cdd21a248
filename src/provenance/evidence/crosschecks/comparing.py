"""Puts what is said side by side: pure."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from provenance.evidence.crosschecks.dates import date_checks
from provenance.evidence.crosschecks.model import CrossCheck, Stated, Verdict
from provenance.evidence.crosschecks.statements import Said, statements
from provenance.evidence.facts import DocumentFact, Holdings
from provenance.evidence.money import Money
from provenance.evidence.rules.model import RuleBook

_VALUES: Final = (
    ("value-declared-invoiced", "Declared and invoiced value", ("declared", "invoiced")),
    ("value-insured-invoiced", "Insured and invoiced value", ("insured", "invoiced")),
)
_SAME_ROLE: Final = ("declared", "invoiced", "insured", "freight")
_PARTIES: Final = ("consignor", "consignee", "buyer", "seller", "insured", "declarant")


def cross_check(rules: RuleBook, holdings: Holdings, *, zone: str | None) -> list[CrossCheck]:
    """Return every comparison that the documents and events of a shipment allow.

    Args:
        rules: says which events are taking over, delivery, loss.
        holdings: what is recorded.
        zone: IANA name of the zone in which an event's day is meant, where it is known.

    """
    said = statements(holdings.documents)
    return [
        *_values(said),
        *_quantities(said),
        *_parties(said),
        *date_checks(rules, holdings, said, zone=zone),
        *_unreadable(holdings.documents),
    ]


def stated_weights(documents: Sequence[DocumentFact]) -> list[int]:
    """Gross weights in grams that the documents state."""
    return [
        one.value
        for one in statements(documents)
        if one.topic == "weight" and isinstance(one.value, int)
    ]


def shown(one: Said) -> Stated:
    """Return what is said, with where."""
    value = f"{one.value}"
    if one.topic == "weight":
        value += " g"
    return Stated(
        first_index=one.document.logged.first_index,
        value=value,
        source=one.source,
        by=one.document.type,
    )


def _values(said: Sequence[Said]) -> Iterator[CrossCheck]:
    for role in _SAME_ROLE:
        found = _of(said, f"amount:{role}")
        if len(found) > 1:
            yield _money_check(f"value-{role}", f"Amount {role}, by all documents", found)
    for check_id, title, (one, other) in _VALUES:
        ours, theirs = _of(said, f"amount:{one}"), _of(said, f"amount:{other}")
        if ours and theirs:
            yield _money_check(check_id, title, [*ours, *theirs])


def _money_check(check_id: str, title: str, found: Sequence[Said]) -> CrossCheck:
    amounts = [one.value for one in found if isinstance(one.value, Money)]
    currencies = sorted({money.currency for money in amounts})
    verdict: Verdict = "agrees"
    explanation = ""
    if len(currencies) > 1:
        verdict = "not_comparable"
        explanation = f"in {' and '.join(currencies)}: no currency is converted here"
    elif len({money.value for money in amounts}) > 1:
        verdict = "differs"
        values = sorted(money.value for money in amounts)
        explanation = f"by {Money(currencies[0], values[-1] - values[0])} at most"
    return CrossCheck(
        id=check_id,
        title=title,
        verdict=verdict,
        stated=[shown(one) for one in found],
        explanation=explanation,
    )


def _quantities(said: Sequence[Said]) -> Iterator[CrossCheck]:
    for topic, title, unit in (
        ("weight", "Gross weight", " g"),
        ("pieces", "Number of pieces", ""),
    ):
        found = _of(said, topic)
        if len(found) < 2:
            continue
        values = sorted(one.value for one in found if isinstance(one.value, int))
        same = values[0] == values[-1]
        yield CrossCheck(
            id=topic,
            title=title,
            verdict="agrees" if same else "differs",
            stated=[shown(one) for one in found],
            explanation="" if same else f"by {values[-1] - values[0]}{unit} at most",
        )


def _parties(said: Sequence[Said]) -> Iterator[CrossCheck]:
    for role in _PARTIES:
        found = _of(said, f"party:{role}")
        if len(found) < 2:
            continue
        names = [_plain(f"{one.value}") for one in found]
        same = all(one == other for one, other in pairwise(names))
        yield CrossCheck(
            id=f"party-{role}",
            title=f"Name of the {role}",
            verdict="agrees" if same else "differs",
            stated=[shown(one) for one in found],
            explanation=(
                ""
                if same
                else "the names are spelled differently; whether they are one party is not decided"
            ),
        )


def _unreadable(documents: Sequence[DocumentFact]) -> Iterator[CrossCheck]:
    for document in documents:
        if document.problem:
            yield CrossCheck(
                id="unreadable",
                title="Structured data that could not be read",
                verdict="not_comparable",
                stated=[
                    Stated(
                        first_index=document.logged.first_index,
                        value=document.problem,
                        source="log",
                        by=document.type,
                    )
                ],
            )


def _of(said: Sequence[Said], topic: str) -> list[Said]:
    return [one for one in said if one.topic == topic]


def _plain(name: str) -> str:
    """Spelling that differs in case, width, spaces and full stops alone is the same."""
    text = unicodedata.normalize("NFKC", name).casefold().replace(".", " ").replace(",", " ")
    return " ".join(text.split())
