"""Descriptions: strict JSON of one schema; money without rounding, dates that exist."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.core.errors import DuplicateMemberError, FormatError, TooDeepError
from provenance.intake.documents.currencies import DIGITS
from provenance.intake.documents.description import Amount, read_description
from provenance.intake.documents.errors import DescriptionError

DOCUMENT = {"first_index": 17, "sha256": "ab" * 32}


def encoded(**members: Any) -> bytes:
    return json.dumps({"v": 1, "document": DOCUMENT, **members}).encode()


def test_everything_that_it_says_is_read() -> None:
    found = read_description(
        encoded(
            filename="invoice.pdf",
            issuer="Glas GmbH",
            signer="A. Muster",
            place="Hamburg",
            number="R-2026-17",
            amounts=[{"role": "insured", "currency": "USD", "value": "1200.5"}],
            weight_g=12_500,
            pieces=3,
            parties=[{"role": "consignee", "name": "B. Beispiel", "id": "DE1"}],
            dates=[
                {"role": "issued", "at": "2028-02-29"},
                {"role": "delivery", "at": "2026-03-29T14:05:00.123+02:00"},
            ],
        )
    )
    assert (found.document.first_index, found.document.sha256) == (17, "ab" * 32)
    assert found.amounts == (Amount(role="insured", currency="USD", value="1200.5"),)
    assert (found.weight_g, found.pieces, found.signer) == (12_500, 3, "A. Muster")
    assert [one.at for one in found.dates] == ["2028-02-29", "2026-03-29T14:05:00.123+02:00"]


@pytest.mark.parametrize(
    ("currency", "value"),
    [("JPY", "100"), ("EUR", "0.01"), ("EUR", "0"), ("KWD", "1.005"), ("CLF", "1.0005")],
)
def test_an_amount_has_as_many_digits_as_its_currency(currency: str, value: str) -> None:
    amounts = [{"role": "declared", "currency": currency, "value": value}]
    assert read_description(encoded(amounts=amounts)).amounts[0].value == value


@pytest.mark.parametrize("currency", ["JPY", "EUR", "KWD", "CLF"])
def test_one_digit_more_is_refused(currency: str) -> None:
    value = "1." + "5" * (DIGITS[currency] + 1)
    amounts = [{"role": "declared", "currency": currency, "value": value}]
    with pytest.raises(DescriptionError) as refused:
        read_description(encoded(amounts=amounts))
    assert refused.value.where == "/amounts/0/value"


@pytest.mark.parametrize(
    "value", ["", "1,5", "1.", ".5", "01", "-1", "+1", "1e3", "1_000", " 1", "NaN", "٣", "9" * 16]
)
def test_what_is_no_plain_decimal_number_is_refused(value: str) -> None:
    amounts = [{"role": "declared", "currency": "EUR", "value": value}]
    with pytest.raises(DescriptionError):
        read_description(encoded(amounts=amounts))


@pytest.mark.parametrize(
    "at",
    [
        "2026-02-29",
        "2026-13-01",
        "20260301",
        "2026-W10-1",
        "2026-03-29T14:05:00",
        "2026-03-29T25:00:00Z",
        "2026-03-29 14:05:00Z",
        "tomorrow, at noon",
    ],
)
def test_a_date_that_is_none_is_refused(at: str) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_description(encoded(dates=[{"role": "issued", "at": at}]))
    assert refused.value.where == "/dates/0/at"


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", FormatError),
        (b"[]", DescriptionError),
        (b'{"v":1}', DescriptionError),
        (encoded(v=2), DescriptionError),
        (encoded(document={**DOCUMENT, "sha256": "AB" * 32}), DescriptionError),
        (encoded(document={**DOCUMENT, "first_index": 1.5}), DescriptionError),
        (encoded(signer=None), DescriptionError),
        (encoded(signer=""), DescriptionError),
        (encoded(signer="x" * 501), DescriptionError),
        (encoded(pieces=True), DescriptionError),
        (encoded(colour="red"), DescriptionError),
        (encoded(filename="../x"), FormatError),
        (encoded(parties=[{"role": "king", "name": "x"}]), DescriptionError),
        (encoded(dates=[{"role": "issued", "at": "2026-01-01"}] * 21), DescriptionError),
        (encoded()[:-1] + b',"v":1}', DuplicateMemberError),
        (encoded(signer=[[[[["deep"]]]]]), TooDeepError),
    ],
)
def test_what_is_no_description_is_refused(data: bytes, error: type[FormatError]) -> None:
    with pytest.raises(error):
        read_description(data)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=12,
)
members = st.sampled_from(["v", "document", "amounts", "dates", "parties", "pieces", "signer", "x"])


@settings(deadline=None)
@given(st.dictionaries(members, values) | values)
def test_hostile_json_is_refused_by_name(value: object) -> None:
    try:
        read_description(json.dumps(value).encode())
    except FormatError:
        return
    raise AssertionError("nothing of this is a description")


@pytest.mark.parametrize(
    ("members", "where", "allowed"),
    [
        ({"dates": [{"role": "issue", "at": "2026-03-29"}]}, "/dates/0/role", "issued, loss"),
        (
            {"amounts": [{"role": "paid", "currency": "EUR", "value": "1"}]},
            "/amounts/0/role",
            "declared, insured, invoiced",
        ),
        ({"parties": [{"role": "x", "name": "N"}]}, "/parties/0/role", "claimant, consignee"),
    ],
)
def test_a_role_that_there_is_not_is_answered_with_those_that_there_are(
    members: dict[str, Any], where: str, allowed: str
) -> None:
    with pytest.raises(DescriptionError) as refused:
        read_description(encoded(**members))
    assert refused.value.where == where
    told = str(refused.value)
    assert "Invalid enum value" in told
    for name in allowed.split(", "):
        assert name in told.partition("it is one of ")[2].split(", ")
