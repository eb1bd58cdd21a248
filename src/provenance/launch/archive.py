"""A backup as a folder: files with a manifest of their hashes, which is written last.

::

    manifest.json       what there is, with sizes and SHA-256, and the state of each log
    database.dump       pg_dump's custom format
    blobs/  keys/       copies of the data folder's
    chain/              identity.json and one snapshot (embedded chain only)
    credentials.json  trust.json

A backup appears under its name when all of it is on disk; without a manifest there is none. It
holds private keys and personal data: the folder has mode 0700. Its hashes show damage, not
malice: who can write the backup can write the manifest. A log that was restored from it is
compared with the chain before it takes a write, and that cannot be forged.
"""

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from provenance.core.errors import ProvenanceError
from provenance.embedded.files import make_folder, sync_folder, write_atomically

VERSION: Final = 1
MANIFEST: Final = "manifest.json"
DATABASE: Final = "database.dump"
BLOBS: Final = "blobs"
KEYS: Final = "keys"
CHAIN: Final = "chain"
IDENTITY: Final = "identity.json"
SNAPSHOTS: Final = "snapshots"
"""Of the chain's folder."""
TRUST: Final = "trust.json"
SINGLE_FILES: Final = ("credentials.json", TRUST)
_CHUNK: Final = 1 << 20
_MAX_MANIFEST: Final = 1 << 30
"""Bytes; some 150 for each file, and a busy log has a handful of files for each second."""


class BackupError(ProvenanceError):
    """A backup that cannot be made or used; nothing was changed."""

    code = "bad-backup"


class StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size and SHA-256 (hex) of a file."""

    bytes: int
    sha256: str


class LogHead(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A log as the dump holds it; ``root`` in hex, ``anchored`` the largest size on chain."""

    origin: str
    size: int
    root: str
    anchored: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup consists of. ``created_at`` in milliseconds; ``schema`` of the database."""

    v: int
    created_at: int
    schema: str
    logs: tuple[LogHead, ...]
    has_chain: bool
    has_blobs: bool
    files: Mapping[str, StoredFile]


@dataclass(slots=True)
class Archive:
    """The folder of a backup that is being made, and what is in it so far."""

    folder: Path
    files: dict[str, StoredFile] = field(default_factory=dict)

    def add(self, source: Path, name: str) -> None:
        """Copy a file into the backup as ``name``, hash it on the way and sync it.

        Raises:
            FileNotFoundError: it is gone.

        """
        target = self.folder / name
        make_folder(target.parent)
        self.files[name] = copy_file(source, target)

    def add_tree(self, source: Path, name: str) -> None:
        """Copy every file below ``source``; one that is deleted meanwhile is left out."""
        for path in files_below(source):
            with suppress(FileNotFoundError):
                self.add(path, f"{name}/{path.relative_to(source).as_posix()}")

    def note(self, name: str) -> None:
        """Hash a file that was written into the folder already."""
        self.files[name] = measure(self.folder / name)

    def finish(self, manifest: Manifest, target: Path) -> None:
        """Write the manifest, sync everything, and give the folder its name."""
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        sync_tree(self.folder)
        write_atomically(self.folder / MANIFEST, content)
        self.folder.rename(target)
        sync_folder(target.parent)


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the backup in ``folder``.

    Raises:
        BackupError: there is none that this release can read.

    """
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _MAX_MANIFEST:
            raise BackupError(f"{path} is larger than manifests are")
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except NotADirectoryError:
        raise BackupError(
            f"{folder} is a file: name the folder that `provenance backup` made, which holds it"
        ) from None
    except FileNotFoundError:
        raise BackupError(f"{folder} holds no backup: {MANIFEST} is missing") from None
    except msgspec.DecodeError as error:
        raise BackupError(f"{path} can't be read: {error}") from None
    if manifest.v != VERSION:
        raise BackupError(f"version {manifest.v} of a backup is not known to this release")
    for name in manifest.files:
        if name.startswith("/") or ".." in Path(name).parts:
            raise BackupError(f"{path} names {name!a}, which is not inside the backup")
    return manifest


def check_files(folder: Path, manifest: Manifest) -> None:
    """Compare every file with the manifest.

    Raises:
        BackupError: one is missing or differs; it is named.

    """
    for name, expected in manifest.files.items():
        try:
            found = measure(folder / name)
        except FileNotFoundError:
            raise BackupError(f"{name} is missing from the backup {folder}") from None
        if found != expected:
            raise BackupError(f"{name} in the backup {folder} is damaged: its hash differs")


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder, but for those that are still being written."""
    for path in sorted(folder.rglob("*")):
        # obstore writes beside the name, with "#" and a number, and renames; we with a dot.
        if path.is_file() and not path.name.startswith(".") and "#" not in path.name:
            yield path


def copy_file(source: Path, target: Path) -> StoredFile:
    """Copy a file with mode 0600 and sync it; returns what was copied."""
    digest = hashlib.sha256()
    size = 0
    with source.open("rb") as reading:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as writing:
            while chunk := reading.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                writing.write(chunk)
            writing.flush()
            os.fsync(writing.fileno())
    return StoredFile(bytes=size, sha256=digest.hexdigest())


def measure(path: Path) -> StoredFile:
    """Size and hash of a file."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return StoredFile(bytes=file.tell(), sha256=digest.hexdigest())


def sync_tree(folder: Path) -> None:
    """Make every folder below, and ``folder`` itself, durable."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
    sync_folder(folder)
