"""Records about a case that are no acts of it: refused today, and harmless where an older log has them."""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.cases import Desk, Json, new_desk
from fixtures.documents import PDF, pdf, upload
from fixtures.erasing import erase
from fixtures.written import opened, verified, write_dossier
from provenance.api.authentication import Principal
from provenance.api.documents.recording import Intent, Recorder
from provenance.api.epcis.drafts import records_of
from provenance.api.roles import Role
from provenance.core.verdict import Outcome
from provenance.intake.event import Submission as Submitting
from provenance.intake.event import parse_event
from provenance.log.documents import DocumentStore
from provenance.log.sealing import sealed
from provenance.log.submissions import Submission
from provenance.verify.audit.expected import AuditedPayload
from provenance.wiring.auditing import expected_events

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
RESERVED = "reserved-subject"


async def anybody(service: ServiceUnderTest) -> Principal:
    """The carrier whose key was made last, with the rights of one."""
    keys = await service.services.accounts.keys()
    last = keys[-1]
    return Principal(key_id=last.key_id, organisation=last.organisation_id, role=Role.CARRIER)


async def record_document(service: ServiceUnderTest, data: bytes, *subjects: str) -> int:
    """Record a document as older releases did, whatever it is about."""

    async def once() -> AsyncIterator[bytes]:
        yield data

    services = service.services
    store = DocumentStore(services.engine, log_id=services.log.log_id)
    answer = await Recorder(services, store).record(
        once(),
        Intent(subjects=subjects, type_code="380", filename="x.pdf"),
        await anybody(service),
        media_type=lambda: "application/pdf",
        idempotency_key=None,
    )
    return answer.first_index


async def record_event(service: ServiceUnderTest, value: Json) -> int:
    """Record an event as older releases did, whatever it is about."""
    services, who = service.services, await anybody(service)
    submitting = Submitting(
        submitter=str(who.organisation),
        keys=services.event_keys,
        carrier=services.carrier,
        may_name_reserved=True,
    )
    draft = parse_event(json.dumps(value).encode(), submission=submitting)
    records = records_of((draft,), submitter=who.organisation, random_bytes=services.random_bytes)
    logged = await services.writer.submit(
        Submission(submitter=who.organisation, records=await sealed(records, vault=services.vault))
    )
    assert logged.records[0] is not None
    return logged.records[0].first_index


async def opened_case(service: ServiceUnderTest) -> tuple[Desk, str, str]:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(event(epc))
    return desk, epc, await desk.open(epc, "damage")


@pytest.mark.parametrize("role", ["carrier", "member", "claims"])
async def test_a_document_about_a_case_is_refused_with_what_to_do(
    service: ServiceUnderTest, role: str
) -> None:
    desk, epc, case = await opened_case(service)
    other = await service.as_role(role, organisation="Opponent")
    for subjects in ([case], [epc, case], [f"urn:provenance:log:{service.services.log.origin}"]):
        answer = await upload(other, PDF, *subjects)
        assert (answer.status_code, answer.json()["code"]) == (400, RESERVED), answer.text
        (fault,) = answer.json()["errors"]
        assert (fault["parameter"], fault["code"]) == ("subject", RESERVED)
        assert subjects[-1] in fault["detail"]
        assert "provenance case act CASE evidence_linked" in fault["detail"]
    # The opener's own slip is told the same way.
    own = await upload(desk.claims, PDF, case)
    assert own.json()["code"] == RESERVED


async def test_an_event_about_a_case_is_refused_by_its_field(service: ServiceUnderTest) -> None:
    desk, epc, case = await opened_case(service)
    answer = await desk.carrier.post("/epcis/events", json=event(epc, case))
    assert answer.status_code == 400, answer.text
    (fault,) = answer.json()["errors"]
    assert (fault["pointer"], fault["code"]) == ("/epcList/1", RESERVED)
    bol = [{"type": "bol", "bizTransaction": case}]
    one = event(epc, bizTransactionList=bol)
    document = {
        "@context": one.pop("@context"),
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": "2026-01-01T00:00:00Z",
        "epcisBody": {"eventList": [one]},
    }
    answer = await desk.carrier.post("/epcis/capture", json=document)
    assert answer.status_code == 400, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["code"] == RESERVED
    assert fault["pointer"] == "/epcisBody/eventList/0/bizTransactionList/0/bizTransaction"


async def test_a_case_is_about_nothing_that_the_service_names(service: ServiceUnderTest) -> None:
    desk, _, case = await opened_case(service)
    body = {"claim": "damage", "claimant": "N"}
    for name in (case, f"urn:provenance:log:{service.services.log.origin}"):
        answer = await desk.claims.post("/v1/cases", json={**body, "shipments": [name]})
        (fault,) = answer.json()["errors"]
        assert (fault["pointer"], fault["code"]) == ("/shipments/0", RESERVED)


@pytest.mark.soak
async def test_older_records_about_a_case_change_nothing_and_can_be_erased(
    service: ServiceUnderTest,
) -> None:
    desk, epc, case = await opened_case(service)
    data = pdf(mark=epc)
    paper = await record_document(service, data, case)
    seen = await record_event(service, event(parcel(), case))
    moved = await desk.act(case, 1, "state_changed", to="collecting")
    assert moved.status_code == 201, moved.text
    await service.anchor()

    found = await desk.read(case)
    assert (found["state"], found["seq"]) == ("collecting", 2)
    listed = await desk.claims.get("/v1/cases", params={"shipment": epc, "state": "collecting"})
    assert [one["case"] for one in listed.json()["cases"]] == [case]

    report = await verified(service, await write_dossier(desk.claims, f"cases/{case}"))
    assert report.outcome is Outcome.VALID, report.to_json()
    said = next(check for check in report.checks if check.check == "case")
    assert (said.outcome, said.reason) == (
        Outcome.VALID,
        "type and state follow from its acts: 2",
    )
    # The event's first entry is of its parcel, the second of the case.
    others = f"type or state: entry {paper}, entry {seen + 1}"
    assert report.qualifications[-1].endswith(others), report.qualifications

    described = {
        "v": 1,
        "document": {"first_index": paper, "sha256": hashlib.sha256(data).hexdigest()},
    }
    answer = await desk.claims.post(
        f"/v1/documents/{paper}/description", params={"subject": case}, json=described
    )
    assert (answer.status_code, answer.json()["code"]) == (400, RESERVED), answer.text

    await erase(service, records=[paper, seen])
    await service.anchor()
    written = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, written)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert not any("no act of it" in one for one in report.qualifications)
    states = {one.index: one.state for one in opened(written).receipts}
    assert (states[paper], states[seen + 1]) == ("erased", "erased")


async def test_the_audit_derives_what_an_older_event_was_recorded_about(
    service: ServiceUnderTest,
) -> None:
    services, who = service.services, await anybody(service)
    _, epc, case = await opened_case(service)
    rule = expected_events(keys=services.event_keys, carrier=services.carrier)
    value = event(epc, case)
    stored = AuditedPayload(
        kind="event",
        submitter=str(who.organisation),
        media_type="application/ld+json",
        payload=json.dumps(value).encode(),
        context=json.dumps(value["@context"]).encode(),
    )
    found = rule(stored)
    assert found is not None
    assert found.subjects[-1] == case
    assert rule(replace(stored, kind="document")) is None
