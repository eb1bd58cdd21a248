"""What must not go: under a legal hold, in an open case, before its time, or of the log itself."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fixtures.application import ServiceUnderTest, event, parcel
from fixtures.documents import PDF, upload
from fixtures.erasing import LD, REASON, erase
from provenance.erasure.eraser import Eraser
from provenance.erasure.errors import HeldError
from provenance.erasure.periods import Periods
from provenance.erasure.records import Reason
from provenance.erasure.retention import Retention
from provenance.erasure.steps import Step

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]

DAY = timedelta(days=1)


async def captured(service: ServiceUnderTest, about: str, **fields: Any) -> int:
    carrier = await service.as_role("carrier", organisation="Acme")
    answer = await carrier.post("/epcis/events", json=event(about, **fields), headers=LD)
    assert answer.status_code == 201, answer.text
    first: int = answer.json()["first_index"]
    return first


async def case_on(service: ServiceUnderTest, about: str) -> str:
    claims = await service.as_role("claims", organisation="Insurer")
    body = {"claim": "damage", "shipments": [about], "claimant": "Nora"}
    answer = await claims.post("/v1/cases", json=body)
    assert answer.status_code == 201, answer.text
    case: str = answer.json()["case"]
    return case


async def act(service: ServiceUnderTest, case: str, seq: int, **body: Any) -> int:
    claims = await service.as_role("claims", organisation="Insurer")
    answer = await claims.post(f"/v1/cases/{case}/acts", json={"expected_seq": seq, **body})
    assert answer.status_code == 201, answer.text
    first: int = answer.json()["first_index"]
    return first


async def test_a_legal_hold_refuses_all_of_a_request_and_says_which_it_is(
    service: ServiceUnderTest,
) -> None:
    about, other = parcel(), parcel()
    held, free = await captured(service, about), await captured(service, other)
    case = await case_on(service, about)
    await act(
        service, case, 1, act="hold_placed", reason="Court of Bern, 2026-114", author="B. Judge"
    )
    operator = await service.as_role("admin", organisation="Operator")
    orders = await service.services.eraser.orders.orders()
    refused = await operator.post("/v1/erasures", json={**REASON, "records": [held, free]})
    assert (refused.status_code, refused.json()["code"]) == (409, "under-legal-hold")
    for word in (case, "Court of Bern", "B. Judge", f"record {held}"):
        assert word in refused.json()["detail"]
    assert await service.services.eraser.orders.orders() == orders
    shown: Any = await erase(service, records=[held, free], dry_run=True)
    assert [one["first_index"] for one in shown["erased"]] == [free]
    assert "Court of Bern" in shown["kept"][0]["reason"]

    await act(service, case, 2, act="hold_released", reason="settled")
    done: Any = await erase(service, records=[held, free])
    assert [one["first_index"] for one in done["erased"]] == [held, free]


async def test_a_hold_that_comes_before_the_log_knows_withdraws_the_order(
    service: ServiceUnderTest,
) -> None:
    about = parcel()
    first = await captured(service, about)
    services = service.services
    targets = await services.eraser.targets.records([first])
    organisation = await services.accounts.organisation("Operator")

    async def hold(step: Step) -> None:
        if step is Step.LIST:
            case = await case_on(service, about)
            await act(service, case, 1, act="hold_placed", reason="a suit", author="B. Judge")
            raise HeldError(first_index=first, case=case, reason="a suit", author=None)

    cut_off: Eraser = replace(services.eraser, steps=hold)
    reason = Reason("objection", author="A. Officer", organisation=organisation)
    with pytest.raises(HeldError):
        await cut_off.request(targets, reason, writer=services.writer)
    await services.eraser.finish(writer=services.writer)
    orders = (await services.eraser.orders.orders()).values()
    [order] = [one for one in orders if one.leaves == targets[0].leaves]
    assert order.state == "withdrawn"
    carrier = await service.as_role("carrier", organisation="Acme")
    assert (await carrier.get(f"/v1/records/{first}/payload")).status_code == 200


async def test_erasures_and_heartbeats_are_not_erased(service: ServiceUnderTest) -> None:
    first = await captured(service, parcel())
    done: Any = await erase(service, records=[first])
    [erasure] = done["erasures"]
    operator = await service.as_role("admin", organisation="Operator")
    for index in (first, erasure["first_index"], 999_999):
        answer = await operator.post("/v1/erasures", json={**REASON, "records": [index]})
        assert (answer.status_code, answer.json()["code"]) == (422, "nothing-to-erase")
    shown: Any = await erase(service, records=[first, erasure["first_index"]], dry_run=True)
    reasons = [one["reason"] for one in shown["kept"]]
    assert "erased already" in reasons[0]
    assert "kind erasure" in reasons[1]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({}, "/records"),
        ({"records": [1], "kind": "document"}, "/kind"),
        ({"records": list(range(1001))}, "/records"),
        ({"records": [-1]}, "/records"),
        ({"records": [0], "author": " "}, "/author"),
        ({"records": [0], "ground": "because"}, "/ground"),
        ({"records": [0], "note": "x" * 2_001}, "/note"),
    ],
)
async def test_a_request_that_cannot_be_meant_is_refused_where_it_is_wrong(
    service: ServiceUnderTest, asked: dict[str, Any], where: str
) -> None:
    first = await captured(service, parcel())
    if asked.get("records") in ([0], [1]):
        # One that no other test has erased.
        asked = {**asked, "records": [first]}
    operator = await service.as_role("admin", organisation="Operator")
    answer = await operator.post("/v1/erasures", json={**REASON, **asked})
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"][0]["pointer"] == where


async def test_what_describes_a_document_goes_with_it_unless_it_shall_stay(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.as_role("carrier", organisation="Acme"), parcel()
    recorded = (await upload(carrier, PDF, about)).json()
    described = await carrier.post(
        f"/v1/documents/{recorded['first_index']}/description",
        json={
            "v": 1,
            "document": {"first_index": recorded["first_index"], "sha256": recorded["sha256"]},
            "signer": "A. Muster",
        },
    )
    assert described.status_code == 201, described.text
    both = [recorded["first_index"], described.json()["first_index"]]
    for with_descriptions, expected in ((False, both[:1]), (True, both)):
        shown: Any = await erase(
            service, records=both[:1], with_descriptions=with_descriptions, dry_run=True
        )
        assert [one["first_index"] for one in shown["erased"]] == expected


def in_future(service: ServiceUnderTest, later: timedelta, periods: Periods) -> Retention:
    """Retention as of a later day."""
    now = int((datetime.now(UTC) + later).timestamp() * 1000)
    return replace(service.services.retention, periods=periods, now_ms=lambda: now)


async def due(retention: Retention) -> set[int]:
    return {target.first_index async for part in retention.due() for target in part}


async def test_what_has_ended_is_listed_and_erased_and_nothing_else(
    service: ServiceUnderTest,
) -> None:
    carrier, about = await service.as_role("carrier", organisation="Acme"), parcel()
    seen = await captured(service, about)
    waybill = (await upload(carrier, PDF, about, type="703")).json()["first_index"]
    invoice = (await upload(carrier, PDF, about, type="380")).json()["first_index"]
    claimed, closed = parcel(), parcel()
    in_case, of_closed = await captured(service, claimed), await captured(service, closed)
    await case_on(service, claimed)
    case = await case_on(service, closed)
    await act(service, case, 1, act="state_changed", to="withdrawn")
    last = await act(service, case, 2, act="state_changed", to="closed")
    periods = Periods.model_validate(
        {
            "default": {"days": 30},
            "events": {"days": 10},
            "documents": {"380": {"days": 60}},
        }
    )
    own = {seen, waybill, invoice, in_case, of_closed, last}
    expected = {
        # Recorded today, which does not count: the tenth day is the last.
        10: set(),
        11: {seen, of_closed},
        30: {seen, of_closed},
        31: {seen, of_closed, waybill, last},
        61: {seen, of_closed, waybill, last, invoice},
    }
    for days, found in expected.items():
        assert await due(in_future(service, days * DAY, periods)) & own == found, days

    retention = in_future(service, 31 * DAY, periods)
    orders = await retention.erase_due(writer=service.services.writer)
    assert {order.ground for order in orders} == {"retention_ended"}
    assert await due(retention) == set()
    left = await due(in_future(service, 61 * DAY, periods))
    assert left & own == {invoice}
    # The case is gone as a whole, the open one is there.
    claims = await service.as_role("claims", organisation="Insurer")
    assert (await claims.get(f"/v1/cases/{case}")).status_code == 410
    kept = await carrier.get(f"/v1/records/{in_case}/payload")
    assert kept.status_code == 200
    operator = await service.as_role("admin", organisation="Operator")
    listed = (await operator.get("/v1/erasures/due")).json()
    assert listed == {"records": [], "is_complete": True}
