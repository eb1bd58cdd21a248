"""Who may do what: every operation with every role, and without a key."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fixtures.application import ServiceUnderTest, document, event, parcel
from provenance.api.app import description_of

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

EVERYBODY = ("admin", "carrier", "member", "claims", "customs", "auditor")
READERS = ("admin", "carrier", "member", "claims", "customs")
TABLE: dict[str, tuple[str, ...]] = {
    "capture_document": ("carrier",),
    "capture_event": ("carrier",),
    "list_capture_jobs": ("admin", "carrier"),
    "read_capture_job": ("admin", "carrier"),
    "query_events": READERS,
    "read_event": ("admin", "carrier", "claims", "customs"),
    "query_events_of_epc": READERS,
    "read_context": READERS,
    "read_timeline": READERS,
    "read_receipt": READERS,
    "read_receipts_of_record": READERS,
    "read_payload_of_record": READERS,
    "read_trail_head": READERS,
    "upload_document": ("carrier", "claims", "member"),
    "describe_document": ("carrier", "claims", "member"),
    "list_documents": READERS,
    "download_document": READERS,
    "entry_bundle": ("admin", "auditor"),
    "create_key": ("admin",),
    "list_keys": ("admin",),
    "revoke_key": ("admin",),
    "open_case": ("admin", "claims"),
    "act_on_case": ("admin", "claims"),
    "list_cases": ("admin", "claims"),
    "read_case": ("admin", "claims"),
    "write_dossier_of_case": ("admin", "claims"),
    "write_dossier_of_shipment": ("admin", "claims", "member"),
    "erase_records": ("admin",),
    "list_erasures": ("admin", "auditor"),
    "list_due_records": ("admin", "auditor"),
    "read_erasure": ("admin", "auditor"),
}
"""Roles of each operation that needs a key; written down apart from the code that decides."""
OPEN = {
    "capture_options",
    "events_options",
    "latest_checkpoint",
    "checkpoint",
    "list_checkpoints",
    "consistency_proof",
    "trust_file",
    "tile",
    "search_document_types",
    "verify_receipts",
    "live",
    "ready",
    "metrics",
}
PATHS = {
    "capture_id": "00000000-0000-7000-8000-000000000000",
    "event_id": "urn:example:no-event",
    "epc": "urn:example:no-epc",
    "sha256": "0" * 64,
    "shipment": "nothing",
    "index": "0",
    "first_index": "0",
    "tile": "000.p/1",
    "key_id": "0" * 16,
    "case": "0" * 32,
    "id": "0" * 32,
}
QUERIES = {
    "query_events": {"MATCH_anyEPC": "urn:example:no-epc"},
    "read_receipt": {"subject": "urn:example:no-epc"},
    "read_receipts_of_record": {"subject": "urn:example:no-epc"},
    "read_payload_of_record": {"subject": "urn:example:no-epc"},
    "read_trail_head": {"subject": "urn:example:no-epc"},
    "upload_document": {"subject": "urn:example:no-epc", "type": "380"},
    "describe_document": {"subject": "urn:example:no-epc"},
    "list_documents": {"subject": "urn:example:no-epc"},
    "download_document": {"subject": "urn:example:no-epc"},
    "search_document_types": {"q": "invoice"},
}


def operations(service: ServiceUnderTest) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in description_of(service.app)["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


async def call(
    client: httpx.AsyncClient, method: str, path: str, operation: dict[str, Any]
) -> httpx.Response:
    for name, value in PATHS.items():
        path = path.replace(f"{{{name}}}", value)
    name = operation["operationId"]
    body = {
        "capture_document": document(event(parcel())),
        "capture_event": event(parcel()),
        "create_key": {"organisation": "Nobody", "role": "member", "label": "made by a test"},
        "open_case": {"claim": "damage", "shipments": ["WB1"], "claimant": "Nobody"},
        "write_dossier_of_case": {},
        "write_dossier_of_shipment": {},
        "erase_records": {"ground": "objection", "author": "Nobody", "records": [999_999]},
        "act_on_case": {"act": "note_added", "expected_seq": 1, "note": "nothing"},
    }.get(name)
    return await client.request(method, path, params=QUERIES.get(name), json=body)


async def test_every_operation_is_either_open_or_in_the_table(service: ServiceUnderTest) -> None:
    described = {
        operation["operationId"]: tuple(operation.get("x-roles", ()))
        for _, _, operation in operations(service)
    }
    assert {name for name, roles in described.items() if not roles} == OPEN
    assert {name: set(roles) for name, roles in described.items() if roles} == {
        name: set(roles) for name, roles in TABLE.items()
    }


@pytest.mark.parametrize("role", EVERYBODY)
async def test_a_role_may_do_what_the_table_says_and_nothing_else(
    service: ServiceUnderTest, role: str
) -> None:
    client = await service.as_role(role)
    for method, path, operation in operations(service):
        name = operation["operationId"]
        if name in OPEN:
            continue
        answer = await call(client, method, path, operation)
        allowed = role in TABLE[name]
        assert (answer.status_code != 403) == allowed, (name, answer.text)
        assert answer.status_code != 401
        if not allowed:
            assert answer.json()["code"] == "forbidden"
            assert role in answer.json()["detail"]


async def test_without_a_key_only_the_open_operations_answer(service: ServiceUnderTest) -> None:
    for method, path, operation in operations(service):
        answer = await call(service.anonymous, method, path, operation)
        is_open = operation["operationId"] in OPEN
        assert (answer.status_code != 401) == is_open, operation["operationId"]
        if not is_open:
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_readers_that_name_nothing_are_told_to(service: ServiceUnderTest) -> None:
    for role in ("member", "claims", "customs"):
        client = await service.as_role(role)
        for path in (
            "/epcis/events",
            "/v1/receipts/0",
            "/v1/records/0/receipts",
            "/v1/trails/head",
        ):
            answer = await client.get(path)
            assert answer.status_code == 403, path
            assert "name" in answer.json()["detail"]
