"""Acts of a case that were erased: what is left goes on, whatever the act once enabled."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from fixtures.application import ServiceUnderTest, parcel
from fixtures.browser import FLAGS, VerifierPage, agree, find_chromium
from fixtures.cases import Desk, Json, at, new_desk
from fixtures.erasing import due_later, erase
from fixtures.rotation import sampled
from fixtures.tampering import reseal
from fixtures.written import opened, write_dossier

pytestmark = [pytest.mark.services, pytest.mark.asyncio(loop_scope="module")]
Step = tuple[str, Json]


def to(state: str) -> Step:
    return "state_changed", {"to": state}


NOTE: Step = ("note_added", {"note": "somebody called"})
PLACE: Step = ("hold_placed", {"reason": "a suit"})
RELEASE: Step = ("hold_released", {"reason": "settled"})
LINK: Step = ("evidence_linked", {})
UNLINK: Step = ("evidence_unlinked", {"reason": "another parcel's"})
FACTS: Step = ("facts_changed", {"facts": {"arrived_on": "2026-06-02"}})
EUR_9 = [{"role": "claimed", "currency": "EUR", "value": "9.00"}]
AMOUNTS: Step = ("amounts_changed", {"amounts": EUR_9})
LAST: Step = ("amounts_changed", {"amounts": []})


@dataclass(frozen=True, slots=True)
class Row:
    """Steps of a case, numbers of those that are erased, and what is known then."""

    steps: tuple[Step, ...]
    gone: tuple[int, ...]
    state: str
    doubts: tuple[int, ...] = ()
    is_held: bool = False
    is_linked: bool = False
    following: Step = NOTE


TABLE = {
    "a move that enabled the next": Row((to("submitted"), to("accepted")), (1,), "accepted"),
    "a move, then what a closed case takes": Row(
        (to("withdrawn"), to("closed"), NOTE), (1,), "closed"
    ),
    "the last move": Row(
        (to("submitted"), to("accepted")), (2,), "submitted", (2,), following=to("accepted")
    ),
    "the move that closed it, with a note after it": Row(
        (to("withdrawn"), to("closed"), NOTE), (2,), "withdrawn", (2,), following=to("closed")
    ),
    "a note on a closed case": Row((to("withdrawn"), to("closed"), NOTE), (3,), "closed"),
    "all moves": Row((to("submitted"), to("accepted")), (1, 2), "opened", (1, 2), following=LAST),
    "a note": Row((NOTE, to("submitted")), (1,), "submitted"),
    "amounts": Row((AMOUNTS, NOTE, AMOUNTS), (1,), "opened", (1,)),
    "facts": Row((FACTS, to("submitted"), FACTS), (1,), "submitted"),
    "a link that was taken back": Row((LINK, UNLINK, NOTE), (1,), "opened", (1,), following=LINK),
    "what took a link back": Row(
        (LINK, UNLINK, NOTE), (2,), "opened", (2,), is_linked=True, following=UNLINK
    ),
    "a hold that was released": Row((PLACE, RELEASE, NOTE), (1,), "opened", (1,), following=PLACE),
    "what released a hold": Row(
        (PLACE, RELEASE, NOTE), (2,), "opened", (2,), is_held=True, following=RELEASE
    ),
    "what released a hold of a closed case": Row(
        (PLACE, to("withdrawn"), to("closed"), RELEASE),
        (4,),
        "closed",
        is_held=True,
        following=RELEASE,
    ),
    "a release between two holds": Row(
        (PLACE, RELEASE, PLACE, RELEASE), (2,), "opened", (2,), following=PLACE
    ),
    "a hold with its release": Row((PLACE, RELEASE), (1, 2), "opened", (1, 2), following=PLACE),
}


@dataclass(slots=True)
class Made:
    """A case of which acts were erased, and the record that was linked or might be."""

    desk: Desk
    case: str
    epc: str
    scan: int
    linked: int

    async def act(self, seq: int, step: Step) -> Any:
        name, members = step
        if step is LINK:
            members = {"evidence": [{"first_index": self.linked, "subject": self.epc}]}
        elif step is UNLINK:
            members = {**members, "evidence": [self.linked]}
        return await self.desk.act(self.case, seq, name, **members)


async def made(service: ServiceUnderTest, row: Row) -> Made:
    desk, epc = await new_desk(service), parcel()
    (scan,) = await desk.capture(at("2026-06-01T09:00:00Z", "collecting", epc))
    linked = await desk.document(epc, "380")
    one = Made(desk, await desk.open(epc, "damage", carriage=["air"]), epc, scan, linked)
    firsts = {}
    for seq, step in enumerate(row.steps, 1):
        answer = await one.act(seq, step)
        assert answer.status_code == 201, answer.text
        firsts[seq] = answer.json()["first_index"]
    if row.gone:
        await erase(service, records=[firsts[seq] for seq in row.gone])
    return one


@pytest.mark.parametrize("name", sampled(TABLE, every=2))
async def test_a_case_goes_on_with_what_is_left_of_it(service: ServiceUnderTest, name: str) -> None:
    row = TABLE[name]
    one = await made(service, row)
    found = await one.desk.read(one.case)
    assert (found["state"], found.get("state_doubts", [])) == (row.state, list(row.doubts))
    assert found["erased_acts"] == list(row.gone)
    assert ("hold" in found, "evidence" in found) == (row.is_held, row.is_linked)

    async def listed(**query: str) -> dict[str, Json]:
        answer = await one.desk.claims.get("/v1/cases", params={"shipment": one.epc, **query})
        assert answer.status_code == 200, answer.text
        return {case["state"]: case for case in answer.json()["cases"]}

    assert list(await listed()) == list(await listed(state=row.state)) == [row.state]
    shown = (await listed())[row.state]
    assert shown.get("on_hold", False) is row.is_held
    assert shown.get("state_doubts", []) == list(row.doubts)
    for state in {"opened", "submitted", "accepted", "withdrawn", "closed"} - {row.state}:
        assert await listed(state=state) == {}

    is_kept = row.state != "closed" or row.is_held
    assert (one.scan in await due_later(service)) is not is_kept

    answer = await one.act(len(row.steps) + 1, row.following)
    assert answer.status_code == 201, answer.text
    assert (await one.desk.read(one.case))["seq"] == len(row.steps) + 2


@pytest.mark.parametrize(
    "name",
    sampled(
        [
            "a move that enabled the next",
            "the last move",
            "the move that closed it, with a note after it",
            "all moves",
            "what took a link back",
            "what released a hold of a closed case",
        ],
        every=6,
    ),
)
async def test_what_its_dossier_says_of_it_is_what_both_verifiers_find(
    service: ServiceUnderTest, name: str
) -> None:
    one, row = await made(service, TABLE[name]), TABLE[name]
    await service.anchor()
    data = await write_dossier(one.desk.claims, f"cases/{one.case}")
    assert opened(data).manifest.case == {"id": one.case, "type": "damage", "state": row.state}
    trust = (await service.services.trust()).encode()
    block = opened(data).closing.anchor.block_hash
    found = await asyncio.to_thread(in_browser, lambda page: agree(page, data, trust, block))
    assert found["outcome"] == "VALID", found
    (said,) = [check for check in found["checks"] if check["check"] == "case"]
    assert said["outcome"] == ("UNKNOWN" if row.doubts else "VALID"), said


def in_browser(look: Callable[[VerifierPage], Json]) -> Json:
    """Look at the page; in a thread of its own, for Playwright's loop is not that of the service."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        found = look(VerifierPage(browser.new_context(offline=True).new_page()))
        browser.close()
    return found


