"""Amounts of money: a currency of ISO 4217 and a decimal; nothing is ever converted or rounded."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from provenance.evidence.errors import AmountError, CurrencyError
from provenance.intake.documents.currencies import DIGITS

_CODES: Final = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN "
    "BWP BYN BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN "
    "ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD "
    "JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT "
    "MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG "
    "QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT "
    "TND TOP TRY TTD TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VES VND VUV WST XAF XAG XAU XBA "
    "XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWG"
)
CURRENCIES: Final = frozenset(_CODES.split())
"""ISO 4217, list one, as amended to 2025 (with the codes that were in use until then)."""

_DECIMAL: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,6})?")
"""No exponent, no sign of plus, at most 18 digits before and 6 after the point."""


MAX_PAYABLE: Final = Decimal(10**15)
"""As a description of a document bounds an amount."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount."""

    currency: str
    value: Decimal

    def __str__(self) -> str:
        return f"{self.currency} {plain(self.value)}"


def read_currency(text: str, *, where: str = "") -> str:
    """Return an ISO 4217 code; raises :class:`CurrencyError`."""
    if text not in CURRENCIES:
        raise CurrencyError(
            f"{text[:16]!a} is no currency of ISO 4217; write one such as 'EUR'", where=where
        )
    return text


def read_decimal(text: str, *, where: str = "") -> Decimal:
    """Return a plain decimal number; raises :class:`AmountError`."""
    if len(text) > 32 or not _DECIMAL.fullmatch(text):
        raise AmountError(
            "is not a plain decimal number such as '123.45', with at most 18 digits before the "
            "point and 6 after it",
            where=where,
        )
    return Decimal(text)


def check_payable(money: Money, *, where: str) -> None:
    """Refuse what nobody can pay: less than nothing, or fractions of a currency's smallest unit.

    Raises:
        CurrencyError: the currency is not in use.
        AmountError: names the digits that the currency has.

    """
    digits = DIGITS.get(money.currency)
    if digits is None:
        raise CurrencyError(
            f"{money.currency} is no currency in use; write one such as 'EUR'",
            where=f"{where}/currency",
        )
    fraction = plain(money.value).partition(".")[2]
    if money.value.is_signed() or money.value >= MAX_PAYABLE or len(fraction) > digits:
        raise AmountError(
            f"is a decimal number such as 1234{'.' + '5' * digits if digits else ''}, not below "
            f"zero, with at most 15 digits before the point and {digits} behind it in "
            f"{money.currency}",
            where=f"{where}/value",
        )


def plain(value: Decimal) -> str:
    """Spell a decimal without an exponent, with the digits that it has."""
    return f"{value:f}"
