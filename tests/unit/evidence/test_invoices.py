"""Invoices in XML: both syntaxes read, and each hostile text refused by an error of its own."""

import threading
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.core.errors import FormatError
from provenance.evidence.invoices import errors
from provenance.evidence.invoices.reading import read_invoice
from provenance.evidence.invoices.xml import (
    MAX_ATTRIBUTES,
    MAX_BYTES,
    MAX_DEPTH,
    MAX_ELEMENTS,
    read_xml,
)
from provenance.evidence.money import Money

UBL = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>
  <cbc:ID> F-2025/17 </cbc:ID>
  <cbc:IssueDate>2025-05-30</cbc:IssueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party>
    <cac:PartyName><cbc:Name>Trade name</cbc:Name></cac:PartyName>
    <cac:PartyLegalEntity><cbc:RegistrationName>Maker &amp; Söhne</cbc:RegistrationName>
    </cac:PartyLegalEntity></cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cac:PartyName><cbc:Name>Buyer</cbc:Name></cac:PartyName>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:Delivery>
    <cbc:ActualDeliveryDate>2025-06-10</cbc:ActualDeliveryDate>
    <cac:DeliveryParty><cac:PartyName><cbc:Name>Consignee</cbc:Name></cac:PartyName></cac:DeliveryParty>
    <cac:Shipment><cbc:ID>WB1</cbc:ID>
      <cbc:GrossWeightMeasure unitCode="KGM">2.505</cbc:GrossWeightMeasure>
      <cbc:TotalTransportHandlingUnitQuantity>3</cbc:TotalTransportHandlingUnitQuantity>
    </cac:Shipment>
  </cac:Delivery>
  <cac:LegalMonetaryTotal>
    <cbc:LineExtensionAmount currencyID="EUR">100.00</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="EUR">100.00</cbc:TaxExclusiveAmount>
    <cbc:TaxInclusiveAmount currencyID="EUR">119.00</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="EUR">19.00</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
</Invoice>"""

CII = """<?xml version="1.0" encoding="UTF-8"?>
<rsm:CrossIndustryInvoice
  xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
  xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
  xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
  <rsm:ExchangedDocument><ram:ID>F-18</ram:ID><ram:TypeCode>380</ram:TypeCode>
    <ram:IssueDateTime><udt:DateTimeString format="102">20250530</udt:DateTimeString>
    </ram:IssueDateTime></rsm:ExchangedDocument>
  <rsm:SupplyChainTradeTransaction>
    <ram:ApplicableHeaderTradeAgreement>
      <ram:SellerTradeParty><ram:Name>Maker</ram:Name></ram:SellerTradeParty>
      <ram:BuyerTradeParty><ram:Name>Buyer</ram:Name></ram:BuyerTradeParty>
    </ram:ApplicableHeaderTradeAgreement>
    <ram:ApplicableHeaderTradeDelivery>
      <ram:RelatedSupplyChainConsignment>
        <ram:GrossWeightMeasure unitCode="GRM">2500</ram:GrossWeightMeasure>
      </ram:RelatedSupplyChainConsignment>
      <ram:ShipToTradeParty><ram:Name>Consignee</ram:Name></ram:ShipToTradeParty>
      <ram:ActualDeliverySupplyChainEvent><ram:OccurrenceDateTime>
        <udt:DateTimeString format="102">20250610</udt:DateTimeString>
      </ram:OccurrenceDateTime></ram:ActualDeliverySupplyChainEvent>
    </ram:ApplicableHeaderTradeDelivery>
    <ram:ApplicableHeaderTradeSettlement>
      <ram:InvoiceCurrencyCode>USD</ram:InvoiceCurrencyCode>
      <ram:SpecifiedTradeSettlementHeaderMonetarySummation>
        <ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount>
        <ram:GrandTotalAmount>107.25</ram:GrandTotalAmount>
      </ram:SpecifiedTradeSettlementHeaderMonetarySummation>
    </ram:ApplicableHeaderTradeSettlement>
  </rsm:SupplyChainTradeTransaction>
</rsm:CrossIndustryInvoice>"""

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">
<!ENTITY c "&b;&b;&b;&b;">]><x>&c;</x>"""
OUTSIDE = '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
REMOTE = '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd"><x/>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % p SYSTEM "http://127.0.0.1:1/p"> %p;]><x/>'
INCLUDE = '<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include href="file:///etc/passwd"/></x>'


def test_a_ubl_invoice_is_read() -> None:
    found = read_invoice(UBL.encode())
    assert (found.syntax, found.number, found.type) == ("UBL", "F-2025/17", "380")
    assert (found.issued_on, found.delivered_on) == (date(2025, 5, 30), date(2025, 6, 10))
    assert found.total == Money("EUR", Decimal("119.00"))
    assert found.net == Money("EUR", Decimal("100.00"))
    assert (found.seller, found.buyer, found.consignee) == ("Maker & Söhne", "Buyer", "Consignee")
    assert (found.weight_g, found.pieces, found.shipments) == (2505, 3, ("WB1",))


