"""Each claim type from events and documents to checklist, clocks and what else the rules make of it."""

from typing import Any

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, Json, at, new_desk
from provenance.core.receipt import Receipt

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

INVOICE_UBL = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:ID>INV-1</cbc:ID><cbc:IssueDate>2025-05-30</cbc:IssueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>
  <cac:AccountingSupplierParty><cac:Party><cac:PartyName><cbc:Name>Maker Ltd.</cbc:Name>
  </cac:PartyName></cac:Party></cac:AccountingSupplierParty>
  <cac:LegalMonetaryTotal><cbc:TaxInclusiveAmount currencyID="EUR">500.00</cbc:TaxInclusiveAmount>
  </cac:LegalMonetaryTotal>
</Invoice>"""


def lines(found: Json) -> dict[str, str]:
    """State of each line of the checklist."""
    return {one["id"]: one["state"] for one in found["assessment"]["checklist"]}


def clocks(found: Json) -> dict[str, Json]:
    return {one["id"]: one for one in found["assessment"]["clocks"]}


def checks(found: Json) -> dict[str, Json]:
    return {one["id"]: one for one in found["assessment"]["cross_checks"]}


async def finished(desk: Desk, case: str) -> Json:
    """The case once everything is anchored."""
    await desk.service.anchor()
    return await desk.read(case)


async def journey(desk: Desk, epc: str) -> None:
    """Picked up on 1 June in Shenzhen, delivered damaged on 10 June at 23:30 in Berlin."""
    await desk.capture(
        at("2025-06-01T09:00:00+08:00", "collecting", epc),
        at("2025-06-10T23:30:00+02:00", "accepting", epc, disposition="damaged"),
    )


async def test_damage(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await journey(desk, epc)
    await desk.document(epc, "740", weight_g=2500, pieces=1)
    await desk.document(epc, "380", data=INVOICE_UBL.encode(), media_type="application/xml")
    await desk.document(
        epc,
        "271",
        weight_g=2600,
        amounts=[{"role": "declared", "currency": "EUR", "value": "50.00"}],
    )
    await desk.document(epc, "530", issued_on="2025-06-20")
    await desk.document(epc, "", media_type="image/jpeg")
    case = await desk.open(epc, "damage", carriage=["air", "road"], zone="Europe/Berlin")
    found = await finished(desk, case)
    assert lines(found) == {
        "transport-document": "present",
        "taken-over": "present",
        "delivered": "present",
        "complaint": "missing",
        "invoice": "present",
        "damage-report": "missing",
        "photos": "present",
        "damage-event": "present",
        "packing-list": "present",
        "delivery-proof": "missing",
        # Recorded long after the parcel was taken over.
        "insurance": "late",
    }
    # 10 June + 14 = 24 June 2025. CMR: Wed 11, Thu 12, Fri 13, Sat 14, Mon 16, Tue 17, Wed 18.
    assert clocks(found)["montreal-31-damage"]["last_day"] == "2025-06-24"
    assert clocks(found)["cmr-30-1-damage"]["last_day"] == "2025-06-18"
    assert clocks(found)["montreal-35"]["last_day"] == "2027-06-10"
    assert clocks(found)["cmr-32-delivered"]["last_day"] == "2026-06-10"
    start = clocks(found)["montreal-31-damage"]["start"]
    assert (start["basis"], start["zone"], start["zone_from"]) == (
        "claimed",
        "Europe/Berlin",
        "case",
    )
    assert start["logged_after"] <= start["recorded_at"] + 5_000
    assert start["recorded_at"] <= start["logged_before"] + 5_000
    assert checks(found)["weight"]["verdict"] == "differs"
    assert checks(found)["value-declared-invoiced"]["explanation"] == "by EUR 450.00 at most"
    assert checks(found)["policy-after-loss"]["verdict"] == "differs"
    (limit, road) = found["assessment"]["limits"]
    assert (limit["sdr_per_kg"], road["sdr_per_kg"]) == ("26", "8.33")
    assert "several weights" in limit["reason"]
    proofs = {
        one["proof"]
        for line in found["assessment"]["checklist"]
        for one in line.get("filled_by", ())
    }
    assert proofs == {"proven"}


async def test_partial_loss(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await journey(desk, epc)
    await desk.document(epc, "730", pieces=3, weight_g=9000)
    await desk.document(epc, "737", pieces=2)
    await desk.document(epc, "817")
    case = await desk.open(epc, "partial_loss", carriage=["road"], zone="Europe/Berlin")
    found = await finished(desk, case)
    assert lines(found)["transport-document"] == "present"
    assert lines(found)["delivery-proof"] == "present"
    # The notice is recorded when this test runs, long after 18 June 2025.
    complaint = clocks(found)["cmr-30-1-damage"]
    assert (complaint["last_day"], complaint["state"]) == ("2025-06-18", "missed")
    assert lines(found)["complaint"] == "late"
    assert checks(found)["pieces"]["verdict"] == "differs"
    (limit,) = found["assessment"]["limits"]
    # 9 kg at 8.33 SDR.
    assert limit["computation"] == "9 kg x 8.33 SDR = 74.97 SDR"


async def test_total_loss(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2025-01-01T09:00:00Z", "collecting", epc),
        at("2025-01-20T09:00:00Z", "urn:provenance:milestone:lost", epc),
    )
    await desk.document(epc, "380")
    case = await desk.open(epc, "total_loss")
    found = await finished(desk, case)
    assert lines(found)["loss-event"] == "present"
    # 1 January + 60 = 2 March (30 to the 31st, 28 to 28 February, 2 more), + 1 year.
    assert clocks(found)["cmr-20-loss"]["last_day"] == "2025-03-02"
    assert clocks(found)["cmr-32-lost"]["last_day"] == "2026-03-02"
    assert clocks(found)["montreal-13-loss"]["state"] == "not_computable"
    await desk.act(case, 1, "facts_changed", facts={"agreed_delivery_on": "2025-01-10"})
    found = await finished(desk, case)
    # 10 January + 7 = 17 January; + 30 = 9 February (21 to the 31st, 9 more); + 2 years.
    assert clocks(found)["montreal-13-loss"]["last_day"] == "2025-01-17"
    assert clocks(found)["cmr-20-loss"]["last_day"] == "2025-02-09"
    assert clocks(found)["montreal-35"]["last_day"] == "2027-01-10"
    start = clocks(found)["montreal-13-loss"]["start"]
    assert (start["basis"], start["first_index"]) == (
        "stated",
        found["history"][1]["first_index"],
    )
    assert start["logged_before"] + 5_000 >= start["recorded_at"]


async def test_delay(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2025-06-01T09:00:00Z", "collecting", epc),
        at("2025-06-09T09:00:00+02:00", "urn:provenance:milestone:at-disposal", epc),
        at("2025-06-10T09:00:00+02:00", "accepting", epc),
    )
    await desk.document(epc, "780", amounts=[{"role": "freight", "currency": "EUR", "value": "35"}])
    case = await desk.open(epc, "delay", zone="Europe/Berlin")
    found = await finished(desk, case)
    assert lines(found)["freight-invoice"] == "present"
    assert lines(found)["delivered"] == "present"
    # At disposal on 9 June: + 21 = 30 June; the action counts from the delivery on the 10th.
    assert clocks(found)["montreal-31-delay"]["last_day"] == "2025-06-30"
    assert clocks(found)["cmr-30-3-delay"]["last_day"] == "2025-06-30"
    assert clocks(found)["cmr-32-delivered"]["last_day"] == "2026-06-10"
    assert [one["basis"] for one in found["assessment"]["limits"]] == [
        "per_kg",
        "carriage_charges",
    ]


async def test_customs_dispute(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2025-06-01T09:00:00Z", "collecting", epc),
        at("2025-06-03T09:00:00Z", "holding", epc),
    )
    await desk.document(
        epc,
        "929",
        dates={"declared_on": "2025-05-20"},
        amounts=[{"role": "declared", "currency": "USD", "value": "500.00"}],
        parties=[{"role": "seller", "name": "MAKER LTD"}],
    )
    invoice = await desk.document(
        epc, "380", data=INVOICE_UBL.encode(), media_type="application/xml"
    )
    case = await desk.open(epc, "customs_dispute", facts={"contract_on": "2025-03-31"})
    found = await finished(desk, case)
    assert lines(found)["declaration"] == lines(found)["held"] == "present"
    assert lines(found)["released"] == lines(found)["customs-response"] == "missing"
    assert checks(found)["value-declared-invoiced"]["verdict"] == "not_comparable"
    assert "no currency is converted" in checks(found)["value-declared-invoiced"]["explanation"]
    assert checks(found)["invoice-after-declaration"]["explanation"] == (
        "2025-05-30 is after 2025-05-20"
    )
    assert checks(found)["party-seller"]["verdict"] == "agrees"
    assert invoice in {one["first_index"] for one in checks(found)["party-seller"]["stated"]}
    # 31 March + 3 months = 30 June (June has 30 days), + 1 year.
    assert clocks(found)["cmr-32-other"]["last_day"] == "2026-06-30"


async def test_customs_delay_cover(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    wrong = at("2025-06-03T10:00:00Z", "inspecting", epc, disposition="conformant")
    wrong["eventID"] = f"urn:example:release:{epc}"
    await desk.capture(at("2025-06-03T09:00:00Z", "holding", epc), wrong)
    terms: dict[str, Any] = {
        "agreed_clearance_hours": 48,
        "stated_sum": {"currency": "EUR", "value": "250.00"},
    }
    case = await desk.open(epc, "customs_delay_cover", facts=terms)
    cover = (await finished(desk, case))["assessment"]["cover"]
    assert (cover["by_claims"], cover["clearance_ms"]) == ("not_payable", 3_600_000)
    # The release was an error; the goods were released two days and three hours later.
    declaration = {"declarationTime": "2025-06-06T00:00:00Z", "reason": "incorrect_data"}
    await desk.capture(
        {**wrong, "errorDeclaration": declaration},
        at("2025-06-05T12:00:00Z", "inspecting", epc, disposition="conformant"),
    )
    found = await finished(desk, case)
    cover = found["assessment"]["cover"]
    assert (cover["by_claims"], cover["currency"], cover["sum"]) == ("payable", "EUR", "250.00")
    # Nothing but the claimant and the recorder vouch for it: no policy, no declaration, and events
    # that were recorded as this test runs, long after the times that they claim.
    assert cover["outcome"] == "unproven"
    told = " ".join(cover["doubts"])
    for doubt in (
        "no policy in the log",
        "required and missing: Customs declaration",
        "days after",
    ):
        assert doubt in told
    assert cover["recorded_ms"] < 3_600_000
    # The test's chain makes blocks faster than its clock goes, so that they say nothing of a time.
    assert cover["anchored_least_ms"] <= cover["anchored_most_ms"]
    assert cover["computation"][-2:] == [
        "clearance time 2 d 3 h",
        "agreed 2 d; 3 h more",
    ]
    assert lines(found)["insurance"] == "missing"
    assert lines(found)["held"] == lines(found)["released"] == "present"


async def test_a_waybill_leads_to_its_parcels_and_their_holds_are_told_apart(
    service: ServiceUnderTest,
) -> None:
    desk, one, other = await new_desk(service), parcel(), parcel()
    waybill: Any = [{"type": "bol", "bizTransaction": f"WB-{one[-6:]}"}]
    await desk.capture(
        at("2025-06-01T00:00:00Z", "holding", one, bizTransactionList=waybill),
        at("2025-06-01T12:00:00Z", "holding", other, bizTransactionList=waybill),
        at("2025-06-02T00:00:00Z", "inspecting", one, disposition="conformant"),
        at("2025-06-02T12:00:00Z", "inspecting", other, disposition="conformant"),
    )
    case = await desk.open(f"WB-{one[-6:]}", "customs_delay_cover")
    cover = (await finished(desk, case))["assessment"]["cover"]
    # A day each, half of it shared.
    assert cover["clearance_ms"] == 36 * 3_600_000
    assert cover["outcome"] == "not_computable"
    assert [hold["parcel"] for hold in cover["holds"]] == [one, other]


async def test_what_is_not_anchored_is_present_and_says_that_nothing_proves_it_yet(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2025-06-10T09:00:00Z", "accepting", epc))
    case = await desk.open(epc, "damage")
    found = await desk.read(case)
    line = next(one for one in found["assessment"]["checklist"] if one["id"] == "delivered")
    assert (line["state"], line["filled_by"][0]["proof"]) == ("present", "pending")
    assert any(
        "not anchored" in note for note in clocks(found)["montreal-31-damage"]["assumptions"]
    )


async def test_a_newer_version_stands_before_the_older_one(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    old = await desk.document(epc, "380")
    await service.anchor()
    admin = await service.as_role("admin")
    receipt = Receipt.decode((await admin.get(f"/v1/receipts/{old}")).content)
    new = await desk.document(epc, "380", supersedes=receipt.entry.leaf_hash())
    case = await desk.open(epc, "damage")
    found = await finished(desk, case)
    line = next(one for one in found["assessment"]["checklist"] if one["id"] == "invoice")
    assert [(one["first_index"], one.get("superseded_by")) for one in line["filled_by"]] == [
        (new, None),
        (old, new),
    ]


@pytest.mark.parametrize(
    ("alter", "line", "what"),
    [
        ("statement_tail = convert_to(replace(convert_from(statement_tail, 'UTF8'), '380', '325'), 'UTF8')", "invoice", "commitment"),
        ("payload = '\\x00'", "invoice", "opening"),
        ("payload = convert_to(replace(convert_from(payload, 'UTF8'), '06-10', '06-20'), 'UTF8')", "delivered", "opening"),
        ("event_time = event_time + 864000000", "delivered", "another time or step"),
        ("biz_step = 'urn:provenance:milestone:delivered'", "delivered", "another time or step"),
        ("disposition = 'damaged'", "damage-event", "another disposition"),
    ],
)  # fmt: skip
async def test_what_was_altered_behind_the_logs_back_is_unverifiable(
    service: ServiceUnderTest, alter: str, line: str, what: str
) -> None:
    desk, epc = await new_desk(service), parcel()
    (delivered,) = await desk.capture(at("2025-06-10T09:00:00Z", "accepting", epc))
    invoice = await desk.document(epc, "380")
    case = await desk.open(epc, "damage")
    assert lines(await finished(desk, case))[line] == (
        "missing" if line == "damage-event" else "present"
    )
    first = invoice if line == "invoice" else delivered
    async with service.services.engine.connect() as connection:
        await connection.execute(text(f"UPDATE records SET {alter} WHERE first_index = {first}"))
    found = await desk.read(case)
    filled = next(one for one in found["assessment"]["checklist"] if one["id"] == line)
    assert filled["state"] == "unverifiable"
    assert filled["filled_by"][0]["proof"] == "disproven"
    assert what in filled["filled_by"][0]["remark"]
    if line == "delivered":
        notes = clocks(found)["montreal-31-damage"]["assumptions"]
        assert any("do not rely on its time" in note for note in notes)


async def test_a_description_that_was_altered_counts_no_more(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.document(epc, "740", weight_g=2500)
    case = await desk.open(epc, "damage", carriage=["air"])
    (limit,) = (await finished(desk, case))["assessment"]["limits"]
    assert limit["computation"].startswith("2.5 kg")
    async with service.services.engine.connect() as connection:
        await connection.execute(
            text(
                "UPDATE records SET payload = convert_to(replace(convert_from(payload, 'UTF8'), "
                "'2500', '9900'), 'UTF8') WHERE media_type LIKE '%description%' AND "
                "convert_from(payload, 'UTF8') LIKE '%2500%'"
            )
        )
    found = await desk.read(case)
    (limit,) = found["assessment"]["limits"]
    assert limit["reason"] == "no document states a weight"
    assert "is disproven" in checks(found)["unreadable"]["stated"][0]["value"]


async def test_xml_that_is_hostile_or_no_invoice_is_told_where_an_invoice_was_meant(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    xml = {"media_type": "application/xml"}
    bomb = b'<!DOCTYPE x [<!ENTITY a "ha">]><x>&a;</x>'
    hostile = await desk.document(epc, "380", data=bomb, **xml)
    await desk.document(epc, "929", data=b"<Declaration/>", **xml)
    mistaken = await desk.document(epc, "380", data=b"<Declaration/>", **xml)
    case = await desk.open(epc, "damage")
    found = await finished(desk, case)
    told = {
        one["stated"][0]["first_index"]: one["stated"][0]["value"]
        for one in found["assessment"]["cross_checks"]
        if one["id"] == "unreadable"
    }
    assert told.keys() == {hostile, mistaken}
    assert told[hostile].startswith("xml-doctype:")
    assert told[mistaken].startswith("not-an-invoice:")
    assert lines(found)["invoice"] == "present"
