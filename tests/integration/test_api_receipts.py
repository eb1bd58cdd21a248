"""Receipts, trail heads and the public log: from a captured event to what a stranger can check."""

import asyncio
import base64
import json
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest
import pytest_asyncio
from prometheus_client import CollectorRegistry

from fixtures.application import BASE_URL, EPCIS_CONTEXT, ServiceUnderTest, event, parcel
from provenance.api.app import create_app
from provenance.core.notes import Checkpoint, TrailHead, open_note, split_note
from provenance.core.receipt import Receipt
from provenance.core.tiles import Tile, TileHashes, decode_bundle, inclusion_proof, inclusion_tiles
from provenance.core.tree import leaf_hash, verify_consistency
from provenance.core.trustfile import TrustFile

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

ONE, SEVERAL, NEIGHBOUR, WAYBILL = parcel(), parcel(), parcel(), "4711"


class Captured:
    """What the module's service holds: a single parcel, and an event of two with a waybill."""

    def __init__(self, carrier: httpx.AsyncClient, answers: list[dict[str, Any]]) -> None:
        self.carrier = carrier
        self.single, self.several = answers
        self.sizes: list[int] = []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def captured(service: ServiceUnderTest) -> Captured:
    carrier = await service.new_carrier()
    bodies = [
        event(ONE, eventID="urn:uuid:r-1"),
        event(
            SEVERAL,
            NEIGHBOUR,
            bizTransactionList=[{"type": "bol", "bizTransaction": WAYBILL}],
            **{"@context": [EPCIS_CONTEXT, {"ex": "https://x.example/"}], "ex:note": "n"},
        ),
    ]
    found = Captured(
        carrier, [(await carrier.post("/epcis/events", json=body)).json() for body in bodies]
    )
    await service.anchor()
    listed = (await service.anonymous.get("/v1/log/checkpoints")).json()
    found.sizes = [row["size"] for row in listed["checkpoints"]]
    return found


async def receipt_of(client: httpx.AsyncClient, index: int, **query: str) -> httpx.Response:
    return await client.get(f"/v1/receipts/{index}", params=query)


