"""Descriptions: what a document says, as structured data that can be compared with other records.

A description is a record of its own, JSON of the media type below, kept byte for byte. It names the
document by index and hash, so that it cannot be moved to another. Amounts are decimal strings with
no more digits behind the point than the currency has; nothing here is a floating-point number.
"""

import re
from datetime import date, datetime
from typing import Annotated, Final, Literal

import msgspec

from provenance.core.errors import FormatError
from provenance.intake.choices import with_choices
from provenance.intake.documents.currencies import DIGITS
from provenance.intake.documents.errors import DescriptionError
from provenance.intake.documents.names import check_filename
from provenance.intake.strictjson import parse

MEDIA_TYPE: Final = "application/vnd.provenance.description+json"
"""Media type of a description."""
MAX_BYTES: Final = 64 << 10
"""Bytes: the longest texts in every member, escaped, still fit."""

_MAX_DEPTH: Final = 4
_MAX_VALUES: Final = 1_000
_AMOUNT: Final = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.([0-9]{1,4}))?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
)

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class Described(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The document: index of its first entry, SHA-256 of its bytes in hex."""

    first_index: Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
    sha256: Sha256


class Amount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money: ``value`` is a decimal string, ``currency`` its ISO 4217 code."""

    role: Literal["declared", "invoiced", "insured"]
    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Sum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Money without a role."""

    currency: Annotated[str, msgspec.Meta(pattern="^[A-Z]{3}$")]
    value: Annotated[str, msgspec.Meta(min_length=1, max_length=20)]


class Party(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who takes part in what; ``id`` is an identifier of theirs, if they have one."""

    role: Literal[
        "consignor",
        "consignee",
        "seller",
        "buyer",
        "carrier",
        "broker",
        "insurer",
        "insured",
        "claimant",
        "inspector",
    ]
    name: Text
    id: Text | None = None


class Date(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When: ``at`` is a date, or a time with its offset (RFC 3339)."""

    role: Literal[
        "issued",
        "valid_from",
        "valid_until",
        "pickup",
        "delivery",
        "loss",
        "inspection",
        "signature",
    ]
    at: Annotated[str, msgspec.Meta(min_length=10, max_length=40)]


class Description(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a document says; ``weight_g`` is gross, in grams. What it does not say is absent.

    ``agreed_clearance_hours`` and ``stated_sum`` are a policy's terms of a customs-delay cover: the
    sum that is paid where clearance takes longer.
    """

    v: Literal[1]
    document: Described
    filename: Text | None = None
    issuer: Text | None = None
    signer: Text | None = None
    place: Text | None = None
    number: Text | None = None
    amounts: Annotated[tuple[Amount, ...], msgspec.Meta(max_length=20)] = ()
    weight_g: Annotated[int, msgspec.Meta(ge=0, le=10**12)] | None = None
    pieces: Annotated[int, msgspec.Meta(ge=0, le=10**6)] | None = None
    parties: Annotated[tuple[Party, ...], msgspec.Meta(max_length=20)] = ()
    dates: Annotated[tuple[Date, ...], msgspec.Meta(max_length=20)] = ()
    agreed_clearance_hours: Annotated[int, msgspec.Meta(ge=1, le=24 * 366)] | None = None
    stated_sum: Sum | None = None


def read_description(data: bytes) -> Description:
    """Read a description.

    Raises:
        FormatError: it is not strict JSON of this schema, or a value is not what it should be;
            ``where`` names the member.

    """
    value = parse(data, max_depth=_MAX_DEPTH, max_values=_MAX_VALUES)
    if _has_null(value):
        raise DescriptionError("holds null; leave out what does not apply")
    try:
        described = msgspec.convert(value, Description)
    except msgspec.ValidationError as error:
        raise _located(str(error)) from None
    for at, amount in enumerate(described.amounts):
        _check_amount(amount, where=f"/amounts/{at}")
    if described.stated_sum is not None:
        _check_amount(described.stated_sum, where="/stated_sum")
    for at, one in enumerate(described.dates):
        _check_date(one.at, where=f"/dates/{at}/at")
    if described.filename is not None:
        check_filename(described.filename, where="/filename")
    return described


def _check_amount(amount: Amount | Sum, *, where: str) -> None:
    digits = DIGITS.get(amount.currency)
    if digits is None:
        raise DescriptionError(
            "is the ISO 4217 code of a currency in use", where=f"{where}/currency"
        )
    match = _AMOUNT.fullmatch(amount.value)
    if match is None or len(match[1] or "") > digits:
        raise DescriptionError(
            f"is a decimal number such as 1234{'.' + '5' * digits if digits else ''}, with at most "
            f"{digits} digits behind the point in {amount.currency}",
            where=f"{where}/value",
        )


def _check_date(text: str, *, where: str) -> None:
    try:
        if _DATE.fullmatch(text):
            date.fromisoformat(text)
            return
        if _INSTANT.fullmatch(text):
            datetime.fromisoformat(text)
            return
    except ValueError:
        pass
    raise DescriptionError(
        "is a date (2026-03-29) or a time with its offset (2026-03-29T14:05:00+02:00)", where=where
    )


def _has_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_null(item) for item in value.values())
    if isinstance(value, list):
        return any(_has_null(item) for item in value)
    return value is None


def _located(message: str) -> FormatError:
    """msgspec writes ``… - at `$.amounts[0].role``` where the fault is."""
    text, _, path = message.partition(" - at `$")
    tokens = path.rstrip("`").replace("[", ".").replace("]", "").split(".")[1:]
    text = with_choices(text, Description, tokens)
    return DescriptionError(text, where="".join(f"/{token}" for token in tokens))
