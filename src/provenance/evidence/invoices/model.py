"""What is read out of an invoice, of whichever syntax."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from provenance.evidence.money import Money


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice. ``total`` is the amount with tax, ``net`` without; ``weight_g`` gross, in grams."""

    syntax: Literal["UBL", "CII"]
    number: str = ""
    type: str = ""
    issued_on: date | None = None
    currency: str | None = None
    total: Money | None = None
    net: Money | None = None
    seller: str = ""
    buyer: str = ""
    consignee: str = ""
    delivered_on: date | None = None
    weight_g: int | None = None
    pieces: int | None = None
    shipments: tuple[str, ...] = ()