def test_a_cross_industry_invoice_is_read() -> None:
    found = read_invoice(CII.encode())
    assert (found.syntax, found.number, found.type) == ("CII", "F-18", "380")
    assert (found.issued_on, found.delivered_on) == (date(2025, 5, 30), date(2025, 6, 10))
    assert found.total == Money("USD", Decimal("107.25"))
    assert (found.seller, found.buyer, found.consignee) == ("Maker", "Buyer", "Consignee")
    assert (found.weight_g, found.pieces) == (2500, None)


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1"])
def test_other_encodings_that_xml_names_are_read(encoding: str) -> None:
    data = UBL.replace("UTF-8", encoding).encode(encoding)
    assert read_invoice(data).seller == "Maker & Söhne"


def test_what_is_absent_stays_absent_and_other_units_are_not_guessed() -> None:
    bare = '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"/>'
    found = read_invoice(bare.encode())
    assert (found.total, found.currency, found.issued_on, found.weight_g) == (None,) * 4
    assert read_invoice(UBL.replace("KGM", "LBR").encode()).weight_g is None
    assert read_invoice(UBL.replace("2.505", "2.5051").encode()).weight_g is None


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (BOMB, errors.XmlDoctypeError),
        (OUTSIDE, errors.XmlDoctypeError),
        (REMOTE, errors.XmlDoctypeError),
        (PARAMETER, errors.XmlDoctypeError),
        ("<!DOCTYPE html><html/>", errors.XmlDoctypeError),
        ("<x>&nbsp;</x>", errors.XmlEntityError),
        (INCLUDE, errors.XmlIncludeError),
        ('<?xml version="1.0" encoding="UTF-7"?><x/>', errors.XmlEncodingError),
        ('<?xml version="1.0" encoding="EBCDIC-CP-US"?><x/>', errors.XmlEncodingError),
        ("<x>" * (MAX_DEPTH + 1) + "</x>" * (MAX_DEPTH + 1), errors.XmlTooDeepError),
        ("<x>" + "<y/>" * MAX_ELEMENTS + "</x>", errors.XmlTooManyError),
        (
            "<x " + " ".join(f'a{at}="1"' for at in range(MAX_ATTRIBUTES + 1)) + "/>",
            errors.XmlTooManyError,
        ),
        ("<x>" + " " * MAX_BYTES + "</x>", errors.XmlTooLargeError),
        ("", errors.XmlSyntaxError),
        ("<x>", errors.XmlSyntaxError),
        ("<x/><y/>", errors.XmlSyntaxError),
        ("<x a='1' a='2'/>", errors.XmlSyntaxError),
        ("<x>\x01</x>", errors.XmlSyntaxError),
        ("<x:y/>", errors.XmlSyntaxError),
        ("<html/>", errors.NotAnInvoiceError),
        ("<Invoice/>", errors.NotAnInvoiceError),
        (UBL.replace("2025-05-30", "2025-02-30"), errors.InvoiceError),
        (UBL.replace("119.00", "1.19e2"), errors.InvoiceError),
        (UBL.replace("119.00", "NaN"), errors.InvoiceError),
        (UBL.replace("119.00", "9" * 40), errors.InvoiceError),
        (UBL.replace('"EUR"', '"EUX"'), errors.InvoiceError),
        (UBL.replace("F-2025/17", "x" * 2000), errors.InvoiceError),
        (CII.replace("20250530", "soon"), errors.InvoiceError),
    ],
)
def test_each_hostile_text_has_its_own_error(text: str, kind: type[errors.XmlError]) -> None:
    with pytest.raises(errors.XmlError) as caught:
        read_invoice(text.encode())
    assert type(caught.value) is kind


def test_bytes_that_are_not_text_are_refused() -> None:
    with pytest.raises(errors.XmlSyntaxError):
        read_invoice(b"<x>\xff\xfe</x>")


@given(st.binary(max_size=300))
def test_arbitrary_bytes_are_refused_by_the_family(data: bytes) -> None:
    with pytest.raises(FormatError):
        read_invoice(data)


@given(st.text(max_size=60), st.integers(0, len(UBL) - 1))
def test_a_damaged_invoice_is_read_or_refused_by_the_family(junk: str, position: int) -> None:
    damaged = UBL[:position] + junk + UBL[position + 1 :]
    try:
        found = read_invoice(damaged.encode("utf-8", "surrogatepass"))
    except errors.XmlError:
        return
    assert found.syntax == "UBL"


def test_reading_is_safe_on_a_small_stack() -> None:
    """No recursion: a thread with a small stack reads the deepest text that is allowed."""
    text = "<x>" * MAX_DEPTH + "</x>" * MAX_DEPTH
    found: list[str] = []
    threading.stack_size(256 << 10)
    try:
        thread = threading.Thread(target=lambda: found.append(read_xml(text.encode()).name))
        thread.start()
        thread.join()
    finally:
        threading.stack_size(0)
    assert found == ["x"]
