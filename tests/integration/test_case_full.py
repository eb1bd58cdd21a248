"""A case that takes no more acts: what ends something, it takes all the same."""

import httpx
import pytest

from fixtures.application import ServiceUnderTest, parcel
from fixtures.cases import Desk, at, new_desk
from fixtures.erasing import erase
from fixtures.written import opened, verified, write_dossier
from provenance.api.cases import routes
from provenance.core.verdict import Outcome
from provenance.evidence.cases import store
from provenance.evidence.cases.acts import Act
from provenance.evidence.cases.bodies import NoteAdded
from provenance.evidence.cases.records import act_submission
from provenance.evidence.cases.store import MAX_ACTS, CaseStore
from provenance.log.sealing import sealed
from provenance.log.submissions import Submission

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]


async def add_notes(
    service: ServiceUnderTest, case: str, epc: str, *, start: int, end: int
) -> None:
    """Log notes as acts ``start`` to ``end`` of a case, together."""
    services = service.services
    cases = CaseStore(services.engine, services.vault, log_id=services.log.log_id)
    submitter = (await cases.acts([case]))[case][0].submitter
    records = [
        record
        for seq in range(start, end)
        for record in act_submission(
            Act(case, seq, (epc,), NoteAdded(f"note {seq}")),
            state="opened",
            submitter=submitter,
            keys=services.event_keys,
            random_bytes=services.random_bytes,
        ).records
    ]
    await services.writer.submit(
        Submission(submitter=submitter, records=await sealed(tuple(records), vault=services.vault))
    )


def told(answer: httpx.Response) -> tuple[int, str | int]:
    said = answer.json()
    return answer.status_code, said["seq"] if answer.status_code == 201 else said["code"]


async def test_a_full_case_is_released_and_closed_and_takes_nothing_else(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    [scan] = await desk.capture(at("2026-06-01T09:00:00Z", "accepting", epc))
    case = await desk.open(epc, "damage")
    assert told(await desk.act(case, 1, "hold_placed", reason="court")) == (201, 2)
    await add_notes(service, case, epc, start=2, end=MAX_ACTS)
    refused = [
        await desk.act(case, MAX_ACTS, "note_added", note="one more"),
        await desk.act(case, MAX_ACTS, "state_changed", to="collecting"),
        await desk.act(case, MAX_ACTS, "hold_placed", reason="court"),
    ]
    assert {told(one) for one in refused} == {(409, "case-closed")}
    assert "can be decided, withdrawn and closed" in refused[0].json()["detail"]
    ends = [
        await desk.act(case, MAX_ACTS, "hold_released", reason="settled"),
        await desk.act(case, MAX_ACTS + 1, "state_changed", to="withdrawn"),
        await desk.act(case, MAX_ACTS + 2, "state_changed", to="closed"),
    ]
    assert [told(one) for one in ends] == [(201, MAX_ACTS + number) for number in (1, 2, 3)]
    assert told(await desk.act(case, MAX_ACTS + 3, "note_added", note="after")) == (
        409,
        "case-closed",
    )
    shown = await desk.read(case)
    assert (shown["seq"], shown["state"], shown.get("hold")) == (MAX_ACTS + 3, "closed", None)
    # What the hold kept may go now.
    await erase(service, records=[scan])


@pytest.mark.soak
async def test_the_dossier_of_a_full_case_that_was_closed_proves_that(
    service: ServiceUnderTest,
) -> None:
    desk, epc = await new_desk(service), parcel()
    case = await desk.open(epc, "damage")
    await add_notes(service, case, epc, start=1, end=MAX_ACTS)
    for more, state in enumerate(("withdrawn", "closed")):
        moved = await desk.act(case, MAX_ACTS + more, "state_changed", to=state)
        assert told(moved) == (201, MAX_ACTS + more + 1)
    await service.anchor()
    data = await write_dossier(desk.claims, f"cases/{case}")
    report = await verified(service, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert opened(data).manifest.case == {"id": case, "type": "damage", "state": "closed"}
    (check,) = [one for one in report.to_json()["checks"] if one["check"] == "case"]
    assert check["outcome"] == "VALID"


async def full_case(desk: Desk, monkeypatch: pytest.MonkeyPatch, *, ending: int = 2) -> str:
    """A case that is full with three acts, and takes ``ending`` more."""
    for module in (routes, store):
        monkeypatch.setattr(module, "MAX_ACTS", 3)
        monkeypatch.setattr(module, "MAX_ENDING_ACTS", ending)
    case = await desk.open(parcel(), "damage")
    for seq in (1, 2):
        assert told(await desk.act(case, seq, "note_added", note="n")) == (201, seq + 1)
    return case


async def test_acts_that_end_something_are_bounded_too(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await new_desk(service)
    case = await full_case(desk, monkeypatch)
    for seq in (3, 4):
        withdrawn = await desk.act(case, seq, "state_changed", to="withdrawn")
        assert told(withdrawn) == (201, seq + 1)
        # It is not known any more, and may be done again.
        await erase(service, records=[withdrawn.json()["first_index"]])
    last = await desk.act(case, 5, "state_changed", to="withdrawn")
    assert told(last) == (409, "case-closed")
    assert (await desk.read(case))["seq"] == 5


async def test_an_act_that_ends_something_is_answered_again_when_it_is_repeated(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await new_desk(service)
    case = await full_case(desk, monkeypatch)
    answers = [await desk.act(case, 3, "state_changed", to="withdrawn") for _ in range(2)]
    assert [told(one) for one in answers] == [(201, 4)] * 2
    assert answers[0].json()["first_index"] == answers[1].json()["first_index"]


@pytest.mark.parametrize("decision", ["accepted", "rejected"])
async def test_a_full_case_that_was_not_submitted_is_decided_all_the_same(
    service: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch, decision: str
) -> None:
    desk = await new_desk(service)
    case = await full_case(desk, monkeypatch, ending=3)

    async def move(seq: int, to: str) -> tuple[int, str | int]:
        return told(await desk.act(case, seq, "state_changed", to=to))

    assert await move(3, "submitted") == (201, 4)
    assert await move(4, "collecting") == (409, "case-closed")
    assert await move(4, decision) == (201, 5)
    assert await move(5, "submitted") == (409, "case-closed"), "it does not begin again"
    assert await move(5, "closed") == (201, 6)
