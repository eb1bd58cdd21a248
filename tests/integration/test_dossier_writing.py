"""Dossiers over HTTP: of a case and of a shipment, for whoever may see them, whole and in part."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.documents import PDF, pdf, upload
from fixtures.reports import text_of
from fixtures.written import member, opened, verified, write_dossier, write_with_lines
from provenance.core.verdict import Outcome

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
INVOICE = pdf(size=200_000, mark="invoice")


async def damaged(service: ServiceUnderTest) -> tuple[Desk, str, str, int]:
    """A damaged parcel with an invoice and a case; anchored."""
    desk, epc = await new_desk(service), parcel()
    await desk.capture(
        at("2026-06-01T09:00:00+08:00", "collecting", epc),
        at("2026-06-10T14:00:00+02:00", "accepting", epc, disposition="damaged"),
    )
    added = await upload(desk.claims, INVOICE, epc, type="380", filename="Invoice é.pdf")
    assert added.status_code == 201, added.text
    case = await desk.open(epc, "damage", carriage=["air"], zone="Europe/Berlin")
    await service.anchor()
    return desk, epc, case, added.json()["first_index"]


async def test_a_case_is_written_and_proven(service: ServiceUnderTest, tmp_path: Path) -> None:
    desk, epc, case, invoice = await damaged(service)
    data = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    dossier = opened(data)
    assert dossier.manifest.subjects == (case, epc)
    assert dossier.manifest.case == {"id": case, "type": "damage", "state": "opened"}
    (document,) = [file for file in dossier.manifest.files if file.role == "document"]
    assert (document.record, document.code, document.title) == (invoice, "380", "Invoice é.pdf")
    assert document.media_type == "application/pdf"
    assert member(data, document.name) == INVOICE
    shown = json.loads(member(data, "case.json"))
    assert shown["claim"] == "damage"
    assert shown["history"][0]["proof"] == "proven"
    said = text_of(member(data, "case.pdf"), tmp_path)
    for what in (
        "Claim: damage",
        "Nora Example",
        "Commercial invoice",
        "present",
        "Acts of the case",
        "accepting, damaged",
        "380 Commercial invoice",
        dossier.closing.anchor.block_hash.hex()[:16],
    ):
        assert what in said, (what, said)


async def test_one_closing_anchor_covers_what_was_anchored_one_by_one(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    for hour in range(3):
        await desk.capture(at(f"2026-06-01T0{hour}:00:00+02:00", "departing", epc))
        await service.anchor()
    case = await desk.open(epc, "delay")
    await service.anchor()
    # What others record meanwhile is in the closing size and not in the dossier.
    await desk.capture(at("2026-06-02T00:00:00+02:00", "departing", parcel()))
    await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{case}")
    dossier = opened(data)
    firsts = {receipt.anchored.anchor.size for receipt in dossier.receipts}
    assert len(firsts) == 4
    assert {size for size, _ in dossier.closing.consistency} == firsts
    assert dossier.closing.anchor.size > max(firsts)
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()


async def test_lines_tell_how_far_it_has_come_and_the_same_dossier_follows(
    service: ServiceUnderTest,
) -> None:
    desk, _, case, _ = await damaged(service)
    lines, data = await write_with_lines(desk.claims, f"cases/{case}")
    doing = [line["doing"] for line in lines[:-1]]
    assert doing[0] == "reading what is recorded"
    assert "gathering proofs" in doing
    assert "reading documents" in doing
    assert lines[-1] == {"size": len(data)}
    assert (await verified(service, data)).outcome is Outcome.VALID


async def test_what_is_not_anchored_yet_is_told_and_may_be_asked_again(
    service: ServiceUnderTest,
) -> None:
    desk, epc, case, _ = await damaged(service)
    (first,) = await desk.capture(at("2026-06-11T14:00:00+02:00", "departing", epc))
    answer = await desk.claims.post(f"/v1/cases/{case}/dossier", json={})
    assert answer.status_code == 409
    assert answer.json()["code"] == "not-anchored"
    assert f"entry {first}" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "2"
    await service.anchor()
    assert (await verified(service, await write_dossier(desk.claims, f"cases/{case}"))).outcome is (
        Outcome.VALID
    )


async def test_who_may_not_see_a_case_gets_no_dossier_of_it(service: ServiceUnderTest) -> None:
    _, epc, case, _ = await damaged(service)
    other = await service.as_role("claims", organisation="Another insurer")
    answer = await other.post(f"/v1/cases/{case}/dossier", json={})
    assert (answer.status_code, answer.json()["code"]) == (404, "not-found")
    for role, path, status in (
        ("member", f"cases/{case}", 403),
        ("carrier", f"cases/{case}", 403),
        ("carrier", f"shipments/{epc}", 403),
        ("customs", f"shipments/{epc}", 403),
        ("auditor", f"shipments/{epc}", 403),
        ("member", f"shipments/{parcel()}", 404),
        ("admin", f"cases/{case}", 200),
    ):
        client = await service.as_role(role)
        found = await client.post(f"/v1/{path}/dossier", json={})
        assert found.status_code == status, (role, path, found.text)
    missing = await other.post(f"/v1/cases/{'0' * 32}/dossier", json={})
    assert missing.status_code == 404
    anonymous = await service.anonymous.post(f"/v1/cases/{case}/dossier", json={})
    assert anonymous.status_code == 401


async def test_a_member_gets_its_own_parcel_and_nothing_of_its_neighbours(
    service: ServiceUnderTest,
) -> None:
    desk, mine, neighbour = await new_desk(service), parcel(), parcel()
    (first,) = await desk.capture(event(mine, neighbour))
    await desk.capture(event(mine))
    await upload(desk.carrier, pdf(mark="both"), mine, neighbour, type="380")
    await upload(desk.carrier, pdf(mark="mine"), mine, type="740")
    await desk.open(mine, "damage", note="what the insurer says")
    await service.anchor()
    member_client = await service.as_role("member")
    data = await write_dossier(member_client, f"shipments/{mine}")
    assert neighbour.encode() not in data
    assert b"what the insurer says" not in data
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    dossier = opened(data)
    assert dossier.manifest.subjects == (mine,)
    assert dossier.manifest.case is None
    shared = next(item for item in dossier.receipts if item.index == first)
    assert f'"{mine}"' in [item.field.token for item in shared.fields]
    states = {file.code: file.state for file in dossier.manifest.files if file.role == "document"}
    assert states == {"380": "withheld", "740": None}
    # The act of the insurer's case keeps its place and says nothing.
    assert [item.state for item in dossier.receipts].count("withheld") == 1
    whole = await write_dossier(desk.claims, f"shipments/{mine}")
    assert neighbour.encode() in whole
    assert (await verified(service, whole)).outcome is Outcome.VALID


async def test_a_document_that_begins_in_a_neighbours_trail_is_counted(
    service: ServiceUnderTest,
) -> None:
    desk, mine, neighbour = await new_desk(service), parcel(), parcel()
    await desk.capture(event(mine))
    await upload(desk.carrier, pdf(mark="both"), neighbour, mine, type="380")
    await service.anchor()
    data = await write_dossier(await service.as_role("member"), f"shipments/{mine}")
    assert not [file for file in opened(data).manifest.files if file.role == "document"]
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert any("content of 1 of 2 opened records" in said for said in report.qualifications)


async def test_statements_alone_are_valid_and_said_to_be_without_content(
    service: ServiceUnderTest,
) -> None:
    desk, _, case, _ = await damaged(service)
    whole = opened(await write_dossier(desk.claims, f"cases/{case}"))
    firsts = [*whole.payloads, *(file.record for file in whole.manifest.files if file.record)]
    data = await write_dossier(desk.claims, f"cases/{case}", statements=firsts)
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert any("content of 4 of 4 opened records" in said for said in report.qualifications)


async def test_a_recipient_is_shown_what_was_chosen_and_the_rest_in_its_place(
    service: ServiceUnderTest,
) -> None:
    desk, mine, neighbour = await new_desk(service), parcel(), parcel()
    first, second = await desk.capture(
        event(mine, neighbour, bizStep="departing"), event(mine, bizStep="arriving")
    )
    kept = await upload(desk.claims, pdf(mark="kept"), mine, type="380", filename="kept.pdf")
    hidden = await upload(desk.claims, pdf(mark="hidden"), mine, type="740", filename="hidden.pdf")
    case = await desk.open(mine, "damage")
    await service.anchor()
    record = kept.json()["first_index"]
    data = await write_dossier(
        desk.claims,
        f"cases/{case}",
        records=[record],
        fields=[{"first_index": first, "pointers": ["/bizStep", "/epcList/0"]}],
    )
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert any("place and order only" in said for said in report.qualifications)
    for absent in (neighbour, "arriving", "hidden.pdf", "%hidden", "Nora Example"):
        assert absent.encode() not in data, absent
    dossier = opened(data)
    files = {file.role: file for file in dossier.manifest.files if file.role != "document"}
    assert not {"case", "report", "payloads"} & files.keys()
    documents = {file.record: file for file in dossier.manifest.files if file.role == "document"}
    assert documents[record].title == "kept.pdf"
    withheld = documents[hidden.json()["first_index"]]
    assert (withheld.state, withheld.code, withheld.title) == ("withheld", None, None)
    shown = {item.index: item for item in dossier.receipts}
    assert [item.field.token for item in shown[first].fields] == ['"departing"', f'"{mine}"']
    assert shown[second].state == "withheld"


async def test_a_variant_with_its_case_tells_nothing_of_the_timeline_that_is_withheld(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, _, case, invoice = await damaged(service)
    data = await write_dossier(desk.claims, f"cases/{case}", records=[invoice], case=True)
    said = text_of(member(data, "case.pdf"), tmp_path)
    timeline = said[said.index("Timeline") :]
    assert "accepting" not in timeline
    assert "withheld" in timeline
    assert "380 Commercial invoice" in said
    assert (await verified(service, data)).outcome is Outcome.VALID


@pytest.mark.parametrize(
    ("only", "pointer", "why"),
    [
        ({"records": [999_999]}, "/only/records/0", "no record 999999"),
        ({"records": ["first"], "statements": ["first"]}, "/only/statements/0", "chosen twice"),
        (
            {"fields": [{"first_index": "first", "pointers": []}]},
            "/only/fields/0",
            "names no field",
        ),
        (
            {"fields": [{"first_index": "first", "pointers": ["/x"]}]},
            "/only/fields/0",
            "no such field",
        ),
        (
            {"fields": [{"first_index": "single", "pointers": ["/bizStep"]}]},
            "/only/fields/0",
            "show it whole, or its statement",
        ),
        ({"record": [1]}, "/only/record", "no such member"),
    ],
)
async def test_a_choice_that_cannot_be_met_is_refused_by_name(
    service: ServiceUnderTest, only: dict[str, object], pointer: str, why: str
) -> None:
    desk, epc = await new_desk(service), parcel()
    first, single = await desk.capture(event(epc, parcel()), event(epc))
    await service.anchor()
    spelled = json.dumps(only).replace('"first"', str(first)).replace('"single"', str(single))
    answer = await desk.claims.post(
        f"/v1/shipments/{epc}/dossier", json={"only": json.loads(spelled)}
    )
    assert answer.status_code == 400, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == pointer
    assert why in fault["detail"]


async def test_a_document_that_is_gone_though_no_record_erases_it_is_found(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(event(epc))
    added = await upload(desk.claims, PDF, epc, type="380")
    await service.anchor()
    first = added.json()["first_index"]
    async with service.services.engine.connect() as connection:
        row = (
            await connection.execute(
                text("SELECT sealed_segment, sealed_slot FROM records WHERE first_index = :first"),
                {"first": first},
            )
        ).one()
    await service.services.vault._shelf.erase(row.sealed_segment, [row.sealed_slot])
    data = await write_dossier(desk.claims, f"shipments/{epc}")
    (document,) = [file for file in opened(data).manifest.files if file.role == "document"]
    assert (document.record, document.state, document.code) == (first, "erased", "380")
    # With the key alone anything could be made to go: an erasure is a record of the log.
    report = await verified(service, data)
    assert report.outcome is Outcome.INVALID
    (found,) = [file for file in report.files if file.role == "document"]
    assert found.reason == "it is called erased, and nothing in its whole trail erases it"


async def test_a_document_that_was_altered_is_told_before_anything_is_sent(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    await desk.capture(event(epc))
    added = await upload(desk.claims, pdf(size=100_000, mark="altered"), epc, type="380")
    first = added.json()["first_index"]
    await service.anchor()
    async with service.services.engine.connect() as connection:
        path = await connection.scalar(
            text("SELECT sealed_path FROM records ORDER BY first_index DESC LIMIT 1")
        )
    stored = service.settings.data_dir / "blobs" / path
    whole = stored.read_bytes()
    stored.write_bytes(whole[:70_000] + b"\0\0\0\0" + whole[70_004:])
    altered = await desk.claims.post(f"/v1/shipments/{epc}/dossier", json={})
    stored.unlink()
    lost = await desk.claims.post(f"/v1/shipments/{epc}/dossier", json={})
    download = await desk.claims.get(f"/v1/documents/{first}", params={"subject": epc})
    stored.write_bytes(whole)
    for answer in (altered, lost, download):
        assert answer.status_code == 500, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "document-damaged"
        assert f"entry {first} " in answer.json()["detail"]
    report = await verified(service, await write_dossier(desk.claims, f"shipments/{epc}"))
    assert report.outcome is Outcome.VALID, report.to_json()
