"""What a legal hold on a case covers, for as long as it stands."""

from dataclasses import dataclass

import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import new_desk
from provenance.evidence.cases.store import CaseStore

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


@dataclass(frozen=True, slots=True)
class Somewhere:
    """A record that a hold may cover."""

    first_index: int
    subjects: tuple[str, ...]
    time: int = 0


async def test_a_hold_covers_the_case_its_shipments_and_what_is_linked(
    service: ServiceUnderTest,
) -> None:
    desk, epc, elsewhere = await new_desk(service), parcel(), parcel()
    services = service.services
    store = CaseStore(services.engine, services.vault, log_id=services.log.log_id)
    case, other = await desk.open(epc, "damage"), await desk.open(epc, "delay")
    linked = await desk.document(elsewhere, "380")
    link = {"first_index": linked, "subject": elsewhere}
    await desk.act(case, 1, "evidence_linked", evidence=[link])
    await desk.act(case, 2, "hold_placed", reason="court", author="N. Example")
    await desk.act(other, 1, "hold_placed", reason="court")
    await desk.act(other, 2, "hold_released", reason="settled")
    again = await desk.act(case, 3, "hold_placed", reason="twice")
    assert again.json()["code"] == "case-closed"
    holds = await services.eraser.holds()

    def over(first_index: int, *subjects: str) -> list[str]:
        return [one.case for one in holds.over(Somewhere(first_index, subjects))]

    assert over(10**9, epc) == over(10**9, case) == over(linked, elsewhere) == [case]
    assert over(10**9, elsewhere) == over(10**9, other) == []
    (held,) = holds.over(Somewhere(linked, ()))
    assert (held.hold.reason, held.hold.author, held.hold.seq) == ("court", "N. Example", 2)
    await desk.act(case, 3, "hold_released", reason="settled")
    assert case not in await store.on_hold()