async def test_a_new_act_is_held_against_what_is_known(service: ServiceUnderTest) -> None:
    one = await made(service, TABLE["the move that closed it, with a note after it"])
    refused = await one.act(4, to("submitted"))
    assert (refused.status_code, refused.json()["code"]) == (409, "unlawful-move")
    assert (await one.act(4, to("closed"))).status_code == 201
    found = await one.desk.read(one.case)
    assert (found["state"], "state_doubts" in found) == ("closed", False)


async def test_an_act_whose_forerunner_was_erased_is_answered_again_as_it_was(
    service: ServiceUnderTest,
) -> None:
    one = await made(service, TABLE["a move that enabled the next"])
    again = await one.act(2, to("accepted"))
    assert (again.status_code, again.json()["repeated"]) == (201, True)
    gone = await one.act(1, to("submitted"))
    assert (gone.status_code, gone.json()["code"]) == (409, "stale-case")


@pytest.mark.parametrize(
    ("seq", "said"),
    [
        (1, []),
        (3, ["is withdrawn again instead of closed"]),
        (4, ["the legal hold of act 1", "a closed case takes too"]),
    ],
)
async def test_who_erases_an_act_is_told_before_and_after_what_changes_about_its_case(
    service: ServiceUnderTest, seq: int, said: list[str]
) -> None:
    row = TABLE["what released a hold of a closed case"]
    one = await made(service, replace(row, gone=()))
    history = (await one.desk.read(one.case))["history"]
    first = history[seq]["first_index"]
    before = await erase(service, records=[first], dry_run=True)
    done = await erase(service, records=[first])
    assert before.get("warnings", []) == done.get("warnings", [])
    told = " ".join(done.get("warnings", []))
    assert bool(told) is bool(said)
    assert all(part in told for part in [*said, *([one.case] if said else [])])
    if seq == 4:
        refused = await erase_refused(service, one.scan)
        assert "under the legal hold" in refused
        assert (await one.act(5, RELEASE)).status_code == 201
        assert (await erase(service, records=[one.scan], dry_run=True))["kept"] == []


async def test_a_case_that_goes_as_a_whole_changes_nothing_that_is_told(
    service: ServiceUnderTest,
) -> None:
    one = await made(service, replace(TABLE["a hold with its release"], gone=()))
    shown = await erase(service, subjects=[one.case], dry_run=True)
    assert len(shown["erased"]) == 3
    assert "warnings" not in shown


async def erase_refused(service: ServiceUnderTest, first_index: int) -> str:
    """Why a record is not erased."""
    shown = await erase(service, records=[first_index], dry_run=True)
    assert shown["erased"] == []
    reason: str = shown["kept"][0]["reason"]
    return reason


async def test_a_damaged_case_does_not_hide_the_others(service: ServiceUnderTest) -> None:
    desk, epc = await new_desk(service), parcel()
    damaged, whole = [await desk.open(epc, "damage", note="a long note") for _ in range(2)]
    first = (await desk.read(damaged))["history"][0]["first_index"]
    await reseal(service, first, b'"note"', b'"nope"')
    answer = await desk.claims.get("/v1/cases", params={"shipment": epc})
    assert answer.status_code == 200, answer.text
    assert [one["case"] for one in answer.json()["cases"]] == [whole]
    (told,) = answer.json()["unreadable"]
    assert told["case"] == damaged
    assert f"act at index {first} cannot be read" in told["reason"]
    assert (await desk.claims.get(f"/v1/cases/{damaged}")).status_code == 500
    await reseal(service, first, b'"nope"', b'"note"')
    assert (await desk.read(damaged))["state"] == "opened"
