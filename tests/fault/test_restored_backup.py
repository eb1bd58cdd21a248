"""A backup of the embedded default is restored while the service had gone on: whichever of blobs,
chain and keys is newer tells so, and no index is ever given twice."""

from pathlib import Path

import pytest

from fault.commands import provenance
from fault.copying import Disaster, copy_folder, until_refused
from fault.harness import Harness
from fault.submitters import documents
from provenance.embedded.files import FileLock

COMES_BACK = "what was erased after the backup comes back"

pytestmark = [pytest.mark.services, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> Disaster:
    """The data folder of a stopped service, and beside it a backup from before its last anchors."""
    folder = tmp_path_factory.mktemp("backed-up")
    harness = Harness(folder / "data")
    with harness.running():
        harness.capture(documents(4, events=10))
        harness.service.wait_for_anchor(harness.promised)
        kept = list(harness.promises)
        provenance("backup", folder / "backup", data=harness.data_dir)
        for _ in range(2):
            harness.capture(documents(4, events=10))
            harness.service.wait_for_anchor(harness.promised)
    return Disaster(harness.data_dir, kept, harness.promises[len(kept) :], [])


def restored(backed_up: Disaster, target: Path, *options: str | Path) -> Harness:
    """A service on what was restored, which remembers all that was promised before."""
    backup = backed_up.data_dir.parent / "backup"
    provenance("restore", backup, *options, data=target)
    harness = Harness(target)
    harness.submitters.promises += [*backed_up.kept, *backed_up.missing]
    return harness


async def refilled(harness: Harness, disaster: Disaster) -> None:
    """The service lets nobody write before it has all that was promised."""
    with harness.running():
        harness.capture(documents(2, events=5))
        new = harness.promises[len(disaster.kept) + len(disaster.missing) :]
        assert min(promise.first_index for promise in new) >= disaster.size
        # Answers to repeated keys are not in the copies: repeated events are known by themselves.
        await harness.check(repeat=0)
        assert '"state": "behind"' in harness.log_of("worker")
        assert harness.metric("provenance_anchor_refilled_entries_total") > 0


@pytest.mark.soak
async def test_with_the_newest_blobs_and_the_old_chain_it_is_refilled_and_anchored_again(
    backed_up: Disaster, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    copy_folder(backed_up.data_dir / "blobs", left / "blobs")
    harness = restored(backed_up, tmp_path / "data", "--newer", left)
    await refilled(harness, backed_up)


@pytest.mark.soak
async def test_with_blobs_chain_and_keys_it_is_refilled_from_what_the_chain_holds(
    backed_up: Disaster, tmp_path: Path
) -> None:
    harness = restored(backed_up, tmp_path / "data", "--newer", backed_up.data_dir)
    await refilled(harness, backed_up)


@pytest.mark.soak
def test_with_the_newest_keys_alone_it_stays_closed_and_says_what_is_lost(
    backed_up: Disaster, tmp_path: Path
) -> None:
    left = tmp_path / "left"
    left.mkdir()
    copy_folder(backed_up.data_dir / "keys", left / "keys")
    harness = restored(backed_up, tmp_path / "data", "--newer", left)
    harness.service.__enter__()
    try:
        said = until_refused(harness.service)
        assert f"[{backed_up.kept_end}, {backed_up.size})" in said
        assert "no copy holds them" in said
    finally:
        harness.service.__exit__()


@pytest.mark.soak
def test_with_nothing_newer_somebody_has_to_accept_the_loss(
    backed_up: Disaster, tmp_path: Path
) -> None:
    backup = backed_up.data_dir.parent / "backup"
    said = provenance("restore", backup, data=tmp_path / "data", code=5)
    assert f"at size {backed_up.kept_end}" in said
    assert "--newer" in said
    assert "--accept-loss" in said
    assert not (tmp_path / "data").exists()
    (tmp_path / "empty").mkdir()
    said = provenance("restore", backup, "--newer", tmp_path / "empty", data=tmp_path / "d", code=5)
    assert "is no data folder" in said


@pytest.mark.soak
def test_a_folder_that_tells_of_nothing_newer_does_not_stand_for_the_operators_word(
    backed_up: Disaster, tmp_path: Path
) -> None:
    backup = backed_up.data_dir.parent / "backup"
    data = tmp_path / "data"
    said = provenance("restore", backup, "--newer", backup, "--accept-loss", data=data, code=5)
    assert "is a backup, no data folder" in said
    junk = tmp_path / "junk"
    (junk / "blobs").mkdir(parents=True)
    (junk / "blobs" / "x").write_text("x")
    said = provenance("restore", backup, "--newer", junk, data=data, code=5)
    assert f"Nothing in {junk} tells of that size" in said
    assert not data.exists()
    said = provenance("restore", backup, "--newer", junk, "--accept-loss", data=data)
    assert "what was acknowledged after the backup is lost" in said
    assert COMES_BACK in said
    assert not (data / "blobs" / "x").exists()


@pytest.mark.soak
def test_the_folder_of_a_running_service_is_no_folder_to_go_on_from(
    backed_up: Disaster, tmp_path: Path
) -> None:
    backup = backed_up.data_dir.parent / "backup"
    newer = ("restore", backup, "--newer", backed_up.data_dir)
    lock = FileLock(backed_up.data_dir / "run" / "stack.lock")
    assert lock.acquire()
    try:
        assert "already-running" in provenance(*newer, data=tmp_path / "data", code=5)
    finally:
        lock.release()
    said = provenance(*newer, data=tmp_path / "data")
    assert "is lost" not in said
    # It has all keys and no erasure list: nothing was erased.
    assert COMES_BACK not in said
