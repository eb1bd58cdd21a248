"""The papers of a made-up claim: an invoice as data, PDFs with a signature, a photo.

Everything is drawn here: names and firms do not exist, and the same seed gives the same bytes. They
are files as people upload them, so that whoever opens the dossier sees what a case looks like.
"""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from random import Random
from typing import Final

from fpdf import FPDF

from provenance.demo.events import Parcel

CONSIGNEE: Final = "Nora Beispiel"
SELLER: Final = "Shenzhen Example Lamps Ltd."
INSURER: Final = "Hanse Example Insurance AG"
CARRIER: Final = "Example Parcel Express"
VALUE: Final = "412.50"
DECLARED: Final = "380.00"
CURRENCY: Final = "EUR"

_PIXELS: Final = (160, 120)
_INVOICE: Final = """\
<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>{number}</cbc:ID>
  <cbc:IssueDate>{day}</cbc:IssueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>{currency}</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>{seller}</cbc:Name>
  </cac:PartyName></cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party><cac:PartyName><cbc:Name>{buyer}</cbc:Name>
  </cac:PartyName></cac:Party></cac:AccountingCustomerParty>
  <cac:LegalMonetaryTotal>
    <cbc:TaxInclusiveAmount currencyID="{currency}">{value}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="{currency}">{value}</cbc:PayableAmount>
  </cac:LegalMonetaryTotal>
  <cac:InvoiceLine>
    <cbc:ID>1</cbc:ID>
    <cbc:InvoicedQuantity unitCode="C62">1</cbc:InvoicedQuantity>
    <cbc:LineExtensionAmount currencyID="{currency}">{value}</cbc:LineExtensionAmount>
    <cac:Item><cbc:Name>Desk lamp, hand-blown glass</cbc:Name></cac:Item>
  </cac:InvoiceLine>
</Invoice>
"""


@dataclass(frozen=True, slots=True)
class Paper:
    """A document as somebody uploads it; ``said`` is its description, where it comes with one."""

    filename: str
    code: str
    media_type: str
    data: bytes
    by: str
    said: dict[str, object] = field(default_factory=dict)


def make_papers(parcel: Parcel, *, delivered_at: int, random: Random) -> list[Paper]:
    """Return the papers of a parcel that was delivered damaged, in the order of their making.

    ``delivered_at`` is in milliseconds since the epoch.
    """
    day = datetime.fromtimestamp(delivered_at / 1000, UTC).date()
    weight = f"{parcel.weight_grams / 1000:.2f} kg"
    goods = [("Goods", "1 desk lamp, hand-blown glass"), ("Gross weight", weight)]
    parties = [("Consignor", SELLER), ("Consignee", CONSIGNEE)]
    numbered = [("Waybill", parcel.waybill)]
    claimed = f"Repair is not possible; {CURRENCY} {VALUE} are claimed"
    return [
        _pdf(
            "air-waybill.pdf", "740", "Air waybill", [*numbered, *parties, *goods],
            day=day, by="carrier", said={"weight_g": parcel.weight_grams, "pieces": 1},
        ),
        _pdf(
            "import-declaration.pdf", "929", "Declaration for importation",
            [*numbered, *parties, *goods, ("Declared value", f"{CURRENCY} {DECLARED}")],
            day=day, by="carrier", said={"amounts": [_amount("declared", DECLARED)]},
        ),
        _pdf(
            "proof-of-delivery.pdf", "737", "Proof of delivery",
            [*numbered, ("Received by", CONSIGNEE), ("Remark", "Box crushed at one corner")],
            day=day, by="carrier", said={"signer": CONSIGNEE, "place": "Hamburg"}, signed=random,
        ),
        Paper("invoice.xml", "380", "application/xml", _invoice(random, day), by="claims"),
        _pdf(
            "policy.pdf", "530", "Insurance policy",
            [("Insurer", INSURER), ("Insured", CONSIGNEE), ("Sum", f"{CURRENCY} {VALUE}")],
            day=day, by="claims",
            said={"amounts": [_amount("insured", VALUE)], "issuer": INSURER},
        ),
        Paper("box.png", "858", "image/png", _photo(random), by="claims"),
        _pdf(
            "inspection.pdf", "293", "Inspection report",
            [
                *numbered,
                ("Found", "Glass broken in three pieces; box crushed at one corner"),
                ("Packing", "Single-walled carton, paper filling"),
            ],
            day=day, by="claims", signed=random,
            said={"parties": [{"role": "inspector", "name": "Jan Muster, loss adjuster"}]},
        ),
        _pdf(
            "notice.pdf", "817", "Notice of damage",
            [*numbered, ("To", CARRIER), ("From", CONSIGNEE), ("Claim", claimed)],
            day=day, by="claims", signed=random,
        ),
    ]  # fmt: skip


def _amount(role: str, value: str) -> dict[str, object]:
    return {"role": role, "currency": CURRENCY, "value": value}


def _invoice(random: Random, day: date) -> bytes:
    number = f"EX-{random.randrange(10**6):06}"
    return _INVOICE.format(
        number=number, day=day, currency=CURRENCY, seller=SELLER, buyer=CONSIGNEE, value=VALUE
    ).encode()


def _pdf(
    filename: str,
    code: str,
    title: str,
    rows: Sequence[tuple[str, str]],
    *,
    day: date,
    by: str,
    said: dict[str, object] | None = None,
    signed: Random | None = None,
) -> Paper:
    pdf = FPDF(format="A4")
    pdf.set_creation_date(datetime(day.year, day.month, day.day, tzinfo=UTC))
    pdf.set_title(title)
    pdf.add_page()
    pdf.set_font("helvetica", size=20)
    pdf.cell(0, 14, title, new_x="LMARGIN", new_y="NEXT")
    pdf.set_font("helvetica", size=11)
    for name, text in [*rows, ("Date", f"{day}")]:
        pdf.cell(45, 9, name)
        pdf.cell(0, 9, text, new_x="LMARGIN", new_y="NEXT")
    if signed is not None:
        _sign(pdf, signed)
    return Paper(filename, code, "application/pdf", bytes(pdf.output()), by, said or {})


def _sign(pdf: FPDF, random: Random) -> None:
    """A signature, as a pen leaves one."""
    left, top = 30.0, pdf.get_y() + 30
    pdf.line(left, top + 8, left + 70, top + 8)
    places = [(left + 5 * step, top + random.uniform(-9, 5)) for step in range(12)]
    pdf.set_line_width(0.5)
    pdf.polyline(places)


def _photo(random: Random) -> bytes:
    """A box with a crushed corner, in 8-bit RGB (PNG, ISO/IEC 15948)."""
    width, height = _PIXELS
    rows = b"".join(
        b"\0" + b"".join(_pixel(column, row, random) for column in range(width))
        for row in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def _pixel(column: int, row: int, random: Random) -> bytes:
    grain = random.randrange(12)
    is_box = 30 <= column < 130 and 25 <= row < 100
    is_crushed = column + row > 205
    if not is_box:
        return bytes((120 + grain, 122 + grain, 126 + grain))
    if is_crushed:
        return bytes((70 + grain * 2, 48 + grain, 30 + grain))
    is_tape = 74 <= column < 86
    return bytes((205 + grain, 190 + grain, 150)) if is_tape else bytes((176 + grain, 128, 80))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
