"""Every public EPCIS sample, through the whole service: captured, anchored, returned, verified."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import pytest

from fixtures.service import RunningService
from fixtures.shared_data import shared_files
from provenance.core.jcs import canonicalize
from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.verify.chain import ChainFactsReader
from provenance.verify.service import ReceiptInput, verify_receipts
from provenance.verify.sets import SetReport

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]

SAMPLES = "openepcis-test-resources"
LD_JSON = {"content-type": "application/ld+json"}


class _Body(msgspec.Struct):
    event_list: list[msgspec.Raw] = msgspec.field(name="eventList")


class _Document(msgspec.Struct):
    epcis_body: _Body = msgspec.field(name="epcisBody")


@dataclass(frozen=True, slots=True)
class Logged:
    """One event of a sample: its own bytes, and where its entries are."""

    name: str
    raw: bytes
    first_index: int
    count: int


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    shared_files(f"{SAMPLES}/valid", "*.json")
    with RunningService(tmp_path_factory.mktemp("service") / "data") as running:
        running.wait_until_ready()
        yield running


def own_key(service: RunningService, organisation: str) -> dict[str, str]:
    """Headers of a key of a carrier of this name."""
    with service.client("admin") as admin:
        answer = admin.post(
            "/v1/keys",
            json={"organisation": organisation, "role": "carrier", "label": "samples"},
        )
        assert answer.status_code == 201, answer.text
        return {"authorization": f"Bearer {answer.json()['token']}"}


@pytest.fixture(scope="module")
def logged(service: RunningService) -> list[Logged]:
    """All events of all valid samples, each file captured by a submitter of its own."""
    found: list[Logged] = []
    with service.client() as client:
        for path in shared_files(f"{SAMPLES}/valid", "*.json"):
            data = path.read_bytes()
            headers = {**LD_JSON, **own_key(service, f"valid {path.name}")}
            answer = client.post("/epcis/capture", content=data, headers=headers)
            assert answer.status_code == 202, f"{path.name}: {answer.text}"
            events = msgspec.json.decode(data, type=_Document).epcis_body.event_list
            for raw, place in zip(events, answer.json()["events"], strict=True):
                found.append(Logged(path.name, bytes(raw), place["first_index"], place["count"]))
        for path in shared_files(f"{SAMPLES}/events", "*.json"):
            data = path.read_bytes()
            headers = {**LD_JSON, **own_key(service, f"event {path.name}")}
            answer = client.post("/epcis/events", content=data, headers=headers)
            assert answer.status_code == 201, f"{path.name}: {answer.text}"
            place = answer.json()
            found.append(Logged(path.name, data, place["first_index"], place["count"]))
    return found


def test_every_valid_sample_comes_back_byte_for_byte(
    service: RunningService, logged: list[Logged]
) -> None:
    with service.client("admin") as admin:
        for event in logged:
            answer = admin.get(f"/v1/records/{event.first_index}/payload")
            assert answer.content == event.raw, event.name


def test_every_receipt_of_every_valid_sample_verifies(
    service: RunningService, logged: list[Logged]
) -> None:
    service.wait_for_anchor(max(event.first_index + event.count for event in logged))
    inputs: list[ReceiptInput] = []
    with service.client("admin") as admin:
        for event in logged:
            answer = admin.get(f"/v1/records/{event.first_index}/receipts")
            receipts = answer.json()
            assert len(receipts) == event.count, event.name
            inputs += [
                ReceiptInput(data=canonicalize(receipt), payload=event.raw, name=event.name)
                for receipt in receipts
            ]
    report = asyncio.run(settled(service, inputs))
    wrong = [item for item in report.receipts if item.report.outcome is not Outcome.VALID]
    assert not wrong, wrong[0].to_json()
    assert report.outcome is Outcome.VALID
    assert not report.misconduct


async def settled(service: RunningService, inputs: list[ReceiptInput]) -> SetReport:
    """The verdicts once all anchors are final."""
    trust = TrustFile.decode((service.data_dir / "trust.json").read_bytes())
    async with ChainFactsReader(service.credentials.rpc_url) as reader, asyncio.timeout(60):
        while True:
            report = await verify_receipts(inputs, trust=trust, facts=reader)
            if report.outcome is not Outcome.UNKNOWN:
                return report
            await asyncio.sleep(0.2)


INVALID = {
    "Combination_of_events_with_missing_mandatory_fields": "/epcisBody/eventList/",
    "EPCISDocument_without_context": "/@context",
    "ObjectEvent_with_invalid_action": "/epcisBody/eventList/0/action",
    "ObjectEvent_with_invalid_eventTime_format": "/epcisBody/eventList/0/eventTime",
    "ObjectEvent_with_non_standard_disposition": "/epcisBody/eventList/0/disposition",
    "ObjectEvent_with_quantity_as_text": "/epcisBody/eventList/0/quantityList/0/quantity",
    "ObjectEvent_without_identifier_list": "/epcisBody/eventList/0",
}
"""Invalid samples, and the field that the refusal has to name."""


@pytest.mark.parametrize(("name", "pointer"), INVALID.items())
def test_an_invalid_sample_is_refused_with_the_field_named(
    service: RunningService, name: str, pointer: str
) -> None:
    [path] = shared_files(f"{SAMPLES}/invalid", f"{name}.json")
    with service.client() as client:
        answer = client.post("/epcis/capture", content=path.read_bytes(), headers=LD_JSON)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert pointer in answer.text


def test_there_is_no_invalid_sample_that_is_not_tried() -> None:
    assert {path.stem for path in shared_files(f"{SAMPLES}/invalid", "*.json")} == set(INVALID)
