"""Documents: recorded, sealed, proven, given back byte for byte to those entitled."""

import asyncio
import base64
import hashlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import CSV, PDF, SAMPLES, pdf
from provenance.api.documents.store import DocumentStore
from provenance.blobs import BlobNotFoundError
from provenance.core.receipt import Receipt
from provenance.core.statement import payload_commitment
from provenance.core.verdict import Outcome
from provenance.sealing import KeyGoneError, SealedRef
from provenance.sealing.sweep import Swept
from provenance.verify.audit import AuditReport, audit_database
from provenance.wiring.sealing import sweeper

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


def files_below(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def upload(
    client: httpx.AsyncClient,
    data: bytes,
    *subjects: str,
    media_type: str = "application/pdf",
    headers: dict[str, str] | None = None,
    **query: Any,
) -> httpx.Response:
    return await client.post(
        "/v1/documents",
        params={"subject": list(subjects), "type": "380", **query},
        content=data,
        headers={"content-type": media_type, **(headers or {})},
    )


async def test_a_document_comes_back_byte_for_byte(service: ServiceUnderTest) -> None:
    carrier, about, data = await service.new_carrier(), parcel(), pdf(size=300_000)
    answer = await upload(carrier, data, about, filename="Rechnung für Glas.pdf")
    assert answer.status_code == 201, answer.text
    recorded = answer.json()
    assert (recorded["count"], recorded["size"], recorded["type"]) == (1, len(data), "380")
    assert recorded["sha256"] == hashlib.sha256(data).hexdigest()
    assert recorded["acknowledgement"].split("\n")[1] == "ack/v1"
    back = await carrier.get(answer.headers["location"])
    assert back.content == data
    assert back.headers["content-type"] == "application/pdf"
    assert back.headers["content-disposition"].endswith(
        "filename*=UTF-8''Rechnung%20f%C3%BCr%20Glas.pdf"
    )
    digest = base64.b64encode(hashlib.sha256(data).digest()).decode()
    assert back.headers["repr-digest"] == f"sha-256=:{digest}:"


@pytest.mark.parametrize("media_type", sorted(SAMPLES))
async def test_each_kind_that_is_taken_is_recorded_as_declared(
    service: ServiceUnderTest, media_type: str
) -> None:
    carrier, data = await service.new_carrier(), SAMPLES[media_type]
    answer = await upload(carrier, data, parcel(), media_type=media_type)
    assert answer.status_code == 201, answer.text
    assert answer.json()["media_type"] == media_type
    back = await carrier.get(answer.headers["location"])
    assert (back.content, back.headers["content-type"].partition(";")[0]) == (data, media_type)


async def test_the_receipt_of_a_document_opens_it(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    recorded = (await upload(carrier, PDF, about, parcel())).json()
    await service.anchor()
    for index in (recorded["first_index"], recorded["first_index"] + 1):
        answer = await carrier.get(f"/v1/receipts/{index}")
        receipt = Receipt.decode(answer.content)
        assert receipt.statement is not None
        assert (receipt.statement.kind, receipt.statement.type) == ("document", "380")
        assert receipt.payload is not None
        assert receipt.payload.sha256 == hashlib.sha256(PDF).digest()
        assert payload_commitment(PDF, salt=receipt.payload.salt) == receipt.statement.payload
    verified = await service.anonymous.post(
        "/v1/verify",
        json={"receipts": [{"receipt": answer.json(), "payload": base64.b64encode(PDF).decode()}]},
    )
    assert verified.status_code == 200, verified.text
    outcomes = {
        check["check"]: check["outcome"] for check in verified.json()["receipts"][0]["verdicts"]
    }
    assert outcomes["content"] == "VALID"
    assert "INVALID" not in outcomes.values()


async def test_nothing_of_a_document_lies_in_the_database_or_open_on_disk(
    service: ServiceUnderTest,
) -> None:
    carrier, data = await service.new_carrier(), pdf(size=200_000, mark="a-secret-mark")
    recorded = (await upload(carrier, data, parcel(), filename="secret-name.pdf")).json()
    async with service.services.engine.connect() as connection:
        row = (
            await connection.execute(
                text("SELECT records::text AS spelled, * FROM records WHERE first_index = :first"),
                {"first": recorded["first_index"]},
            )
        ).one()
    assert row.payload is None
    assert row.payload_salt is None
    assert recorded["sha256"] not in row.spelled
    assert "secret" not in row.spelled
    words = (b"a-secret-mark", b"canary-0123456789", b"secret-name")
    assert not any(
        word in data for data in files_below(service.settings.data_dir) for word in words
    )


async def test_the_same_document_again_gets_the_first_answer(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    first = (await upload(carrier, PDF, about)).json()
    kept = sorted(files_below(service.settings.data_dir / "blobs" / "sealed"))
    again = await upload(carrier, PDF, about)
    assert again.status_code == 201
    assert again.json() == {**first, "repeated": True}
    assert sorted(files_below(service.settings.data_dir / "blobs" / "sealed")) == kept


async def test_an_idempotency_key_belongs_to_one_upload(service: ServiceUnderTest) -> None:
    carrier, about, key = await service.new_carrier(), parcel(), {"idempotency-key": "once"}
    first = (await upload(carrier, PDF, about, headers=key)).json()
    again = (await upload(carrier, PDF, about, headers=key)).json()
    assert again == {**first, "repeated": True}
    other = await upload(carrier, pdf(mark="other"), about, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-conflict")
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()
    assert [one["first_index"] for one in listed["documents"]] == [first["first_index"]]


async def test_the_announced_hash_is_held_against_the_bytes(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    right = base64.b64encode(hashlib.sha256(PDF).digest()).decode()
    wrong = base64.b64encode(hashlib.sha256(b"").digest()).decode()
    refused = await upload(carrier, PDF, about, headers={"repr-digest": f"sha-256=:{wrong}:"})
    assert (refused.status_code, refused.json()["code"]) == (422, "digest-differs")
    taken = await upload(
        carrier, PDF, about, headers={"content-digest": f"md5=:eA==:, sha-256=:{right}:"}
    )
    assert taken.status_code == 201
    bad = await upload(carrier, PDF, about, headers={"repr-digest": "sha-256=:eA==:"})
    assert bad.status_code == 400


@pytest.mark.parametrize(
    ("asked", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=65530-65545", 65530, 65546),
        ("bytes=131072-", 131072, None),
        ("bytes=-5", -5, None),
        ("bytes=100-99999999", 100, None),
    ],
)
async def test_a_range_is_what_lies_there(
    service: ServiceUnderTest, asked: str, start: int, stop: int | None
) -> None:
    carrier, data = await service.new_carrier(), pdf(size=150_000)
    place = (await upload(carrier, data, parcel())).headers["location"]
    answer = await carrier.get(place, headers={"range": asked})
    assert answer.status_code == 206
    assert answer.content == data[start:stop]
    first = start % len(data)
    last = first + len(answer.content) - 1
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(data)}"


async def test_ranges_outside_and_versions_that_are_had(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    place = (await upload(carrier, PDF, parcel())).headers["location"]
    outside = await carrier.get(place, headers={"range": f"bytes={len(PDF)}-"})
    assert outside.status_code == 416
    assert outside.headers["content-range"] == f"bytes */{len(PDF)}"
    etag = (await carrier.get(place)).headers["etag"]
    assert (await carrier.get(place, headers={"if-none-match": etag})).status_code == 304
    other = await carrier.get(place, headers={"range": "bytes=0-1", "if-range": '"other"'})
    assert (other.status_code, other.content) == (200, PDF)
    payload = place.replace("documents", "records") + "/payload"
    assert (await carrier.get(payload)).content == PDF
    head = await carrier.head(place)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(PDF)))


async def test_a_new_version_supersedes_the_old_one_and_both_stay(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    old = (await upload(carrier, PDF, about, parcel())).json()
    new = (await upload(carrier, pdf(mark="2"), about, supersedes=old["first_index"])).json()
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()["documents"]
    assert [(one["first_index"], one["state"]) for one in listed] == [
        (new["first_index"], "current"),
        (old["first_index"], "superseded"),
    ]
    assert listed[1]["superseded_by"] == [new["first_index"]]
    assert listed[0]["type_name"] == "Commercial invoice"
    await service.anchor()
    receipt = Receipt.decode((await carrier.get(f"/v1/receipts/{new['first_index']}")).content)
    assert receipt.statement is not None
    leaves = await service.services.entries.leaf_hashes(old["first_index"], old["first_index"] + 2)
    assert [(ref.rel, ref.leaf) for ref in receipt.statement.refs] == [
        ("supersedes", leaf) for leaf in leaves
    ]
    assert (await carrier.get(f"/v1/documents/{old['first_index']}")).content == PDF


async def test_only_its_own_organisation_supersedes_a_document(service: ServiceUnderTest) -> None:
    about = parcel()
    old = (await upload(await service.new_carrier(), PDF, about)).json()
    refused = await upload(
        await service.new_carrier(), pdf(mark="2"), about, supersedes=old["first_index"]
    )
    assert (refused.status_code, refused.json()["code"]) == (422, "no-such-document")


def description(recorded: dict[str, Any], **members: Any) -> dict[str, Any]:
    document = {"first_index": recorded["first_index"], "sha256": recorded["sha256"]}
    return {"v": 1, "document": document, **members}


async def test_a_description_relies_on_its_document(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    recorded = (await upload(carrier, PDF, about)).json()
    said = description(
        recorded,
        issuer="Glas GmbH",
        amounts=[{"role": "invoiced", "currency": "EUR", "value": "120.50"}],
        weight_g=2500,
        pieces=2,
        dates=[{"role": "issued", "at": "2026-03-29"}],
    )
    path = f"/v1/documents/{recorded['first_index']}/description"
    body = json.dumps(said, indent=1).encode()
    answer = await carrier.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 201, answer.text
    back = await carrier.get(answer.headers["location"])
    assert back.content == body
    assert back.headers["content-type"] == "application/vnd.provenance.description+json"
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()["documents"]
    assert [one["descriptions"] for one in listed] == [[answer.json()["first_index"]]]
    await service.anchor()
    index = answer.json()["first_index"]
    receipt = Receipt.decode((await carrier.get(f"/v1/receipts/{index}")).content)
    assert receipt.statement is not None
    [leaf] = await service.services.entries.leaf_hashes(
        recorded["first_index"], recorded["first_index"] + 1
    )
    assert [(ref.rel, ref.leaf) for ref in receipt.statement.refs] == [("relies_on", leaf)]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"document": {"first_index": 0, "sha256": "0" * 64}}, "/document/first_index"),
        ({"amounts": [{"role": "paid", "currency": "EUR", "value": "1"}]}, "/amounts/0/role"),
        ({"amounts": [{"role": "insured", "currency": "JPY", "value": "1.5"}]}, "/amounts/0/value"),
        (
            {"amounts": [{"role": "insured", "currency": "EUX", "value": "1"}]},
            "/amounts/0/currency",
        ),
        ({"dates": [{"role": "loss", "at": "2026-02-29"}]}, "/dates/0/at"),
        ({"pieces": -1}, "/pieces"),
        ({"signer": None}, ""),
        ({"color": "red"}, ""),
    ],
)
async def test_a_description_that_is_wrong_is_refused_by_its_member(
    service: ServiceUnderTest, changes: dict[str, Any], pointer: str
) -> None:
    carrier = await service.new_carrier()
    recorded = (await upload(carrier, PDF, parcel())).json()
    said = {**description(recorded), **changes}
    path = f"/v1/documents/{recorded['first_index']}/description"
    answer = await carrier.post(path, json=said)
    assert (answer.status_code, answer.json()["code"]) == (400, "description-refused")
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_an_index_alone_entitles_to_nothing(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    place = (await upload(carrier, PDF, about)).headers["location"]
    claims, member = await service.as_role("claims"), await service.as_role("member")
    other = await service.new_carrier()
    assert (await other.get(place, params={"subject": about})).status_code == 404
    for reader in (claims, member):
        assert (await reader.get(place)).status_code == 403
        assert (await reader.get(place, params={"subject": parcel()})).status_code == 404
        assert (await reader.get(place, params={"subject": about})).content == PDF
    assert (await (await service.as_role("auditor")).get(place)).status_code == 403
    assert (await service.anonymous.get(place)).status_code == 401


async def test_a_member_is_not_given_a_document_of_other_parcels_too(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    answer = await upload(carrier, PDF, about, parcel(), filename="both parcels.pdf")
    first, named = answer.json()["first_index"], {"subject": about}
    member = await service.as_role("member")
    assert (await member.get(answer.headers["location"], params=named)).status_code == 403
    [item] = (await member.get("/v1/documents", params=named)).json()["documents"]
    assert (item["first_index"], item.get("filename")) == (first, None)
    await service.anchor()
    receipt = Receipt.decode((await member.get(f"/v1/receipts/{first}", params=named)).content)
    assert receipt.statement is not None
    assert receipt.payload is None


async def test_a_claimant_adds_to_what_is_recorded_and_begins_no_trail(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    member = await service.as_role("member", organisation="Claimant")
    unknown = await upload(member, SAMPLES["image/jpeg"], about, media_type="image/jpeg")
    assert unknown.status_code == 404
    await carrier.post("/epcis/events", json=event(about))
    taken = await upload(member, SAMPLES["image/jpeg"], about, media_type="image/jpeg", type="712")
    assert taken.status_code == 201, taken.text
    timeline = await member.get(f"/v1/shipments/{about}/timeline")
    last = timeline.json()["events"][-1]
    assert (last["kind"], last.get("erased", False)) == ("document", False)


async def test_a_log_that_closes_while_a_document_streams_in_keeps_nothing_of_it(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    kept = sorted(files_below(service.settings.data_dir / "blobs" / "sealed"))
    writer = service.services.writer

    async def closing() -> AsyncIterator[bytes]:
        yield PDF[:20]
        writer.close(state="behind", reason="for this test")
        yield PDF[20:]

    try:
        answer = await carrier.post(
            "/v1/documents",
            params={"subject": about, "type": "380"},
            content=closing(),
            headers={"content-type": "application/pdf"},
        )
        assert (answer.status_code, answer.json()["code"]) == (503, "log-read-only")
        early = await upload(carrier, PDF, about)
        assert early.status_code == 503
    finally:
        writer.open()
    assert sorted(files_below(service.settings.data_dir / "blobs" / "sealed")) == kept
    listed = await carrier.get("/v1/documents", params={"subject": about})
    assert listed.json() == {"documents": []}


async def test_more_uploads_than_there_are_places_are_told_to_come_back(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    going, places = asyncio.Event(), service.services.limits.max_uploads

    async def waiting() -> AsyncIterator[bytes]:
        yield PDF[:20]
        await going.wait()
        yield PDF[20:]

    async def send(about: str) -> httpx.Response:
        return await carrier.post(
            "/v1/documents",
            params={"subject": about, "type": "380"},
            content=waiting(),
            headers={"content-type": "application/pdf"},
        )

    sent = [asyncio.create_task(send(parcel())) for _ in range(places + 1)]
    done, _ = await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
    [refused] = [task.result() for task in done]
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    going.set()
    answers = await asyncio.gather(*sent)
    assert sorted(answer.status_code for answer in answers) == [201] * places + [503]


async def test_what_crashes_left_between_the_steps_is_swept_and_nothing_else(
    service: ServiceUnderTest,
) -> None:
    carrier, vault, folder = (
        await service.new_carrier(),
        service.services.vault,
        service.settings.data_dir,
    )
    recorded = (await upload(carrier, PDF, parcel())).json()["first_index"]
    before = everything_sealed(folder)
    # A crash before the key was kept, and one before the record was logged.
    without_key = await vault.store(pieces(PDF))
    without_record = await vault.store(pieces(PDF))
    shelved = await vault.shelve(without_record, payload_salt=bytes(32))
    sweeps = sweeper(service.settings, service.services.engine)
    assert await sweeps.sweep() == Swept()
    for path in everything_sealed(folder):
        os.utime(path, (time.time() - 7_200,) * 2)
    assert await sweeps.sweep() == Swept(keys=1, objects=2)
    assert everything_sealed(folder) == before
    assert (await carrier.get(f"/v1/documents/{recorded}")).content == PDF
    with pytest.raises(KeyGoneError):
        await vault.opening(shelved)
    with pytest.raises(BlobNotFoundError):
        await vault.measure(
            SealedRef(without_key.path, *(await reference_of(service, recorded))), size=len(PDF)
        )


async def reference_of(service: ServiceUnderTest, first_index: int) -> tuple[str, int, bytes]:
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first_index)
    assert document is not None
    assert document.sealed is not None
    return document.sealed.segment, document.sealed.slot, document.sealed.opening


def everything_sealed(folder: Path) -> set[Path]:
    """Sealed objects and key segments."""
    return {
        path
        for part in ("blobs/sealed", "keys/sealed")
        for path in (folder / part).rglob("*")
        if path.is_file() and path.name != ".lock"
    }


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ({"type": "9999"}, 400, "bad-value"),
        ({"type": ""}, 400, "bad-parameter"),
        ({"filename": "../../etc/passwd"}, 400, "bad-value"),
        ({"filename": "evil\u202efdp.exe"}, 400, "bad-value"),
        ({"filename": "NUL.txt"}, 400, "bad-value"),
        ({"supersedes": "999999999"}, 422, "no-such-document"),
        ({"subject": "not a subject \u0007"}, 400, "bad-parameter"),
        ({"unknown": "1"}, 400, "unsupported-parameter"),
    ],
)
async def test_a_parameter_that_is_wrong_is_named(
    service: ServiceUnderTest, query: dict[str, str], status: int, code: str
) -> None:
    answer = await upload(await service.new_carrier(), PDF, parcel(), **query)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_a_waybill_number_is_a_subject(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    answer = await upload(carrier, CSV, "WB-77 1", media_type="text/csv", carrier="acme")
    assert answer.json()["subjects"] == ["urn:provenance:shipment:acme:WB-77%201"]


async def test_lists_are_read_page_by_page(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    made = [
        (await upload(carrier, pdf(mark=str(number)), about)).json()["first_index"]
        for number in range(5)
    ]
    found: list[int] = []
    query = {"subject": about, "perPage": "2"}
    while True:
        page = (await carrier.get("/v1/documents", params=query)).json()
        found += [one["first_index"] for one in page["documents"]]
        if "next" not in page:
            break
        query["nextPageToken"] = page["next"]
    assert found == made[::-1]


async def test_types_are_found_by_words_and_by_code(service: ServiceUnderTest) -> None:
    by_words = await service.anonymous.get("/v1/document-types", params={"q": "packing li"})
    assert {"code": "271", "name": "Packing list"} in by_words.json()["types"]
    by_code = await service.anonymous.get("/v1/document-types", params={"q": "380"})
    assert by_code.json()["types"] == [{"code": "380", "name": "Commercial invoice"}]


async def test_an_erased_document_says_so(service: ServiceUnderTest) -> None:
    carrier, about = await service.new_carrier(), parcel()
    recorded = (await upload(carrier, PDF, about)).json()
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(recorded["first_index"])
    assert document is not None
    assert document.sealed is not None
    await service.services.vault.erase(document.sealed)
    gone = await carrier.get(f"/v1/documents/{recorded['first_index']}")
    assert (gone.status_code, gone.json()["code"]) == (410, "sealed-key-gone")
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()["documents"]
    assert [one["state"] for one in listed] == ["erased"]
    await service.anchor()
    receipt = Receipt.decode((await carrier.get(f"/v1/receipts/{recorded['first_index']}")).content)
    assert receipt.statement is not None
    assert receipt.payload is None


async def audited(service: ServiceUnderTest, *, with_stores: bool = True) -> AuditReport:
    settings = service.settings
    assert settings.database_url
    return await audit_database(
        settings.database_url,
        origin=settings.origin,
        trust=await service.services.trust(),
        rpc_url=settings.rpc_url,
        sealed=service.services.vault if with_stores else None,
    )


async def contents(service: ServiceUnderTest, first_index: int) -> list[str]:
    report = await audited(service)
    found = [str(finding) for finding in report.findings]
    return [one for one in found if one.startswith(f"payload of record {first_index}:")]


async def object_of(service: ServiceUnderTest, first_index: int) -> Path:
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first_index)
    assert document is not None
    assert document.sealed is not None
    return service.settings.data_dir / "blobs" / document.sealed.path


def damage(path: Path) -> bytes:
    """Flip one bit; returns what was there."""
    data = path.read_bytes()
    path.write_bytes(data[:500] + bytes([data[500] ^ 1]) + data[501:])
    return data


async def test_an_audit_reads_sealed_payloads_and_names_the_one_that_was_altered(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    first = (await upload(carrier, pdf(size=70_000), parcel())).json()["first_index"]
    await service.anchor()
    assert await contents(service, first) == []
    path = await object_of(service, first)
    sound = damage(path)
    [finding] = await contents(service, first)
    assert "chunk 0 is not what was sealed" in finding
    answer = await carrier.get(f"/v1/documents/{first}")
    assert answer.status_code == 500
    path.unlink()
    [finding] = await contents(service, first)
    assert "there is no object" in finding
    path.write_bytes(sound)
    assert await contents(service, first) == []


async def test_an_audit_without_the_stores_does_not_vouch_for_sealed_payloads(
    service: ServiceUnderTest,
) -> None:
    await upload(await service.new_carrier(), PDF, parcel())
    await service.anchor()
    report = await audited(service, with_stores=False)
    [verdict] = [one for one in report.verdicts if one.check == "contents"]
    assert verdict.outcome is not Outcome.VALID
    assert "sealed payloads were not read" in verdict.reason


async def test_a_payload_whose_key_is_gone_must_be_named_by_an_erasure(
    service: ServiceUnderTest,
) -> None:
    first = (await upload(await service.new_carrier(), PDF, parcel())).json()["first_index"]
    store = DocumentStore(service.services.engine, log_id=service.services.log.log_id)
    document = await store.find(first)
    assert document is not None
    assert document.sealed is not None
    await service.services.vault.erase(document.sealed)
    await service.anchor()
    found = [str(finding) for finding in (await audited(service)).findings]
    assert any(one.startswith(f"entry {first}: cannot be opened") for one in found), found
