"""Each claim type from events and documents, all of it over HTTP, to a dossier that verifies.

The times lie on leap days, at the ends of days of other zones, around the change to summer time, and
end on Sundays. Each expected date is worked out by hand in a comment.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Json, at, new_desk
from fixtures.documents import pdf, png, upload
from fixtures.reports import text_of
from fixtures.written import member, opened, verified, write_dossier
from provenance.core.verdict import Outcome

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
TAKEN_OVER = "collecting"
INVOICE = b"""<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>INV-1</cbc:ID><cbc:IssueDate>2024-01-30</cbc:IssueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount currencyID="EUR">500.00</cbc:TaxInclusiveAmount>
  </cac:LegalMonetaryTotal>
</Invoice>"""


@dataclass(frozen=True)
class Claim:
    """What happened, what is uploaded by whom, and what comes of it."""

    type: str
    events: list[tuple[str, str, str | None]]
    """Time, step and disposition."""
    papers: list[str]
    """UNTDID 1001 codes; 380 is an invoice in XML, 858 a photo."""
    said: dict[str, Json] = field(default_factory=dict)
    """Descriptions by code."""
    case: Json = field(default_factory=dict)
    lines: dict[str, str] = field(default_factory=dict)
    clocks: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Last day, and the first instant after it in UTC."""
    checks: dict[str, str] = field(default_factory=dict)
    cover: str | None = None


