"""What ``--newer`` names is believed only as far as it tells of what the backup has."""

import gzip
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.anchor.batch import BatchName, BatchPaths, Part
from provenance.anchor.batch import Manifest as BatchManifest
from provenance.core.digests import RootHash
from provenance.core.notes import Checkpoint, Signer, sign_note
from provenance.core.trustfile import TrustedLog, TrustFile
from provenance.embedded.files import FileLock
from provenance.keys.files import FileKeys
from provenance.launch.archive import BackupError, LogHead, Manifest
from provenance.launch.newer import Newer, look_at
from provenance.launch.owner import AlreadyRunningError, kept_still
from provenance.settings import Settings
from provenance.wiring.chain import checkpoint_mark
from provenance.wiring.logs import signer_for

ORIGIN = "log.example/parcels"
SIZE = 100
ROOT = RootHash(bytes(32))
NOTHING = Part(bytes=0, sha256="")


class Folder:
    """A data folder, or a backup of one, of a log that ``key`` signs."""

    def __init__(self, path: Path, *, key: Path | None = None) -> None:
        self.path = path
        keys = FileKeys(path / "keys")
        if key is not None:
            shutil.copytree(key, path / "keys", dirs_exist_ok=True)
        self._signer = signer_for(ORIGIN, keys)

    def note(self, size: int) -> str:
        return sign_note(Checkpoint(ORIGIN, size, ROOT).text(), [self._signer])

    def marked(self, size: int) -> "Folder":
        checkpoint_mark(Settings(data_dir=self.path), ORIGIN).write(self.note(size))
        return self

    def copied(self, old_size: int, size: int) -> "Folder":
        manifest = BatchManifest(
            v=1, origin=ORIGIN, old_size=old_size, size=size, root=ROOT.hex(), schema="0001",
            entries=NOTHING, leaves=NOTHING, places=NOTHING, rows=NOTHING, tables=(), contexts=(),
            checkpoint=self.note(size),
        )  # fmt: skip
        path = self.path / "blobs" / BatchPaths(ORIGIN).manifest(BatchName(old_size, size))
        path.parent.mkdir(parents=True)
        path.write_bytes(manifest.encode())
        return self

    def chained(self, block: int, *, identity: str = "{}") -> "Folder":
        snapshots = self.path / "chain" / "snapshots"
        snapshots.mkdir(parents=True)
        (self.path / "chain" / "identity.json").write_text(identity)
        state = f'{{"block":{{"number":"{block:#x}","beneficiary":"0x0"}}}}'
        (snapshots / f"{1:012d}.json.gz").write_bytes(gzip.compress(state.encode()))
        return self

    def without(self, *names: str) -> "Folder":
        for name in names:
            shutil.rmtree(self.path / name)
        return self


@pytest.fixture
def backup(tmp_path: Path) -> Folder:
    """A backup at size 100, anchored up to 90 in block 9."""
    return Folder(tmp_path / "backup").marked(90).copied(0, 90).chained(9)


@pytest.fixture
def left(tmp_path: Path, backup: Folder) -> Folder:
    """What is left of its data folder, with nothing but the log's keys so far."""
    return Folder(tmp_path / "left", key=backup.path / "keys")


async def looked_at(backup: Folder, left: Folder) -> Newer:
    head = LogHead(origin=ORIGIN, size=SIZE, root="", anchored=90)
    manifest = Manifest(
        v=1, created_at=1, schema="", logs=(head,), has_chain=True, has_blobs=True, files={}
    )
    return await look_at(left.path, source=backup.path, manifest=manifest)


async def test_a_mark_a_copy_or_a_longer_chain_tells(backup: Folder, left: Folder) -> None:
    assert (await looked_at(backup, left.marked(SIZE))).tells
    assert not (await looked_at(backup, left.marked(SIZE - 1))).tells
    left.marked(90).copied(0, 90).copied(90, SIZE)
    found = await looked_at(backup, left)
    assert found.tells
    assert found.parts == {"blobs", "keys"}
    left.without("blobs").chained(10)
    found = await looked_at(backup, left)
    assert found.tells
    assert "chain" in found.parts


async def test_blobs_alone_are_checked_with_the_key_of_the_backup(
    backup: Folder, left: Folder
) -> None:
    assert (await looked_at(backup, left.copied(0, SIZE).without("keys"))).tells


async def test_what_is_as_old_as_the_backup_tells_nothing(backup: Folder, left: Folder) -> None:
    found = await looked_at(backup, left.marked(90).copied(0, 90).chained(9))
    assert not found.tells
    assert not found.has_erasures
    assert found.left_out == ()


