"""Reads an invoice of either syntax.

UBL 2.1: OASIS, Universal Business Language 2.1, Invoice. CII: UN/CEFACT Cross Industry Invoice,
whose D16B and D22B schemas share one namespace. Of both the members are read that can be compared
with other records; what is absent stays absent.
"""

import re
from datetime import date
from decimal import Decimal
from typing import Final

from provenance.core.errors import FormatError
from provenance.evidence.clocks.calendar import is_countable
from provenance.evidence.invoices.errors import InvoiceError, NotAnInvoiceError
from provenance.evidence.invoices.model import Invoice
from provenance.evidence.invoices.xml import Element, read_xml
from provenance.evidence.money import Money, read_currency, read_decimal

UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
CII: Final = "urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"

MAX_TEXT: Final = 1_024
_GRAMS: Final = {"GRM": Decimal(1), "KGM": Decimal(1000), "TNE": Decimal(1_000_000)}
"""Units of UN/ECE Recommendation 20 that are whole grams."""
_DAY: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")


def read_invoice(data: bytes) -> Invoice:
    """Read an invoice in XML.

    Raises:
        XmlError: it is refused, is no such invoice, or holds a value that is no such value.

    """
    root = read_xml(data)
    if (root.namespace, root.name) == (UBL, "Invoice"):
        return _ubl(root)
    if (root.namespace, root.name) == (CII, "CrossIndustryInvoice"):
        return _cii(root)
    raise NotAnInvoiceError(
        f"the root is {root.name[:80]!a}; read are UBL 2.1 Invoice and UN/CEFACT Cross Industry Invoice"
    )


def _ubl(root: Element) -> Invoice:
    currency = _currency(root.said("DocumentCurrencyCode"), "DocumentCurrencyCode")
    totals = root.first("LegalMonetaryTotal")
    delivery = root.first("Delivery")
    shipment = delivery.first("Shipment") if delivery is not None else None
    return Invoice(
        syntax="UBL",
        number=_text(root.said("ID")),
        type=_text(root.said("InvoiceTypeCode")),
        issued_on=_day(root.said("IssueDate"), "IssueDate"),
        currency=currency,
        total=_amount(totals, currency, "TaxInclusiveAmount", "PayableAmount"),
        net=_amount(totals, currency, "TaxExclusiveAmount", "LineExtensionAmount"),
        seller=_ubl_party(root.first("AccountingSupplierParty", "Party")),
        buyer=_ubl_party(root.first("AccountingCustomerParty", "Party")),
        consignee=_ubl_party(delivery.first("DeliveryParty") if delivery is not None else None),
        delivered_on=(
            _day(delivery.said("ActualDeliveryDate"), "ActualDeliveryDate")
            if delivery is not None
            else None
        ),
        weight_g=_weight(shipment, "GrossWeightMeasure"),
        pieces=_pieces(shipment, "TotalTransportHandlingUnitQuantity"),
        shipments=_texts(shipment.said("ID") if shipment is not None else ""),
    )


def _ubl_party(party: Element | None) -> str:
    if party is None:
        return ""
    return _text(
        party.said("PartyLegalEntity", "RegistrationName") or party.said("PartyName", "Name")
    )


def _cii(root: Element) -> Invoice:
    document = root.first("ExchangedDocument") or Element("", "", {})
    trade = root.first("SupplyChainTradeTransaction") or Element("", "", {})
    agreement = trade.first("ApplicableHeaderTradeAgreement") or Element("", "", {})
    delivery = trade.first("ApplicableHeaderTradeDelivery") or Element("", "", {})
    settlement = trade.first("ApplicableHeaderTradeSettlement") or Element("", "", {})
    consignment = delivery.first("RelatedSupplyChainConsignment")
    currency = _currency(settlement.said("InvoiceCurrencyCode"), "InvoiceCurrencyCode")
    totals = settlement.first("SpecifiedTradeSettlementHeaderMonetarySummation")
    happened = "ActualDeliverySupplyChainEvent", "OccurrenceDateTime", "DateTimeString"
    return Invoice(
        syntax="CII",
        number=_text(document.said("ID")),
        type=_text(document.said("TypeCode")),
        issued_on=_day(document.said("IssueDateTime", "DateTimeString"), "IssueDateTime"),
        currency=currency,
        total=_amount(totals, currency, "GrandTotalAmount", "DuePayableAmount"),
        net=_amount(totals, currency, "TaxBasisTotalAmount", "LineTotalAmount"),
        seller=_text(agreement.said("SellerTradeParty", "Name")),
        buyer=_text(agreement.said("BuyerTradeParty", "Name")),
        consignee=_text(delivery.said("ShipToTradeParty", "Name")),
        delivered_on=_day(delivery.said(*happened), "OccurrenceDateTime"),
        weight_g=_weight(consignment, "GrossWeightMeasure"),
        pieces=_pieces(consignment, "PackageQuantity"),
        shipments=_texts(consignment.said("ID") if consignment is not None else ""),
    )


def _amount(totals: Element | None, currency: str | None, *names: str) -> Money | None:
    """Return the first of ``names`` that is there; its own currency counts before the document's."""
    for name in names:
        found = totals.first(name) if totals is not None else None
        if found is None or not found.text.strip():
            continue
        own = _currency(found.attributes.get("currencyID", ""), name) or currency
        if own is None:
            raise InvoiceError("an amount without a currency", where=name)
        try:
            return Money(own, read_decimal(found.text.strip(), where=name))
        except FormatError as error:
            raise InvoiceError(str(error)) from None
    return None


def _currency(text: str, where: str) -> str | None:
    if not text:
        return None
    try:
        return read_currency(text, where=where)
    except FormatError as error:
        raise InvoiceError(str(error)) from None


def _weight(element: Element | None, name: str) -> int | None:
    """Return grams; None where the unit is another, or they are not whole."""
    found = element.first(name) if element is not None else None
    unit = None if found is None else _GRAMS.get(found.attributes.get("unitCode", ""))
    if found is None or unit is None:
        return None
    grams = _decimal(found.text.strip(), name) * unit
    return int(grams) if grams == int(grams) and grams >= 0 else None


def _pieces(element: Element | None, name: str) -> int | None:
    text = element.said(name) if element is not None else ""
    if not text:
        return None
    count = _decimal(text, name)
    return int(count) if count == int(count) and count >= 0 else None


def _decimal(text: str, where: str) -> Decimal:
    try:
        return read_decimal(text, where=where)
    except FormatError as error:
        raise InvoiceError(str(error)) from None


def _day(text: str, where: str) -> date | None:
    """Return a date, written with hyphens (UBL) or without (CII, format 102)."""
    if not text:
        return None
    found = _DAY.match(text)
    try:
        day = date(int(found[1]), int(found[2]), int(found[3])) if found is not None else None
    except ValueError:
        day = None
    if day is None or not is_countable(day):
        raise InvoiceError("is no date", where=where)
    return day


def _text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise InvoiceError(f"a text of more than {MAX_TEXT} characters")
    return " ".join(text.split())


def _texts(text: str) -> tuple[str, ...]:
    return (_text(text),) if text else ()