CLAIMS = [
    Claim(
        "damage",
        [
            ("2024-02-20T09:00:00+08:00", TAKEN_OVER, None),
            # 04:30Z on 1 March; in New York it is still 29 February.
            ("2024-03-01T04:30:00+00:00", "accepting", "damaged"),
        ],
        ["740", "380", "293", "858", "530"],
        said={
            "740": {"weight_g": 2500, "pieces": 1},
            "530": {"amounts": [{"role": "insured", "currency": "EUR", "value": "400.00"}]},
        },
        case={"carriage": ["air", "road"], "zone": "America/New_York"},
        lines={
            "transport-document": "present",
            "taken-over": "present",
            "delivered": "present",
            "complaint": "missing",
            "invoice": "present",
            "damage-report": "present",
            "photos": "present",
            "damage-event": "present",
            # Recorded when this test runs, long after the parcel was taken over.
            "insurance": "late",
        },
        clocks={
            # 29 February does not count: 1 March is the first day, the 14th the fourteenth. Summer
            # time began on 10 March 2024, so that the day ends at 04:00Z.
            "montreal-31-damage": ("2024-03-14", "2024-03-15T04:00:00"),
            # Thursday 29 February. Fri 1, Sat 2, Mon 4, Tue 5, Wed 6, Thu 7, Fri 8: seven without
            # Sunday the 3rd. Winter time still: the day ends at 05:00Z.
            "cmr-30-1-damage": ("2024-03-08", "2024-03-09T05:00:00"),
            # Two years from 29 February 2024: 2026 has none, its February ends on the 28th.
            "montreal-35": ("2026-02-28", "2026-03-01T05:00:00"),
            # One year: 2025 has none either.
            "cmr-32-delivered": ("2025-02-28", "2025-03-01T05:00:00"),
        },
        checks={"value-insured-invoiced": "differs"},
    ),
    Claim(
        "partial_loss",
        [
            ("2024-03-18T09:00:00+01:00", TAKEN_OVER, None),
            ("2024-03-23T12:00:00+01:00", "accepting", None),
        ],
        ["730", "380", "271", "737", "817"],
        said={"730": {"pieces": 3}, "737": {"pieces": 2}},
        case={"carriage": ["road"], "zone": "Europe/Berlin"},
        lines={
            "transport-document": "present",
            "taken-over": "present",
            "delivered": "present",
            "complaint": "late",
            "invoice": "present",
            "packing-list": "present",
            "delivery-proof": "present",
        },
        clocks={
            # Saturday 23 March. Mon 25, Tue 26, Wed 27, Thu 28, Fri 29, Sat 30 are six; Sunday 31
            # does not count; Mon 1 April is the seventh. No holidays are configured. Summer time
            # began on 31 March: the day ends at 22:00Z.
            "cmr-30-1-damage": ("2024-04-01", "2024-04-01T22:00:00"),
            # 23 March 2025 is a Sunday, and stays. The day ends at 23:00Z.
            "cmr-32-delivered": ("2025-03-23", "2025-03-23T23:00:00"),
        },
        checks={"pieces": "differs"},
    ),
    Claim(
        "total_loss",
        [
            ("2024-01-01T09:00:00+00:00", TAKEN_OVER, None),
            ("2024-01-20T09:00:00+00:00", "urn:provenance:milestone:lost", None),
        ],
        ["740", "380", "817", "819"],
        case={"carriage": ["air", "road"], "facts": {"agreed_delivery_on": "2024-02-22"}},
        lines={
            "transport-document": "present",
            "taken-over": "present",
            "invoice": "present",
            "complaint": "present",
            "loss-event": "present",
            "loss-statement": "present",
        },
        clocks={
            # 22 February + 7: the 29th, which 2024 has.
            "montreal-13-loss": ("2024-02-29", "2024-03-01T00:00:00"),
            # + 30: 7 to the 29th, 23 more are Saturday 23 March.
            "cmr-20-loss": ("2024-03-23", "2024-03-24T00:00:00"),
            # A year from then: 23 March 2025, a Sunday, which stays.
            "cmr-32-lost": ("2025-03-23", "2025-03-24T00:00:00"),
            # Two years from 22 February 2024: a Sunday, which stays.
            "montreal-35": ("2026-02-22", "2026-02-23T00:00:00"),
        },
    ),
    Claim(
        "delay",
        [
            ("2024-01-20T09:00:00+08:00", TAKEN_OVER, None),
            # Saturday the 3rd at 20:00Z is Sunday the 4th in Shanghai.
            ("2024-02-03T20:00:00+00:00", "urn:provenance:milestone:at-disposal", None),
            ("2024-02-08T09:00:00+08:00", "accepting", None),
        ],
        ["740", "780", "380", "817"],
        case={"carriage": ["air", "road"], "zone": "Asia/Shanghai"},
        lines={
            "transport-document": "present",
            "taken-over": "present",
            "delivered": "present",
            "complaint": "late",
            "freight-invoice": "present",
        },
        clocks={
            # Sunday 4 February + 21: Sunday the 25th, which stays. Shanghai is 8 hours ahead.
            "montreal-31-delay": ("2024-02-25", "2024-02-25T16:00:00"),
            "cmr-30-3-delay": ("2024-02-25", "2024-02-25T16:00:00"),
            # The action counts from the delivery on 8 February.
            "cmr-32-delivered": ("2025-02-08", "2025-02-08T16:00:00"),
        },
    ),
    Claim(
        "customs_dispute",
        [
            ("2024-12-01T09:00:00+00:00", TAKEN_OVER, None),
            ("2024-12-03T09:00:00+00:00", "holding", None),
        ],
        ["740", "929", "380", "961"],
        said={"929": {"amounts": [{"role": "declared", "currency": "EUR", "value": "50.00"}]}},
        case={"carriage": ["road"], "facts": {"contract_on": "2024-11-30"}},
        lines={
            "declaration": "present",
            "invoice": "present",
            "transport-document": "present",
            "held": "present",
            "customs-response": "present",
            "released": "missing",
        },
        clocks={
            # 30 November + 3 months: February 2025 ends on the 28th; + 1 year.
            "cmr-32-other": ("2026-02-28", "2026-03-01T00:00:00"),
        },
        checks={"value-declared-invoiced": "differs"},
    ),
    Claim(
        "customs_delay_cover",
        [
            ("2024-02-28T18:00:00+00:00", "holding", None),
            # From 18:00 on the 28th over the 29th to 18:00 on 1 March are two days; one hour more.
            ("2024-03-01T20:00:00+01:00", "inspecting", "conformant"),
        ],
        ["530", "929"],
        case={
            "facts": {
                "agreed_clearance_hours": 48,
                "stated_sum": {"currency": "EUR", "value": "250.00"},
            }
        },
        lines={"insurance": "late", "declaration": "present", "held": "present"},
        cover="clearance time 2 d 1 h",
    ),
]


def content(code: str) -> tuple[bytes, str]:
    """A document of a type, and its media type."""
    if code == "380":
        return INVOICE, "application/xml"
    if code == "858":
        return png(), "image/png"
    return pdf(mark=f"a document of type {code}"), "application/pdf"


