"""The OpenAPI description: committed as it is declared, and true of the running application."""

import asyncio
import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import APIOperation, Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from fixtures.application import BASE_URL, ServiceUnderTest, document, event, parcel
from provenance.api.app import description_of

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

COMMITTED = Path(__file__).parents[2] / "docs" / "openapi.json"
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 3
"""For each operation and each kind of data; all of them take some fifteen seconds."""


async def test_the_committed_description_is_what_the_application_declares(
    service: ServiceUnderTest,
) -> None:
    declared = json.dumps(description_of(service.app), indent=2, sort_keys=True) + "\n"
    assert COMMITTED.read_text(encoding="utf-8") == declared, "run scripts/openapi.py"
    served = await service.anonymous.get("/openapi.json")
    assert served.json() == json.loads(declared)


async def test_the_script_that_writes_it_writes_the_same() -> None:
    script = COMMITTED.parent.parent / "scripts" / "openapi.py"
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, script, "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


async def test_generated_requests_are_answered_as_described(service: ServiceUnderTest) -> None:
    carrier = await service.as_role("carrier")
    assert (await carrier.post("/epcis/capture", json=document(event(parcel())))).is_success
    await service.anchor()
    schema = schemathesis.openapi.from_dict(description_of(service.app))
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        roles = operation.definition.raw.get("x-roles", ["admin"])
        client = await service.as_role("admin" if "admin" in roles else roles[0])
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            await asyncio.to_thread(exercise, operation, mode, client, asyncio.get_running_loop())
        tried += 1
    assert tried == len(list(operations()))


def operations() -> list[str]:
    """Method and path of everything in the committed description."""
    paths = json.loads(COMMITTED.read_text(encoding="utf-8"))["paths"]
    return [f"{method} {path}" for path, methods in paths.items() for method in methods]


def exercise(
    operation: APIOperation,
    mode: GenerationMode,
    client: httpx.AsyncClient,
    loop: asyncio.AbstractEventLoop,
) -> None:
    """Ask the operation with generated requests; the application runs in ``loop``."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Case) -> None:
        sent = case.as_transport_kwargs(base_url=BASE_URL)
        request = httpx.Request(
            sent["method"],
            sent["url"],
            params=sent.get("params"),
            # HTTP carries header values as Latin-1; httpx would take ASCII alone.
            headers={
                name: value.encode("latin-1") if isinstance(value, str) else value
                for name, value in {**client.headers, **(sent.get("headers") or {})}.items()
            },
            json=sent.get("json"),
            content=sent.get("data"),
        )
        answered = asyncio.run_coroutine_threadsafe(client.send(request), loop).result(30)
        case.validate_response(answered, checks=CHECKS)

    # Where every request is valid there is no invalid one to be found.
    with suppress(*([Unsatisfiable] if mode is GenerationMode.NEGATIVE else [])):
        ask()