async def test_older_parts_are_left_out(backup: Folder, left: Folder, tmp_path: Path) -> None:
    found = await looked_at(backup, left.marked(80).copied(0, 80).chained(8))
    assert not found.tells
    assert found.left_out == ("blobs", "chain", "keys")
    staging = tmp_path / "staging"
    shutil.copytree(backup.path, staging)
    found.overlay(staging)
    assert files(staging) == files(backup.path)
    left.marked(110)
    found = await looked_at(backup, left)
    found.overlay(staging)
    assert found.left_out == ("blobs", "chain")
    assert {
        name for name, content in files(staging).items() if files(backup.path)[name] != content
    } == {str(checkpoint_mark(Settings(data_dir=Path()), ORIGIN).path)}


async def test_junk_and_what_another_key_signed_tell_nothing(
    backup: Folder, left: Folder, tmp_path: Path
) -> None:
    junk = Folder(tmp_path / "junk").without("keys")
    (junk.path / "blobs").mkdir()
    (junk.path / "blobs" / "x").write_text("x")
    assert not (await looked_at(backup, junk)).tells
    forged = Folder(tmp_path / "forged").marked(SIZE)
    shutil.copytree(forged.path / "keys", left.path / "keys", dirs_exist_ok=True)
    for key in (left.path / "keys").glob("*.ed25519"):
        shutil.copy(backup.path / "keys" / key.name, key)
    assert not (await looked_at(backup, left)).tells


async def test_backups_other_logs_other_chains_and_empty_folders_are_refused(
    backup: Folder, left: Folder, tmp_path: Path
) -> None:
    with pytest.raises(BackupError, match="another log"):
        await looked_at(backup, Folder(tmp_path / "other").marked(SIZE))
    with pytest.raises(BackupError, match="another log: its chain"):
        await looked_at(backup, left.chained(10, identity="[]"))
    with pytest.raises(BackupError, match="is no data folder"):
        await looked_at(backup, Folder(tmp_path / "empty").without("keys"))
    (backup.path / "manifest.json").touch()
    with pytest.raises(BackupError, match="is a backup"):
        await looked_at(backup, backup)


async def test_the_trust_file_is_taken_and_keeps_what_only_the_backup_has(
    backup: Folder, left: Folder, tmp_path: Path
) -> None:
    (old, new, other) = (trusted(one) for one in (ORIGIN, "log.example/next", "log.example/2nd"))
    staging = tmp_path / "staging"
    shutil.copytree(backup.path, staging)
    (left.path / "trust.json").write_bytes(TrustFile("Operator", (old, new)).encode() + b"\n")
    (await looked_at(backup, left)).overlay(staging)
    assert (staging / "trust.json").read_bytes() == (left.path / "trust.json").read_bytes()
    (backup.path / "trust.json").write_bytes(TrustFile("Operator", (old, other)).encode())
    (await looked_at(backup, left)).overlay(staging)
    merged = TrustFile.decode((staging / "trust.json").read_bytes())
    assert set(merged.logs) == {old, new, other}


async def test_a_trust_file_that_contradicts_the_backups_is_refused(
    backup: Folder, left: Folder
) -> None:
    old = trusted(ORIGIN)
    (backup.path / "trust.json").write_bytes(TrustFile("Operator", (old,)).encode())
    moved = replace(old, contract=bytes(20))
    for content in (b"{}", TrustFile("Operator", (moved,)).encode()):
        (left.path / "trust.json").write_bytes(content)
        with pytest.raises(BackupError, match="can't be put over the backup's"):
            await looked_at(backup, left)


def trusted(origin: str) -> TrustedLog:
    return TrustedLog(
        origin=origin,
        keys=(Signer(origin, Ed25519PrivateKey.from_private_bytes(bytes(32))).verifier(),),
        chain_id=1,
        genesis_hash=bytes(32),
        contract=b"c" * 20,
        code_hash=bytes(32),
        start=1,
        confirmations=1,
        local=True,
        successor=None,
    )


def test_a_folder_is_read_only_while_no_service_runs_on_it(tmp_path: Path) -> None:
    with kept_still(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
    lock = FileLock(tmp_path / "run" / "stack.lock")
    assert lock.acquire()
    with pytest.raises(AlreadyRunningError), kept_still(tmp_path):
        pass
    lock.release()
    with kept_still(tmp_path):
        assert not FileLock(tmp_path / "run" / "stack.lock").acquire()
    shutil.rmtree(tmp_path / "run")
    with kept_still(tmp_path) as look:
        look()
        FileLock(tmp_path / "run" / "stack.lock").acquire()
        with pytest.raises(AlreadyRunningError):
            look()


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
