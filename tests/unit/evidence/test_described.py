"""Descriptions of documents: read strictly, in both forms of their dates."""

from datetime import date
from typing import Any

import pytest

from provenance.core.errors import FormatError
from provenance.core.jcs import canonicalize
from provenance.evidence.described import Described

BASE: dict[str, Any] = {"v": 1, "document": {"first_index": 5, "sha256": "ab" * 32}}


def read(**members: Any) -> Described:
    return Described.decode(canonicalize({**BASE, **members}))


def test_everything_that_it_can_say_is_read() -> None:
    found = read(
        filename="a.pdf",
        number="17",
        issued_on="2025-05-30",
        amounts=[{"role": "insured", "currency": "JPY", "value": "1000"}],
        weight_g=0,
        pieces=2,
        parties=[{"role": "insured", "name": "Nora Example", "id": "X1"}],
        dates={"policy_from": "2025-01-01", "policy_to": "2025-12-31"},
    )
    assert (found.document, found.weight_g, found.pieces) == (5, 0, 2)
    assert f"{found.amounts[0][1]}" == "JPY 1000"
    assert found.parties == (("insured", "Nora Example"),)
    assert found.issued_on == date(2025, 5, 30)
    assert dict(found.dates) == {"policy_from": date(2025, 1, 1), "policy_to": date(2025, 12, 31)}


def test_dates_may_come_as_a_list_of_roles() -> None:
    found = read(
        dates=[
            {"role": "issued", "at": "2025-05-30"},
            {"role": "valid_until", "at": "2025-12-31T23:59:59+01:00"},
        ]
    )
    assert found.issued_on == date(2025, 5, 30)
    assert dict(found.dates) == {"policy_to": date(2025, 12, 31)}


@pytest.mark.parametrize(
    ("members", "where"),
    [
        ({"document": {"first_index": 5}}, "/document/sha256"),
        ({"weight_g": -1}, "/weight_g"),
        ({"weight_g": 10**13}, "/weight_g"),
        ({"issued_on": "30.05.2025"}, "/issued_on"),
        ({"issued_on": "0001-01-01"}, "/issued_on"),
        ({"amounts": [{"role": "paid", "currency": "EUR", "value": "1"}]}, "/amounts/0/role"),
        (
            {"amounts": [{"role": "insured", "currency": "eur", "value": "1"}]},
            "/amounts/0/currency",
        ),
        ({"amounts": [{"role": "insured", "currency": "EUR", "value": "01"}]}, "/amounts/0/value"),
        ({"parties": [{"role": "insured", "name": " "}]}, "/parties/0/name"),
        ({"dates": {"born": "2025-01-01"}}, "/dates/born"),
        ({"dates": [{"role": "issued", "at": "later"}]}, "/dates/0/at"),
        ({"colour": "red"}, "/colour"),
    ],
)
def test_what_it_cannot_say_is_refused_by_name(members: dict[str, Any], where: str) -> None:
    with pytest.raises(FormatError) as caught:
        read(**members)
    assert caught.value.where == where
