"""Payloads that lie sealed in their rows: unreadable without their keys, proven with them."""

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, document, event, parcel
from fixtures.erasing import LD, canary, erase, plain_dump
from fixtures.tampering import reseal
from provenance.core.receipt import Receipt
from provenance.verify.audit import AuditReport, audit_database
from provenance.wiring.auditing import expected_records
from provenance.wiring.chain import file_keys

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def audited(service: ServiceUnderTest, *, with_keys: bool = True) -> AuditReport:
    settings = service.settings
    assert settings.database_url
    return await audit_database(
        settings.database_url,
        origin=settings.origin,
        trust=await service.services.trust(),
        rpc_url=settings.rpc_url,
        expected_of=expected_records(settings, file_keys(settings)),
        sealed=service.services.vault if with_keys else None,
    )


async def test_what_an_act_says_lies_sealed_and_is_proven_all_the_same(
    service: ServiceUnderTest,
) -> None:
    claims, about, word = await service.as_role("claims"), parcel(), canary()
    body = {"claim": "damage", "shipments": [about], "claimant": word}
    opened = (await claims.post("/v1/cases", json=body)).json()
    first = opened["first_index"]
    assert service.settings.database_url
    assert word not in plain_dump(service.settings.database_url)
    shown = (await claims.get(f"/v1/cases/{opened['case']}")).json()
    assert shown["claimant"] == word
    await service.anchor()
    operator = await service.as_role("admin", organisation="Operator")
    payload = (await operator.get(f"/v1/records/{first}/payload")).content
    assert word.encode() in payload
    receipt = Receipt.decode((await operator.get(f"/v1/receipts/{first}")).content)
    assert receipt.payload is not None
    timeline = (await operator.get(f"/v1/shipments/{about}/timeline")).json()
    assert timeline["is_complete"]
    assert [one["kind"] for one in timeline["events"]] == ["case"]
    report = await audited(service)
    assert [str(finding) for finding in report.findings] == []
    without = await audited(service, with_keys=False)
    reasons = [verdict.reason for verdict in without.verdicts if verdict.check == "contents"]
    assert "sealed payloads were not read" in reasons[0]

    # A key that was destroyed takes every copy with it, and the erasure names it.
    await erase(service, records=[first])
    gone = await claims.get(f"/v1/cases/{opened['case']}")
    assert gone.status_code == 410


async def test_an_event_with_a_field_of_its_submitter_lies_sealed_and_is_read_as_ever(
    service: ServiceUnderTest,
) -> None:
    carrier, word = await service.new_carrier(), canary()
    one, other, plain = parcel(), parcel(), parcel()
    said = event(one, other, eventID=f"urn:uuid:{word[6:]}", **{"example:signer": word})
    said["@context"].append({"example": "https://example.com/voc/"})
    answer = await carrier.post("/epcis/events", json=said, headers=LD)
    assert answer.status_code == 201, answer.text
    again = await carrier.post("/epcis/events", json=said, headers=LD)
    assert again.json()["repeated"]
    # A document of which one event is plain and another not.
    inner = {name: value for name, value in said.items() if name not in {"@context", "eventID"}}
    both = document(event(plain), inner, context=said["@context"])
    assert (await carrier.post("/epcis/capture", json=both, headers=LD)).status_code == 202
    assert service.settings.database_url
    dump = plain_dump(service.settings.database_url)
    assert (word in dump, plain in dump) == (False, True)

    found = (await carrier.get(f"/epcis/events/urn:uuid:{word[6:]}")).json()
    assert found["example:signer"] == word
    queried = (await carrier.get("/epcis/events", params={"MATCH_anyEPC": one})).json()
    events = queried["epcisBody"]["queryResults"]["resultsBody"]["eventList"]
    assert [one["example:signer"] for one in events] == [word, word]
    timeline = (await carrier.get(f"/v1/shipments/{one}/timeline?payloads=include")).json()
    assert [one["payload"]["example:signer"] for one in timeline["events"]] == [word, word]
    await service.anchor()
    first = answer.json()["first_index"]
    receipt = Receipt.decode((await carrier.get(f"/v1/receipts/{first}")).content)
    assert receipt.payload is not None
    member = await service.as_role("member")
    own = await member.get(f"/v1/receipts/{first}", params={"subject": one})
    fields = Receipt.decode(own.content).fields
    assert one in str(fields)
    assert other not in str(fields)
    assert [str(finding) for finding in (await audited(service)).findings] == []

    await erase(service, records=[first])
    assert (await carrier.get(f"/epcis/events/urn:uuid:{word[6:]}")).status_code == 404
    queried = (await carrier.get("/epcis/events", params={"MATCH_anyEPC": one})).json()
    assert len(queried["epcisBody"]["queryResults"]["resultsBody"]["eventList"]) == 1


async def test_an_audit_names_an_act_that_somebody_with_its_key_altered(
    service: ServiceUnderTest,
) -> None:
    claims, about = await service.as_role("claims"), parcel()
    body = {"claim": "damage", "shipments": [about], "claimant": "Nora"}
    first = (await claims.post("/v1/cases", json=body)).json()["first_index"]
    await service.anchor()
    await reseal(service, first, b"Nora", b"Nina")
    found = [str(finding) for finding in (await audited(service)).findings]
    assert [one for one in found if f"record {first}" in one]
    await reseal(service, first, b"Nina", b"Nora")
    assert not (await audited(service)).findings


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("payload = set_byte(payload, 40, get_byte(payload, 40) # 1)", "payload"),
        ("sealed_slot = NULL", "sealed columns"),
        ("payload = NULL", "sealed columns"),
    ],
)
async def test_an_audit_names_what_was_altered_without_the_key(
    service: ServiceUnderTest, change: str, named: str
) -> None:
    claims, about = await service.as_role("claims"), parcel()
    body = {"claim": "damage", "shipments": [about], "claimant": "Nora"}
    first = (await claims.post("/v1/cases", json=body)).json()["first_index"]
    await service.anchor()
    where = f"WHERE first_index = {first}"
    async with service.services.engine.connect() as connection:
        kept = (
            await connection.execute(text(f"SELECT payload, sealed_slot FROM records {where}"))
        ).one()
        await connection.execute(text(f"UPDATE records SET {change} {where}"))
    found = [str(finding) for finding in (await audited(service)).findings]
    assert [one for one in found if one.startswith(f"{named} of record {first}")], found
    async with service.services.engine.connect() as connection:
        await connection.execute(
            text(f"UPDATE records SET payload = :payload, sealed_slot = :slot {where}"),
            {"payload": kept.payload, "slot": kept.sealed_slot},
        )
    assert not (await audited(service)).findings
