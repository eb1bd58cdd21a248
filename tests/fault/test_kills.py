"""``kill -9`` of any process during a capture loses, moves and doubles nothing."""

from pathlib import Path

import pytest

from fault.harness import Harness
from fault.killing import Part
from fault.submitters import Document, documents, single_events

pytestmark = pytest.mark.services

CLIENTS = 12
"""So many that events which are sent alone share groups."""
TWENTY = (Part.API, Part.WORKER) * 3 + (Part.POSTGRES, Part.ANVIL) * 7
"""Python takes seconds of a core to start again, the other two take none."""
SERVICES = (Part.API, Part.WORKER, Part.POSTGRES, Part.ANVIL)


def mixed(harness: Harness, *, events: int) -> list[Document]:
    """Documents of ten events, and a tenth of the events alone, in no order."""
    work = documents(events * 9 // 100, events=10) + single_events(events // 10)
    return harness.random.sample(work, len(work))


@pytest.mark.timeout(600)
async def test_20_kills_while_2000_events_are_captured_alone_and_in_documents(
    tmp_path: Path,
) -> None:
    harness = Harness(tmp_path / "data")
    work = mixed(harness, events=2_000)
    with harness.running():
        harness.capture_under_fire(work, TWENTY, clients=CLIENTS)
        checked = await harness.check()
    assert len(harness.blows) == 20
    assert checked.promises == len(work)
    assert checked.size >= 4_000, "each event names a parcel and its waybill"


@pytest.mark.soak
@pytest.mark.timeout(7_200)
@pytest.mark.parametrize("rounds", [5, 25], ids=["20 kills", "100 kills"])
async def test_kills_during_a_capture_of_20000_events(tmp_path: Path, rounds: int) -> None:
    """After each round of four kills every invariant is checked on the running service."""
    harness = Harness(tmp_path / "data")
    work = mixed(harness, events=20_000)
    share = len(work) // rounds
    with harness.running():
        for number in range(rounds):
            parts = [harness.random.choice(SERVICES) for _ in SERVICES]
            harness.capture_under_fire(
                work[number * share : (number + 1) * share], parts, clients=CLIENTS
            )
            await harness.check()
    assert len(harness.blows) == 4 * rounds
    assert sum(len(promise.document.events) for promise in harness.promises) == 20_000


@pytest.mark.soak
@pytest.mark.timeout(7_200)
async def test_the_supervisor_may_be_killed_as_well(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        for _ in range(3):
            harness.capture_under_fire(documents(100, events=20), [Part.SUPERVISOR, Part.API])
            await harness.check()
