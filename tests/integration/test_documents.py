"""Documents: recorded, sealed, proven, given back byte for byte to those entitled."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.documents import CSV, PDF, SAMPLES, files_below, pdf, upload
from provenance.core.receipt import Receipt
from provenance.core.statement import payload_commitment

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


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


async def test_a_refusal_says_what_was_found_declared_and_is_taken(
    service: ServiceUnderTest,
) -> None:
    carrier = await service.new_carrier()
    refused = await upload(carrier, b"PK\x03\x04" + bytes(60), parcel())
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (415, "document-type-not-taken")
    assert "the content is ZIP, or an office file; declared is application/pdf" in problem["detail"]
    assert "application/pdf, image/png" in refused.headers["accept"]
    other = await upload(carrier, PDF, parcel(), media_type="image/png")
    assert (other.status_code, other.json()["code"]) == (422, "document-type-differs")
    empty = await upload(carrier, b"", parcel())
    assert (empty.status_code, empty.json()["code"]) == (422, "empty-document")


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


async def test_versions_that_did_not_know_of_each_other_name_each_other(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.new_carrier(), parcel()
    old = (await upload(carrier, pdf(mark="old"), about)).json()["first_index"]
    answers = await asyncio.gather(
        *(upload(carrier, pdf(mark=str(n)), about, supersedes=old) for n in range(3))
    )
    versions = sorted(answer.json()["first_index"] for answer in answers)
    listed = (await carrier.get("/v1/documents", params={"subject": about})).json()["documents"]
    found = {one["first_index"]: one for one in listed}
    assert found[old]["superseded_by"] == versions
    assert "beside" not in found[old]
    for first in versions:
        assert found[first]["state"] == "current"
        assert found[first]["beside"] == [one for one in versions if one != first]
