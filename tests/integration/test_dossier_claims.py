"""What a dossier tells of claims that it is not about: that something stands there, and no more."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.reports import text_of
from fixtures.written import member, opened, verified, write_dossier
from provenance.core.verdict import Outcome

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
MINE, OTHERS = "Nora Example", "Bea Neighbour"
NOTE = "what the other one says"


async def two_claims(service: ServiceUnderTest) -> tuple[Desk, str, tuple[str, str], int]:
    """A parcel with two cases of one insurer, and the second one's first record; anchored."""
    desk, epc = await new_desk(service), parcel()
    await desk.capture(at("2026-06-01T09:00:00+08:00", "collecting", epc))
    mine = await desk.open(epc, "damage")
    other = await desk.open(epc, "delay", claimant=OTHERS, note=NOTE)
    first: int = (await desk.read(other))["history"][0]["first_index"]
    await service.anchor()
    return desk, epc, (mine, other), first


async def tells(data: bytes, folder: Path) -> tuple[bool, bool]:
    """Whether a dossier, or its report, tells of either claimant."""
    said = text_of(member(data, "case.pdf"), folder).encode() + data
    return MINE.encode() in said, any(one.encode() in said for one in (OTHERS, NOTE))


def states(data: bytes) -> dict[int, Any]:
    return {one.index: one.state for one in opened(data).receipts}


@pytest.mark.parametrize("role", ["claims", pytest.param("admin", marks=pytest.mark.soak)])
async def test_a_claim_tells_nothing_of_another_on_the_same_shipment(
    service: ServiceUnderTest, role: str, tmp_path: Path
) -> None:
    desk, epc, (mine, other), first = await two_claims(service)
    reader: httpx.AsyncClient = desk.claims
    if role == "admin":
        reader = await service.as_role("admin", organisation="Operator")
    data = await write_dossier(reader, f"cases/{mine}")
    assert await tells(data, tmp_path) == (True, False)
    assert other.encode() not in data
    # Its entry in the shipment's trail keeps its place.
    assert states(data)[first + 1] == "withheld"
    assert (await verified(service, data)).outcome is Outcome.VALID
    shipment = await write_dossier(reader, f"shipments/{epc}")
    assert await tells(shipment, tmp_path) == (False, False)
    assert (await verified(service, shipment)).outcome is Outcome.VALID


async def test_what_was_said_in_the_claims_of_a_shipment_is_shown_to_who_asks_and_may_see_it(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc, _, _ = await two_claims(service)
    data = await write_dossier(desk.claims, f"shipments/{epc}", cases=True)
    assert await tells(data, tmp_path) == (True, True)
    assert (await verified(service, data)).outcome is Outcome.VALID
    stranger = await service.as_role("claims", organisation="Another insurer")
    for role in (stranger, await service.as_role("member")):
        data = await write_dossier(role, f"shipments/{epc}", cases=True)
        assert await tells(data, tmp_path) == (False, False)


async def test_linking_an_act_of_another_claim_tells_neither_its_name_nor_how_much_was_said(
    service: ServiceUnderTest,
) -> None:
    desk, epc, (other, _), first = await two_claims(service)
    insurer = await new_desk(service, insurer="Another insurer")
    mine = await insurer.open(epc, "total_loss")
    theirs = (await desk.read(other))["history"][0]["first_index"]
    links = [{"first_index": one} for one in (theirs, first)]
    assert (await insurer.act(mine, 1, "evidence_linked", evidence=links)).status_code == 201
    await service.anchor()
    for chosen in ({}, {"records": [theirs], "case": True}):
        data = await write_dossier(insurer.claims, f"cases/{mine}", **chosen)
        receipts = {one.index: one for one in opened(data).receipts}
        assert (receipts[theirs].state, receipts[theirs].trail_head) == ("withheld", None)
        # Its entry in the shipment's own trail keeps the head that others have.
        assert receipts[theirs + 1].trail_head is not None
        assert b"urn:provenance:case:" in data
        assert other.encode() not in data
        assert (await verified(service, data)).outcome is Outcome.VALID


@pytest.mark.soak
async def test_an_act_of_another_claim_is_shown_where_it_is_named_or_linked(
    service: ServiceUnderTest, tmp_path: Path
) -> None:
    desk, epc, (mine, _), first = await two_claims(service)
    for path in (f"cases/{mine}", f"shipments/{epc}"):
        data = await write_dossier(desk.claims, path, records=[first])
        assert OTHERS.encode() in data
        assert MINE.encode() not in data
        assert (await verified(service, data)).outcome is Outcome.VALID
    stranger = await service.as_role("claims", organisation="Another insurer")
    data = await write_dossier(stranger, f"shipments/{epc}", records=[first])
    assert OTHERS.encode() not in data
    linked = await desk.act(mine, 1, "evidence_linked", evidence=[{"first_index": first}])
    assert linked.status_code == 201, linked.text
    await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{mine}")
    assert await tells(data, tmp_path) == (True, True)
    assert (await verified(service, data)).outcome is Outcome.VALID


@pytest.mark.soak
async def test_a_case_is_not_asked_for_with_all_others(service: ServiceUnderTest) -> None:
    desk, _, (mine, _), _ = await two_claims(service)
    answer = await desk.claims.post(f"/v1/cases/{mine}/dossier", json={"cases": True})
    assert answer.status_code == 400, answer.text
    (fault,) = answer.json()["errors"]
    assert fault["pointer"] == "/cases"
    assert "only.records" in fault["detail"]
