"""Database and chain come back from one old backup: what was signed since is told by the copies, or
by the checkpoint beside the keys, and nothing is written before the log has it again."""

import json
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures.anchoring import Dump, World
from provenance.anchor.batch import BatchPaths, decode_manifest
from provenance.anchor.fence import Verdict, check_fence
from provenance.blobs import BlobStore
from provenance.core.digests import RootHash, sha256
from provenance.core.notes import Checkpoint, sign_note
from provenance.log.errors import LogReadOnlyError

pytestmark = pytest.mark.services


@dataclass(frozen=True, slots=True)
class Past:
    """A log whose database and chain are those of the first of its ``sizes`` again.

    ``rows`` are those of entries and anchors before that, ``mark`` the signed checkpoint then.
    """

    world: World
    sizes: list[int]
    rows: list[tuple[object, ...]]
    mark: str

    @property
    def batches(self) -> Path:
        """Folder of the copies."""
        (folder,) = self.world.mark.path.parent.glob("logs/*/batches")
        return folder

    def copy(self, at: int) -> Path:
        """Folder of the copy that ends at one of the sizes."""
        (folder,) = self.batches.glob(f"*-{self.sizes[at]:016d}")
        return folder


GoBack = Callable[[], Awaitable[Past]]
_ROWS = "SELECT index, leaf_hash, record_first, trail_first, salt FROM entries ORDER BY index"


@pytest.fixture
def go_back(world: World, dump: Dump) -> GoBack:
    async def to_the_first() -> Past:
        sizes = []
        async with world.working(world.worker()):
            sizes.append(await world.append(5, subjects=2))
            await world.anchored(sizes[0])
        mark = world.mark.read()
        assert mark is not None
        # The dump falls between two anchors: the next batch is needed in part.
        await world.append(3)
        restore = await dump()
        older = world.chain.administer("evm_snapshot")
        sizes.append(await world.append(300))
        async with world.working(world.worker()):
            await world.anchored(sizes[-1])
            for records in (2, 7):
                sizes.append(await world.append(records))
                await world.anchored(sizes[-1])
        rows = await world.query(_ROWS)
        await restore()
        world.chain.administer("evm_revert", older)
        return Past(world, sizes, rows, mark)

    return to_the_first


async def verdict(world: World) -> tuple[Verdict, str]:
    report = await check_fence(
        database_url=world.database_url, chain=world.node, log=world.log, promises=world.promises
    )
    return report.verdict, report.reason


async def test_what_the_copies_hold_is_refilled_and_anchored_at_its_sizes_again(
    go_back: GoBack,
) -> None:
    past = await go_back()
    world = past.world
    world.mark.path.unlink()
    found, reason = await verdict(world)
    assert found is Verdict.BEHIND
    assert f"[{past.sizes[0] + 3}, {past.sizes[-1]}) were signed" in reason
    async with world.working(world.worker()):
        await world.anchored(past.sizes[-1])
        await world.until_state("open")
        assert await world.query(_ROWS) == past.rows
        assert (await verdict(world))[0] is Verdict.OPEN
        size = await world.append(4)
        await world.anchored(size)
    await world.agrees(*past.sizes, size)


async def test_a_chain_that_is_newer_than_the_database_but_not_the_newest_is_caught_up_with(
    go_back: GoBack, dump: Dump
) -> None:
    past = await go_back()
    world = past.world
    world.mark.path.unlink()
    restore = await dump()
    hidden = world.mark.path.parent / "hidden"
    hidden.mkdir()
    later = [past.copy(at) for at in (2, 3)]
    for folder in later:
        shutil.move(folder, hidden / folder.name)
    async with world.working(world.worker()):
        await world.anchored(past.sizes[1])
    # The chain holds the second step now, the copies the others; the database has neither.
    for folder in later:
        shutil.move(hidden / folder.name, folder)
    await restore()
    async with world.working(world.worker()):
        await world.anchored(past.sizes[-1])
        await world.until_state("open")
    assert await world.query(_ROWS) == past.rows
    await world.agrees(*past.sizes)


async def test_without_the_copies_the_checkpoint_beside_the_keys_keeps_the_log_closed(
    go_back: GoBack,
) -> None:
    past = await go_back()
    world = past.world
    elsewhere = world.mark.path.parent / "elsewhere"
    batches = past.batches
    batches.rename(elsewhere)
    assert (await verdict(world))[0] is Verdict.BEHIND
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        assert f"[{past.sizes[0] + 3}, {past.sizes[-1]})" in reason
        assert "no copy holds them" in reason
        with pytest.raises(LogReadOnlyError):
            await world.append(1)
        elsewhere.rename(batches)
        await world.until_state("open")
        assert await world.query(_ROWS) == past.rows
        await world.anchored(past.sizes[-1])
    await world.agrees(*past.sizes)


async def test_with_everything_from_one_old_backup_nothing_tells_and_the_log_goes_on(
    go_back: GoBack,
) -> None:
    """What no machine can know: ``provenance restore`` asks the operator."""
    past = await go_back()
    world = past.world
    world.mark.write(past.mark)
    for at in (1, 2, 3):
        shutil.rmtree(past.copy(at))
    assert (await verdict(world))[0] is Verdict.OPEN


