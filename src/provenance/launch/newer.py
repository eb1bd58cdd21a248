"""What is left of the data folder that a backup replaces, and what of it is newer than the backup.

A folder is believed to be newer where something of it tells of the last log at the size that the
backup has, or beyond: the checkpoint beside its keys or a copy of a batch, signed by the key that
the backup has; or the same chain with more blocks than the backup's. Each part is taken by itself:
one that is older than the backup's is left out, so that no older checkpoint, no key shelf without
the newest keys and no copy of what was erased comes back over a newer one. The trust file is taken
whatever its age: it is only ever added to, and receipts were given under what stands in it.
"""

import asyncio
import gzip
import re
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.anchor.batch import BatchPaths, list_batches
from provenance.anchor.promises import CheckpointMark, Promises
from provenance.blobs import BlobStore
from provenance.core.digests import sha256
from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import Checkpoint, Verifier, open_note
from provenance.core.trustfile import TrustFile
from provenance.embedded.files import make_folder, write_atomically
from provenance.embedded.snapshots import SnapshotFolder
from provenance.keys.files import FileKeys
from provenance.launch.archive import (
    BLOBS,
    CHAIN,
    IDENTITY,
    KEYS,
    MANIFEST,
    SNAPSHOTS,
    TRUST,
    BackupError,
    LogHead,
    Manifest,
    copy_file,
    files_below,
)
from provenance.wiring.logs import signer_for
from provenance.wiring.sealing import ERASURES
from provenance.wiring.trust import TrustFileError, added

_BLOCK: Final = re.compile(rb'\A\{"block":\{"number":"0x([0-9a-f]{1,16})"')
"""How anvil's state begins."""
_NOTHING: Final = -1
"""Size of a log of which nothing tells, and number of the last block of no chain."""


@dataclass(frozen=True, slots=True)
class Newer:
    """A data folder beside a backup.

    ``tells`` says whether it tells of all that the backup has; ``parts`` which of its parts are as
    new as the backup's, ``left_out`` which are older. ``trust`` is its trust file with what that of
    the backup adds, absent where it has none.
    """

    folder: Path
    tells: bool
    parts: frozenset[str]
    left_out: tuple[str, ...]
    trust: bytes | None

    @property
    def has_erasures(self) -> bool:
        """Whether its erasure list, or that it has none, tells what was erased since."""
        return self.tells and KEYS in self.parts

    def overlay(self, staging: Path) -> None:
        """Put its newer parts over those of the backup in ``staging``."""
        for name in self.parts & {BLOBS, KEYS}:
            for path in files_below(self.folder / name):
                if path == self.folder / KEYS / ERASURES:
                    # Lists are merged line by line, not replaced.
                    continue
                target = staging / name / path.relative_to(self.folder / name)
                target.unlink(missing_ok=True)
                make_folder(target.parent)
                copy_file(path, target)
        if self.trust is not None:
            write_atomically(staging / TRUST, self.trust, mode=0o644)
        if CHAIN in self.parts:
            chain = self.folder / CHAIN
            shutil.rmtree(staging / CHAIN, ignore_errors=True)
            make_folder(staging / CHAIN / SNAPSHOTS)
            copy_file(chain / IDENTITY, staging / CHAIN / IDENTITY)
            for snapshot in SnapshotFolder(chain / SNAPSHOTS).usable():
                copy_file(snapshot.path, staging / CHAIN / SNAPSHOTS / snapshot.path.name)


async def look_at(folder: Path, *, source: Path, manifest: Manifest) -> Newer:
    """Compare a data folder, whose service is stopped, with the backup in ``source``.

    Raises:
        BackupError: it is none, or one of another log or chain, or its trust file says otherwise.

    """
    if (folder / MANIFEST).is_file():
        raise BackupError(
            f"{folder} is a backup, no data folder: what is newer than a backup is only in the data "
            "folder that it replaces (--newer)"
        )
    present = await asyncio.to_thread(_present, folder)
    if not present:
        raise BackupError(f"{folder} has neither blobs/ nor keys/ nor chain/: it is no data folder")
    _check_same_log(folder, source, manifest)
    trust = await asyncio.to_thread(_trust, folder, source)
    ages = {
        BLOBS: (await _copied(folder, manifest), await _copied(source, manifest)),
        KEYS: (_marked(folder, source, manifest), _marked(source, source, manifest)),
        CHAIN: await asyncio.to_thread(_blocks, folder, source),
    }
    parts = frozenset(name for name in present if ages[name][0] >= ages[name][1])
    grown = CHAIN in present and ages[CHAIN][0] > ages[CHAIN][1]
    tells = grown or await _tells(folder, source, manifest)
    return Newer(folder, tells, parts, tuple(sorted(present - parts)), trust)