@pytest.mark.parametrize("claim", CLAIMS, ids=[claim.type for claim in CLAIMS])
async def test_a_claim_from_events_and_documents_to_its_dossier(
    service: ServiceUnderTest, claim: Claim, tmp_path: Path
) -> None:
    desk, epc = await new_desk(service), parcel()
    extra: list[Json] = [
        {} if disposition is None else {"disposition": disposition}
        for _, _, disposition in claim.events
    ]
    await desk.capture(
        *(
            at(time, step, epc, **more)
            for (time, step, _), more in zip(claim.events, extra, strict=True)
        )
    )
    originals: dict[str, bytes] = {}
    for code in claim.papers:
        data, media_type = content(code)
        added = await upload(
            desk.claims, data, epc, type=code, media_type=media_type, filename=f"{code}.bin"
        )
        assert added.status_code == 201, added.text
        originals[code] = data
        if code in claim.said:
            place = {name: added.json()[name] for name in ("first_index", "sha256")}
            described = await desk.claims.post(
                f"/v1/documents/{place['first_index']}/description",
                params={"subject": epc},
                json={"v": 1, "document": place, **claim.said[code]},
            )
            assert described.status_code == 201, described.text
    case = await desk.open(epc, claim.type, **claim.case)
    await service.anchor()
    found = await desk.read(case)
    check(found, claim)
    data = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    dossier = opened(data)
    files = {file.code: file for file in dossier.manifest.files if file.role == "document"}
    for code, original in originals.items():
        assert member(data, files[code].name) == original
    kept = json.loads(member(data, "case.json"))
    for told in (found, kept):
        told["assessment"].pop("as_of")
        for clock in told["assessment"]["clocks"]:
            # What is left changes from one reading to the next.
            clock.pop("left_ms", None)
            clock.pop("late_ms", None)
    assert kept == found
    said = text_of(member(data, "case.pdf"), tmp_path)
    assert f"Claim: {claim.type.replace('_', ' ')}" in said
    for _, ends in claim.clocks.values():
        assert ends.replace("T", " ") in said


async def test_a_report_tells_of_what_was_linked_from_elsewhere(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc, other = await new_desk(service), parcel(), parcel()
    await desk.capture(at("2024-03-01T10:00:00+00:00", "accepting", epc))
    # No rule looks at a scan, and no shipment of the case names this parcel.
    (scan,) = await desk.capture(at("2024-03-01T11:00:00+00:00", "loading", other))
    report = await upload(
        desk.claims, pdf(), other, type="49", media_type="application/pdf", filename="r.pdf"
    )
    evidence = [
        {"first_index": one, "subject": other} for one in (scan, report.json()["first_index"])
    ]
    case = await desk.open(epc, "damage")
    linked = await desk.act(case, 1, "evidence_linked", evidence=evidence)
    assert linked.status_code == 201, linked.text
    await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{case}")
    assert (await verified(service, data)).outcome is Outcome.VALID
    said = text_of(member(data, "case.pdf"), tmp_path)
    assert "2024-03-01 11:00:00 loading (linked to the case)" in said
    assert re.search(r"recorded: 49 [^()]*\(linked to the case\)", said)


def check(found: dict[str, Any], claim: Claim) -> None:
    """Compare what the rules make of it with what was worked out by hand."""
    assessment = found["assessment"]
    assert assessment["is_complete"]
    lines = {one["id"]: one["state"] for one in assessment["checklist"]}
    assert {name: lines[name] for name in claim.lines} == claim.lines
    clocks = {one["id"]: one for one in assessment["clocks"]}
    ends = {
        name: (
            clocks[name]["last_day"],
            f"{datetime.fromtimestamp(clocks[name]['ends_at'] / 1000, UTC):%Y-%m-%dT%H:%M:%S}",
        )
        for name in claim.clocks
    }
    assert ends == claim.clocks
    checks = {one["id"]: one["verdict"] for one in assessment["cross_checks"]}
    assert {name: checks[name] for name in claim.checks} == claim.checks
    if claim.cover is not None:
        # Events of last year, recorded today: by what they claim, which nobody else vouches for.
        assert assessment["cover"]["outcome"] == "unproven"
        assert assessment["cover"]["by_claims"] == "payable"
        assert claim.cover in assessment["cover"]["computation"]
    proofs = {one["proof"] for line in assessment["checklist"] for one in line.get("filled_by", ())}
    assert proofs == {"proven"}
