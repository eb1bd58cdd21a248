"""Descriptions: what a document says, as a record that relies on it."""

import json
from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.documents import PDF, upload
from provenance.core.receipt import Receipt

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


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
        ({"document": {"first_index": 1 << 40, "sha256": "0" * 64}}, "/document/first_index"),
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