@pytest.mark.parametrize("part", ["entries", "rows"])
async def test_a_damaged_copy_of_what_was_signed_keeps_the_log_closed_and_is_named(
    go_back: GoBack, part: str
) -> None:
    past = await go_back()
    world = past.world
    path = past.copy(1) / part
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] + b"x" + whole[-8:])
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        start, end = past.sizes[0] + 3, past.sizes[1]
        assert f"entries [{start}, {end}) are in the copy {past.copy(1).name}" in reason
        assert "no copy holds" not in reason
        with pytest.raises(LogReadOnlyError):
            await world.append(1)
        path.write_bytes(whole)
        await world.until_state("open")
        await world.anchored(past.sizes[-1])
    await world.agrees(*past.sizes)


async def test_another_log_than_the_one_that_signed_is_not_refilled(go_back: GoBack) -> None:
    past = await go_back()
    world = past.world
    # Somebody wrote on the old database: it has another entry at a promised index.
    for at in (2, 3):
        shutil.rmtree(past.copy(at))
    shutil.move(past.copy(1), world.mark.path.parent / "away")
    note = world.mark.read()
    assert note is not None
    world.mark.write(past.mark)
    await world.append(400)
    world.mark.write(note)
    assert (await verdict(world)) == (
        Verdict.FORKED,
        f"this log signed another root at size {past.sizes[-1]}",
    )
    async with world.working(world.worker()):
        await world.until_state("forked")
        with pytest.raises(LogReadOnlyError):
            await world.append(1)


@pytest.mark.parametrize("fault", ["unsigned", "not json", "foreign", "of another step"])
async def test_a_copy_that_is_no_promise_is_named_until_it_is_taken_away(
    world: World, fault: str
) -> None:
    async with world.working(world.worker()):
        size = await world.append(5)
        await world.anchored(size)
    (folder,) = world.mark.path.parent.glob("logs/*/batches/*")
    stranger = folder.with_name(f"{size:016d}-{size + 90:016d}")
    shutil.copytree(folder, stranger)
    manifest = json.loads((stranger / "manifest.json").read_bytes())
    manifest |= {"old_size": size, "size": size + 90}
    if fault == "unsigned":
        del manifest["checkpoint"]
    if fault == "foreign":
        other = Checkpoint(origin="log.example/other", size=size + 90, root=RootHash(sha256(b"")))
        manifest["checkpoint"] = sign_note(other.text(), [world.signer])
    content = b"{" if fault == "not json" else json.dumps(manifest).encode()
    (stranger / "manifest.json").write_bytes(content)
    assert (await verdict(world))[0] is Verdict.FORKED
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        assert f"{stranger.name}/manifest.json" in reason
        assert "take it away" in reason
        shutil.rmtree(stranger)
        await world.until_state("open")
        size = await world.append(1)
        await world.anchored(size)


async def test_a_mark_that_cannot_be_read_is_named(world: World) -> None:
    async with world.working(world.worker()):
        await world.anchored(await world.append(5))
    note = world.mark.read()
    assert note is not None
    world.mark.write(note[:-4])
    found, reason = await verdict(world)
    assert (found, world.mark.path.name in reason) == (Verdict.FORKED, True)


async def test_copies_that_cannot_be_asked_leave_it_open_who_is_older(world: World) -> None:
    world.blobs = BlobStore.from_url("s3://nobody/here?endpoint=http://127.0.0.1:9")
    found, reason = await verdict(world)
    assert found is Verdict.UNREACHABLE
    assert "the copies can't be looked at" in reason


async def test_each_copy_carries_the_checkpoint_that_was_signed(world: World) -> None:
    async with world.working(world.worker()):
        size = await world.append(5)
        await world.anchored(size)
    (name,) = [blob.path async for blob in world.blobs.list("logs") if "manifest" in blob.path]
    assert name.startswith(BatchPaths(world.log.origin).batches)
    note = decode_manifest(await world.blobs.get(name)).checkpoint
    assert await world.query("SELECT checkpoint FROM anchors") == [(note,)]
    assert world.mark.read() == note


async def test_a_row_that_contradicts_a_copy_is_told_without_what_it_says(
    world: World, dump: Dump, capsys: pytest.CaptureFixture[str]
) -> None:
    async with world.working(world.worker()):
        await world.anchored(await world.append(3))
    restore = await dump()
    async with world.working(world.worker()):
        size = await world.append(4)
        await world.anchored(size)
    rows = await world.query("SELECT first_index, subject FROM trails WHERE first_index >= 3")
    await restore()
    subject = rows[0][1]
    await world.query(
        "INSERT INTO trails (log_id, first_index, subject, trail, count, last_leaf)"
        " VALUES (%s, 1000, %s, sha256('a'), 1, sha256('b'))",
        world.log.log_id,
        subject,
    )
    capsys.readouterr()
    async with world.working(world.worker()):
        reason = await world.until_state("forked")
        assert "UniqueViolation, SQLSTATE 23505, constraint " in reason
        assert f"entries [3, {size}) are in the copy" in reason
        assert "lost, because" not in reason
        await world.query("DELETE FROM trails WHERE first_index = 1000")
        await world.until_state("open")
    said = "".join(capsys.readouterr())
    assert "batch_unusable" in said
    assert subject not in said + reason
    assert "DETAIL" not in said + reason