def _present(folder: Path) -> frozenset[str]:
    found = {name for name in (BLOBS, KEYS) if any(files_below(folder / name))}
    chain = folder / CHAIN
    if (chain / IDENTITY).is_file() and SnapshotFolder(chain / SNAPSHOTS).usable():
        found.add(CHAIN)
    return frozenset(found)


def _check_same_log(folder: Path, source: Path, manifest: Manifest) -> None:
    names = [f"{KEYS}/{_key_name(log)}.ed25519" for log in manifest.logs]
    for name in (*names, f"{CHAIN}/{IDENTITY}"):
        one, other = folder / name, source / name
        if one.is_file() and other.is_file() and one.read_bytes() != other.read_bytes():
            raise BackupError(
                f"{folder} is the data folder of another log: its {name} is not the backup's"
            )


def _trust(folder: Path, source: Path) -> bytes | None:
    path, kept = folder / TRUST, source / TRUST
    try:
        if not path.is_file():
            return None
        trust = TrustFile.decode(path.read_bytes())
        if kept.is_file():
            trust = added(TrustFile.decode(kept.read_bytes()), trust, path=kept)
    except (OSError, FormatError, TrustFileError) as error:
        raise BackupError(
            f"the trust file {path} can't be put over the backup's ({error}): put back the one that "
            "was published, or move it away"
        ) from error
    return trust.encode() + b"\n"


async def _tells(folder: Path, source: Path, manifest: Manifest) -> bool:
    """Whether a checkpoint or a copy tells of the last log at the backup's size, or beyond."""
    # A log that was succeeded grows no more: only the newest could have gone on.
    log = manifest.logs[-1] if manifest.logs else None
    verifier = _verifier(log, source, folder) if log is not None else None
    if log is None or verifier is None:
        return False
    mark = CheckpointMark(_mark_path(folder, log))
    if not (folder / BLOBS).is_dir():
        return _size(mark, verifier) >= log.size
    blobs = BlobStore.in_folder(folder / BLOBS)
    promises = Promises(blobs, origin=log.origin, verifiers=[verifier], mark=mark)
    return (await promises.above(log.size - 1)).checkpoint is not None


async def _copied(folder: Path, manifest: Manifest) -> int:
    """Size up to which the last log that has copies is copied."""
    if not (folder / BLOBS).is_dir():
        return _NOTHING
    blobs = BlobStore.in_folder(folder / BLOBS)
    for log in reversed(manifest.logs):
        if batches := await list_batches(blobs, BatchPaths(log.origin)):
            return max(batch.size for batch in batches)
    return _NOTHING


def _marked(folder: Path, source: Path, manifest: Manifest) -> int:
    """Size of the checkpoint beside the keys of the last log that has one."""
    for log in reversed(manifest.logs):
        verifier = _verifier(log, source, folder)
        size = _size(CheckpointMark(_mark_path(folder, log)), verifier) if verifier else _NOTHING
        if size != _NOTHING:
            return size
    return _NOTHING


def _blocks(folder: Path, source: Path) -> tuple[int, int]:
    """Numbers of the last blocks of both chains."""
    return _last_block(folder), _last_block(source)


def _last_block(folder: Path) -> int:
    """Last block of the newest snapshot that can be read."""
    for snapshot in reversed(SnapshotFolder(folder / CHAIN / SNAPSHOTS).usable()):
        try:
            with gzip.open(snapshot.path) as file:
                found = _BLOCK.match(file.read(64))
        except (EOFError, OSError, zlib.error):
            continue
        if found is not None:
            return int(found[1], 16)
    return _NOTHING


def _size(mark: CheckpointMark, verifier: Verifier) -> int:
    """Size of the checkpoint in the file, where this log signed it."""
    try:
        note = mark.read()
        return _NOTHING if note is None else Checkpoint.parse(open_note(note, [verifier]).text).size
    except (FormatError, ProofError, UnicodeDecodeError, OSError):
        return _NOTHING


def _verifier(log: LogHead, *folders: Path) -> Verifier | None:
    """Verifier of the log's notes, by the first of the folders that has its key."""
    for folder in folders:
        if (folder / KEYS / f"{_key_name(log)}.ed25519").is_file():
            return signer_for(log.origin, FileKeys(folder / KEYS)).verifier()
    return None


def _mark_path(folder: Path, log: LogHead) -> Path:
    return folder / KEYS / f"{_key_name(log)}.checkpoint"


def _key_name(log: LogHead) -> str:
    return f"log-{sha256(log.origin.encode()).hex()[:16]}"
