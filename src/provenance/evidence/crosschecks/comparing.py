"""Puts what is said side by side: pure."""

import unicodedata
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Final

from provenance.evidence.crosschecks.dates import date_checks
from provenance.evidence.crosschecks.model import CrossCheck, Stated, Verdict
from provenance.evidence.crosschecks.showing import MAX_SHOWN, compared
from provenance.evidence.crosschecks.statements import Said, stands, stated, statements
from provenance.evidence.facts import DocumentFact, ErasedFact, Holdings, StatedFact
from provenance.evidence.money import Money
from provenance.evidence.rules.model import RuleBook

_VALUES: Final = (
    ("value-declared-invoiced", "Declared and invoiced value", ("declared", "invoiced")),
    ("value-insured-invoiced", "Insured and invoiced value", ("insured", "invoiced")),
)
_SAME_ROLE: Final = ("declared", "invoiced", "insured", "freight")
_PARTIES: Final = ("consignor", "consignee", "buyer", "seller", "insured", "declarant")


def cross_check(
    rules: RuleBook, holdings: Holdings, *, zone: str | None, facts: Sequence[StatedFact] = ()
) -> list[CrossCheck]:
    """Return every comparison that the documents and events of a shipment allow.

    Args:
        rules: says which events are taking over, delivery, loss.
        holdings: what is recorded.
        zone: IANA name of the zone in which an event's day is meant, where it is known.
        facts: days that the claimant states.

    """
    everything = statements(holdings.documents)
    said = [one for one in everything if stands(one)]
    return [
        *_values(said),
        *_quantities(said),
        *_parties(said),
        *date_checks(rules, holdings, said, zone=zone, facts=facts),
        *_revised(everything),
        *_unreadable(holdings.documents),
        *_erased(holdings.erased),
    ]


def stated_weights(documents: Sequence[DocumentFact]) -> list[int]:
    """Gross weights in grams that the documents state, by their own word."""
    return [
        one.value
        for one in statements(documents)
        if one.topic == "weight" and one.standing == "own" and isinstance(one.value, int)
    ]


def weight_notes(documents: Sequence[DocumentFact]) -> list[str]:
    """Who states which gross weight, and what others say of it that does not count."""
    notes = []
    for one in statements(documents):
        if one.topic != "weight" or not stands(one):
            continue
        told = stated(one)
        if one.standing == "own":
            notes.append(f"{told.value} gross by record {one.first_index}{_by(told)}")
        else:
            notes.append(
                f"record {one.first_index}{_by(told)} says {told.value} of document "
                f"{told.document}, which it did not send: that does not count"
            )
    return notes[:MAX_SHOWN]


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
    by_currency: dict[str, list[Decimal]] = {}
    for one in found:
        if isinstance(one.value, Money):
            by_currency.setdefault(one.value.currency, []).append(one.value.value)
    currencies = sorted(by_currency)
    spans = [Money(name, max(by_currency[name]) - min(by_currency[name])) for name in currencies]
    differing = [span for span in spans if span.value]
    parts = []
    verdict: Verdict = "agrees"
    if len(currencies) > 1:
        verdict = "not_comparable"
        parts.append(f"in {' and '.join(currencies)}: no currency is converted here")
    if differing:
        # What else cannot be compared does not undo it.
        verdict = "differs"
        parts.insert(0, f"by {' and '.join(map(str, differing))} at most")
    return compared(
        check_id,
        title,
        [stated(one) for one in found],
        verdict=verdict,
        explanation="; ".join(parts),
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
        yield compared(
            topic,
            title,
            [stated(one) for one in found],
            verdict="agrees" if same else "differs",
            explanation="" if same else f"by {values[-1] - values[0]}{unit} at most",
        )


def _parties(said: Sequence[Said]) -> Iterator[CrossCheck]:
    for role in _PARTIES:
        found = _of(said, f"party:{role}")
        if len(found) < 2:
            continue
        names = [_plain(f"{one.value}") for one in found]
        same = all(one == other for one, other in pairwise(names))
        yield compared(
            f"party-{role}",
            f"Name of the {role}",
            [stated(one) for one in found],
            verdict="agrees" if same else "differs",
            explanation=(
                ""
                if same
                else "the names are spelled differently; whether they are one party is not decided"
            ),
        )


def _revised(said: Sequence[Said]) -> Iterator[CrossCheck]:
    """What a document's sender said of it before, where that was something else."""

    def told(one: Said) -> tuple[int, str]:
        return one.document.logged.first_index, one.topic

    own = [one for one in said if one.description is not None and one.standing != "other"]
    for (document, topic), group in groupby(sorted(own, key=told), key=told):
        found = list(group)
        now = {f"{one.value}" for one in found if stands(one)}
        earlier = [one for one in found if not stands(one) and f"{one.value}" not in now]
        if not earlier:
            continue
        newest = earlier[0].description
        assert newest is not None
        assert newest.superseded_by is not None
        yield compared(
            "revised",
            f"{_topic(topic)} of document {document}, as its sender described it before",
            [stated(one) for one in [*filter(stands, found), *earlier]],
            verdict="revised",
            explanation=(
                f"superseded by record {newest.superseded_by}"
                + ("" if now else ", which says nothing of it")
            ),
        )


def _erased(erased: Sequence[ErasedFact]) -> Iterator[CrossCheck]:
    """What cannot be compared any more: it may have said otherwise, or something newer."""
    found = [one for one in erased if one.kind != "event"]
    if found:
        yield compared(
            "erased",
            "What erased documents and descriptions said",
            [
                Stated(
                    first_index=one.logged.first_index, value=one.told, source="log", by=one.kind
                )
                for one in found
            ],
            verdict="not_comparable",
            explanation="an earlier description may stand where a newer one was erased"
            if any(one.kind == "description" for one in found)
            else "",
        )


def _topic(topic: str) -> str:
    kind, _, name = topic.partition(":")
    told = name.replace("_", " ")
    return {
        "amount": f"Amount {told}",
        "party": f"Name of the {told}",
        "date": f"Date: {told}",
    }.get(kind, {"weight": "Gross weight", "pieces": "Number of pieces"}.get(kind, kind))


def _by(told: Stated) -> str:
    return f" ({told.organisation or told.submitter})" if told.submitter else ""


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