async def test_a_receipt_is_its_canonical_bytes_and_opens_the_event(captured: Captured) -> None:
    answer = await receipt_of(captured.carrier, captured.single["first_index"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    receipt = Receipt.decode(answer.content)
    assert receipt.encode() == answer.content
    assert receipt.statement is not None
    assert receipt.statement.subject == ONE


async def test_a_posted_receipt_gets_the_verdicts_and_says_who_checked(
    service: ServiceUnderTest, captured: Captured
) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    answer = await service.anonymous.post("/v1/verify", content=receipt.content, headers=JSON)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["outcome"] == "VALID", answer.text
    assert "itself" in found["note"]
    assert "demonstration" in found["qualification"]


JSON = {"content-type": "application/json"}


async def test_an_altered_payload_is_named(service: ServiceUnderTest, captured: Captured) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    event_bytes = (await captured.carrier.get("/epcis/events/urn:uuid:r-1")).content
    for payload, outcome in ((event_bytes, "VALID"), (event_bytes + b" ", "INVALID")):
        answer = await service.anonymous.post(
            "/v1/verify",
            json={
                "receipts": [{"receipt": receipt.text, "payload": _base64(payload), "name": "mine"}]
            },
        )
        (one,) = answer.json()["receipts"]
        verdicts = {verdict["check"]: verdict["outcome"] for verdict in one["verdicts"]}
        assert (one["name"], verdicts["content"]) == ("mine", outcome)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_a_receipt_inside_an_envelope_keeps_its_bytes(
    service: ServiceUnderTest, captured: Captured
) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    body = b'{"receipts":[{"receipt":' + receipt.content + b'},{"receipt": {"v": 1}}]}'
    answer = (await service.anonymous.post("/v1/verify", content=body, headers=JSON)).json()
    assert [one["outcome"] for one in answer["receipts"]] == ["VALID"]
    assert [one["name"] for one in answer["malformed"]] == ["1"]


async def test_all_receipts_of_a_record_come_together(captured: Captured) -> None:
    first = captured.several["first_index"]
    answer = await captured.carrier.get(f"/v1/records/{first}/receipts")
    receipts = [Receipt.from_json(one) for one in answer.json()]
    subjects = [one.statement.subject for one in receipts if one.statement]
    assert subjects == [SEVERAL, NEIGHBOUR, f"urn:provenance:shipment:acme:{WAYBILL}"]
    assert b",".join(one.encode() for one in receipts).join([b"[", b"]"]) == answer.content


async def test_before_its_anchor_a_receipt_is_told_to_wait(service: ServiceUnderTest) -> None:
    carrier = await service.new_carrier()
    sent = (await carrier.post("/epcis/events", json=event(parcel()))).json()
    answer = await receipt_of(carrier, sent["first_index"])
    assert answer.status_code == 409
    assert answer.json()["code"] == "not-anchored"
    assert int(answer.headers["retry-after"]) > 0
    await service.anchor()
    assert (await receipt_of(carrier, sent["first_index"])).status_code == 200


async def test_another_carrier_cannot_read_it(
    service: ServiceUnderTest, captured: Captured
) -> None:
    other = await service.new_carrier()
    first = captured.single["first_index"]
    for url in (f"/v1/receipts/{first}", f"/v1/records/{first}/receipts"):
        assert (await other.get(url)).status_code == 404
        assert (await other.get(url, params={"subject": ONE})).status_code == 404
    head = await other.get("/v1/trails/head", params={"subject": ONE})
    assert head.status_code == 404


@pytest.mark.parametrize("role", ["member", "claims", "customs"])
async def test_a_reader_must_name_the_subject(
    service: ServiceUnderTest, captured: Captured, role: str
) -> None:
    reader, first = await service.as_role(role), captured.single["first_index"]
    assert (await receipt_of(reader, first)).status_code == 403
    assert (await receipt_of(reader, first, subject=NEIGHBOUR)).status_code == 404
    named = await receipt_of(reader, first, subject=ONE)
    assert Receipt.decode(named.content).payload is not None


async def test_a_member_is_not_shown_its_neighbours_line(
    service: ServiceUnderTest, captured: Captured
) -> None:
    member, first = await service.as_role("member"), captured.several["first_index"]
    answer = await receipt_of(member, first, subject=SEVERAL)
    receipt = Receipt.decode(answer.content)
    assert NEIGHBOUR not in answer.text
    assert receipt.payload is None
    assert receipt.fields is not None
    shown = {one.field.pointer: json.loads(one.field.token) for one in receipt.fields}
    assert shown["/epcList/0"] == SEVERAL
    assert shown["/bizStep"] == "shipping"
    checked = await service.anonymous.post("/v1/verify", content=answer.content, headers=JSON)
    assert checked.json()["outcome"] == "VALID"
    whole = await member.get(f"/v1/records/{first}/receipts", params={"subject": SEVERAL})
    assert len(whole.json()) == 1
    assert NEIGHBOUR not in whole.text


async def test_a_payload_is_read_by_whoever_may_see_the_event(
    service: ServiceUnderTest, captured: Captured
) -> None:
    url = f"/v1/records/{captured.several['first_index']}/payload"
    own = await captured.carrier.get(url)
    assert own.json()["epcList"] == [SEVERAL, NEIGHBOUR]
    for role, status in (("claims", 200), ("member", 403)):
        reader = await service.as_role(role)
        assert (await reader.get(url, params={"subject": SEVERAL})).status_code == status
        assert (await reader.get(url, params={"subject": parcel()})).status_code == 404
    assert (await (await service.new_carrier()).get(url)).status_code == 404


async def test_claims_read_the_whole_record_of_a_waybill_number(
    service: ServiceUnderTest, captured: Captured
) -> None:
    claims, first = await service.as_role("claims"), captured.several["first_index"]
    answer = await claims.get(f"/v1/records/{first}/receipts", params={"subject": WAYBILL})
    assert len(answer.json()) == 3


async def test_a_trail_head_is_signed_and_counts(
    service: ServiceUnderTest, captured: Captured
) -> None:
    answer = await captured.carrier.get("/v1/trails/head", params={"subject": ONE})
    trust = await service.services.trust()
    head = TrailHead.parse(open_note(answer.text, trust.logs[0].keys).text)
    assert (head.subject, head.count) == (ONE, 1)
    assert (await captured.carrier.get("/v1/trails/head")).status_code == 400
    missing = await captured.carrier.get("/v1/trails/head", params={"subject": parcel()})
    assert missing.status_code == 404


async def test_checkpoints_are_signed_cacheable_and_consistent(
    service: ServiceUnderTest, captured: Captured
) -> None:
    public = service.anonymous
    latest = await public.get("/v1/log/checkpoint")
    trust = TrustFile.decode((await public.get("/v1/log/trust")).content)
    newest = Checkpoint.parse(open_note(latest.text, trust.logs[0].keys).text)
    listed = (await public.get("/v1/log/checkpoints")).json()["checkpoints"]
    assert listed[-1]["size"] == newest.size
    for row in listed:
        note = await public.get(f"/v1/log/checkpoint/{row['size']}")
        assert note.text == row["checkpoint"]
        assert "immutable" in note.headers["cache-control"]
        old = Checkpoint.parse(split_note(note.text).text)
        proof = await public.get(
            "/v1/log/consistency", params={"old": old.size, "new": newest.size}
        )
        verify_consistency(
            old=old.size,
            new=newest.size,
            proof=[bytes.fromhex(node) for node in proof.json()["proof"]],
            old_root=old.root,
            new_root=newest.root,
        )
    etag = note.headers["etag"]
    again = await public.get(f"/v1/log/checkpoint/{newest.size}", headers={"if-none-match": etag})
    assert (again.status_code, again.content) == (304, b"")


async def test_sizes_that_were_never_anchored_have_nothing(
    service: ServiceUnderTest, captured: Captured
) -> None:
    public = service.anonymous
    assert (await public.get("/v1/log/checkpoint/999999")).status_code == 404
    for query in ({"old": "1", "new": "999999"}, {"old": "999998", "new": "999999"}):
        assert (await public.get("/v1/log/consistency", params=query)).status_code == 404
    for wrong in ({"old": "2", "new": "1"}, {"new": "1"}, {"old": "x", "new": "1"}):
        assert (await public.get("/v1/log/consistency", params=wrong)).status_code == 400


async def test_a_proof_can_be_built_from_tiles_and_an_auditors_bundle(
    service: ServiceUnderTest, captured: Captured
) -> None:
    public, auditor = service.anonymous, await service.as_role("auditor")
    index = captured.several["first_index"]
    checkpoint = Checkpoint.parse(split_note((await public.get("/v1/log/checkpoint")).text).text)
    tiles = {}
    for tile in inclusion_tiles(index, checkpoint.size):
        answer = await public.get(f"/v1/log/tile/{tile.path()}")
        assert answer.headers["content-type"] == "application/octet-stream"
        tiles[tile] = answer.content
    path = inclusion_proof(
        TileHashes(tiles, size=checkpoint.size), index=index, size=checkpoint.size
    )
    receipt = Receipt.decode((await receipt_of(captured.carrier, index)).content)
    assert receipt.entry.leaf_hash() == leaf_hash(receipt.entry.encode())
    bundle = Tile(level=-1, n=0, width=checkpoint.size)
    answer = await auditor.get(f"/v1/log/tile/{bundle.path()}")
    entries = decode_bundle(answer.content, width=checkpoint.size)
    assert entries[index] == receipt.entry.encode()
    assert len(path) >= len(receipt.anchored.path)


async def test_tiles_beyond_the_last_anchor_and_odd_paths_are_refused(
    service: ServiceUnderTest,
) -> None:
    public = service.anonymous
    for path, status in (
        ("0/999", 404),
        ("0/000.p/255", 404),
        ("7/000.p/1", 404),
        ("0/1", 400),
        ("0/000.p/256", 400),
        ("../keys", 404),
        ("entries/000.p/1", 401),
    ):
        answer = await public.get(f"/v1/log/tile/{path}")
        assert answer.status_code == status, path


async def test_hostile_verification_requests_are_refused_or_judged_never_a_crash(
    service: ServiceUnderTest,
) -> None:
    public = service.anonymous
    for body, status in (
        (b"", 400),
        (b"[]", 400),
        (b"\xff", 400),
        (b"{}", 200),
        (b'{"receipts":[]}', 400),
        (b'{"receipts":[{}]}', 400),
        (b'{"receipts":[{"receipt":1}],"more":1}', 400),
        (b'{"receipts":[{"receipt":"\\ud800"}]}', 400),
        (b'{"receipts":[{"receipt":null}]}', 200),
        (b'{"receipts":[{"receipt":{}}],"acknowledgements":["foo"]}', 400),
        (b'{"receipts":' + b"[" * 100_000, 400),
        (b'{"receipts":[' + b'{"receipt":1},' * 300 + b'{"receipt":1}]}', 400),
    ):
        answer = await public.post("/v1/verify", content=body, headers=JSON)
        assert answer.status_code == status, (body[:60], answer.text)
        if status == 200:
            found = answer.json()
            assert (found["outcome"], len(found["malformed"])) == ("MALFORMED", 1)


async def test_a_receipt_of_many_values_is_refused_and_nobody_waits_for_it(
    service: ServiceUnderTest, captured: Captured
) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    line = replace(Receipt.decode(receipt.content), ext={"a": 0}).encode()
    body = line.replace(b'"ext":{"a":0}', b'"ext":{"a":[%b0]}' % (b"[]," * 1_300_000))
    answers = [
        asyncio.ensure_future(
            service.anonymous.post("/v1/verify", content=body, headers=JSON, timeout=60)
        )
        for _ in range(4)
    ]
    longest, pending = 0.0, set(answers)
    while pending:
        asked = time.monotonic()
        _, pending = await asyncio.wait(pending, timeout=0.05)
        longest = max(longest, time.monotonic() - asked)
    for answer in answers:
        found = (await answer).json()
        assert found["malformed"][0]["code"] == "too-large", found
    assert longest < 2, longest


async def test_what_is_no_acknowledgement_is_named(
    service: ServiceUnderTest, captured: Captured
) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    note = captured.single["acknowledgement"]
    checkpoint = (await service.anonymous.get("/v1/log/checkpoint")).text
    for wrong in ("foo", "", checkpoint, note + "\n"):
        body = {"receipts": [{"receipt": receipt.text}], "acknowledgements": [note, wrong]}
        answer = await service.anonymous.post("/v1/verify", json=body)
        assert answer.status_code == 400, answer.text
        (error,) = answer.json()["errors"]
        assert error["pointer"] == "/acknowledgements/1"
        assert "not an acknowledgement" in error["detail"]


async def test_a_receipt_with_a_line_break_behind_it_is_malformed(
    service: ServiceUnderTest, captured: Captured
) -> None:
    receipt = await receipt_of(captured.carrier, captured.single["first_index"])
    for body in (receipt.content + b"\n", {"receipts": [{"receipt": receipt.text + "\n"}]}):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = await service.anonymous.post("/v1/verify", content=content, headers=JSON)
        found = answer.json()
        assert found["outcome"] == "MALFORMED", answer.text
        assert found["malformed"][0]["code"] == "not-canonical"


async def test_a_kept_receipt_is_made_anew_once_the_log_has_moved_on(
    service: ServiceUnderTest,
) -> None:
    now = 0.0
    services = replace(service.services, seconds=lambda: now, registry=CollectorRegistry())
    carrier, epc = await service.new_carrier(), parcel()
    first = (await carrier.post("/epcis/events", json=event(epc))).json()["first_index"]
    await service.anchor()
    other = httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(services)),
        base_url=BASE_URL,
        headers=carrier.headers,
    )
    async with other:
        before = (await receipt_of(other, first)).content
        await carrier.post("/epcis/events", json=event(epc, bizStep="receiving"))
        await service.anchor()
        assert (await receipt_of(other, first)).content == before
        now = 1.0
        after = Receipt.decode((await receipt_of(other, first)).content)
        assert after.trail_head is not None
        assert TrailHead.parse(split_note(after.trail_head).text).count == 2
        assert (await receipt_of(other, first, subject=parcel())).status_code == 404


async def test_a_head_request_has_the_headers_of_the_answer(
    service: ServiceUnderTest, captured: Captured
) -> None:
    asked = await service.anonymous.get("/v1/log/checkpoint")
    answer = await service.anonymous.head("/v1/log/checkpoint")
    assert (answer.status_code, answer.headers["etag"]) == (200, asked.headers["etag"])
