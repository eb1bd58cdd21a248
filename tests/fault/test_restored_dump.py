"""Yesterday's database comes back: nothing is accepted before it agrees with the chain again."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from fault.commands import provenance
from fault.copying import Disaster, copy_folder, until_refused, write
from fault.harness import Harness
from fault.submitters import documents

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]

NEW_ORIGIN = "provenance.localhost/log-2"


@pytest.fixture(scope="module")
def yesterday(tmp_path_factory: pytest.TempPathFactory) -> Disaster:
    folder = tmp_path_factory.mktemp("yesterday")
    harness = Harness(folder / "data")
    with harness.running():
        harness.capture(documents(6, events=10))
        harness.service.wait_for_anchor(harness.promised)
        kept = list(harness.promises)
        receipts = [harness.receipt(promise.first_index) for promise in kept[:3]]
    copy_folder(harness.data_dir / "postgres", folder / "postgres")
    with harness.running():
        for _ in range(3):
            harness.capture(documents(5, events=10))
            harness.service.wait_for_anchor(harness.promised)
        missing = harness.promises[len(kept) :]
        receipts += [harness.receipt(promise.first_index) for promise in missing[:2]]
    shutil.rmtree(harness.data_dir / "postgres")
    (folder / "postgres").rename(harness.data_dir / "postgres")
    return Disaster(harness.data_dir, kept, missing, receipts)


@pytest.fixture
def disaster(yesterday: Disaster, tmp_path: Path) -> Iterator[Disaster]:
    """A copy of it that a test may use up."""
    copy_folder(yesterday.data_dir, tmp_path / "data")
    yield Disaster(tmp_path / "data", yesterday.kept, yesterday.missing, yesterday.receipts)
    shutil.rmtree(tmp_path / "data")


@pytest.mark.soak
async def test_it_takes_no_write_until_the_copies_are_there_and_then_equals_the_chain(
    disaster: Disaster,
) -> None:
    harness = Harness(disaster.data_dir)
    hidden = disaster.data_dir / "hidden"
    (disaster.data_dir / "blobs" / "logs").rename(hidden)
    harness.service.__enter__()
    try:
        with harness.submitters.send(documents(8, events=5)) as sending:
            said = until_refused(harness.service)
            assert "lost" in said
            assert f"[{disaster.kept_end}, {disaster.size})" in said
            assert not harness.promises
            hidden.rename(disaster.data_dir / "blobs" / "logs")
            sending.wait_for(1)
        assert min(promise.first_index for promise in harness.promises) >= disaster.size
        harness.submitters.promises += [*disaster.kept, *disaster.missing]
        # Answers to repeated keys are not in the copies: repeated events are known by themselves.
        await harness.check(repeat=0)
        assert harness.metric("provenance_anchor_refilled_entries_total") > 0
        assert '"state": "behind"' in harness.log_of("worker")
    finally:
        harness.service.__exit__()


@pytest.mark.soak
async def test_with_the_copies_gone_it_says_what_is_lost_and_a_succession_brings_it_back(
    disaster: Disaster, tmp_path: Path
) -> None:
    harness = Harness(disaster.data_dir)
    shutil.rmtree(disaster.data_dir / "blobs" / "logs")
    harness.service.__enter__()
    try:
        said = until_refused(harness.service)
        assert f"[{disaster.kept_end}, {disaster.size})" in said
        assert harness.metric("provenance_anchor_fence_state") == 2
        assert write(harness.service).status_code == 503
    finally:
        harness.service.__exit__()

    said = provenance(
        "log", "succeed", NEW_ORIGIN, "--reason", "the disk was lost", "--yes",
        data=disaster.data_dir,
    )  # fmt: skip
    assert f"carries on from size {disaster.kept_end}" in said
    assert f"lost: entries {disaster.kept_end} to {disaster.size - 1}" in said

    harness.submitters.promises += disaster.kept
    with harness.running():
        harness.capture(documents(4, events=5))
        await harness.check(copies=False, repeat=0)
        for number, receipt in enumerate(disaster.receipts):
            path = tmp_path / f"{number}.receipt.json"
            path.write_bytes(receipt)
            is_lost = number >= 3
            said = harness.verify(path, code=1 if is_lost else 0)
            assert ("INVALID" in said) == is_lost, said
