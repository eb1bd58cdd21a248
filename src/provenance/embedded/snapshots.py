"""Snapshots of the embedded chain, and the block up to which it is durable.

anvil keeps its chain in memory, and the file that it can write itself is overwritten in place:
a crash in the middle leaves nothing that loads. Therefore snapshots are files of their own. Each
is written beside its name, synced, then renamed, and the folder synced; the newest two are kept,
so that one that went bad still leaves the other. A snapshot is numbered in the order in which
it was made, since block numbers go back when a chain falls back to an older one.

The durable block is published only after its snapshot is on disk, and it is what "final" means
on the embedded chain.
"""

import asyncio
import gzip
import json
import os
import shutil
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from provenance.embedded.chain_rpc import ChainRpc
from provenance.embedded.errors import ChainRpcError, ChainStateError
from provenance.embedded.files import make_folder, sync_folder, write_atomically

_KEPT = 2
_SUFFIX = ".json.gz"
_BAD = ".bad"


class DurableBlock(NamedTuple):
    """The newest block that a restart of the embedded chain brings back."""

    number: int
    hash: bytes


def durable_block(data_dir: Path) -> DurableBlock | None:
    """The durable block of the embedded chain below ``data_dir``, None before its first start.

    Cheap enough to be asked for each pending anchor; any process that may read the data folder
    may ask. A block at or below it is final if the chain still has this hash at this number.
    """
    try:
        value = json.loads(_published(data_dir).read_bytes())
        return DurableBlock(number=int(value["number"]), hash=bytes.fromhex(value["hash"]))
    except FileNotFoundError:
        return None


def publish_durable_block(data_dir: Path, block: DurableBlock) -> None:
    """Tell the other processes. The caller has the block in a snapshot on disk."""
    content = json.dumps({"number": block.number, "hash": block.hash.hex()})
    write_atomically(_published(data_dir), content.encode())


def _published(data_dir: Path) -> Path:
    return data_dir / "run" / "chain-final.json"


@dataclass(frozen=True, slots=True, order=True)
class Snapshot:
    """One snapshot file; the sequence number orders them by age."""

    sequence: int
    path: Path


class SnapshotFolder:
    """The snapshots of one chain, newest last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _list(self, *, with_bad: bool = False) -> list[Snapshot]:
        found = []
        if self._folder.is_dir():
            for path in self._folder.iterdir():
                name = path.name.removesuffix(_BAD) if with_bad else path.name
                digits = name.removesuffix(_SUFFIX)
                if name.endswith(_SUFFIX) and digits.isdigit():
                    found.append(Snapshot(sequence=int(digits), path=path))
        return sorted(found)

    def usable(self) -> list[Snapshot]:
        """Those that are not known to be bad, newest last."""
        return self._list()

    def newest(self) -> Snapshot | None:
        """The newest snapshot that is not known to be bad."""
        usable = self._list()
        if usable:
            return usable[-1]
        if self._list(with_bad=True):
            raise ChainStateError(
                f"no snapshot in {self._folder} can be read any more. Put a backup of that folder "
                "back, or move the folder away: the chain then starts empty, and the anchoring "
                "worker sends everything again, with other block hashes and times than before"
            )
        return None

    def set_aside(self, snapshot: Snapshot) -> None:
        """Keep a snapshot that does not load for a person to look at, but never use it again."""
        snapshot.path.replace(snapshot.path.with_name(snapshot.path.name + _BAD))
        sync_folder(self._folder)

    def unpack(self, snapshot: Snapshot, target: Path, *, owner: tuple[int, int] | None) -> bool:
        """Write the snapshot's JSON to ``target``; False if the file is damaged.

        A full disk or a missing right is no damage and raises OSError.
        """
        target.unlink(missing_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as plain:
            if owner is not None:
                os.fchown(plain.fileno(), *owner)
            try:
                with gzip.open(snapshot.path) as packed:
                    shutil.copyfileobj(packed, plain, 1024 * 1024)
            except (EOFError, gzip.BadGzipFile, zlib.error):
                return False
        return True

    async def take(self, rpc: ChainRpc) -> DurableBlock:
        """Dump the chain into a new snapshot and return the block that is in it for certain.

        That block is asked for before the dump, and checked to be still there after it.
        """
        make_folder(self._folder)
        before = await head(rpc)
        part = self._folder / "part"
        with part.open("wb") as file:
            await rpc.dump_state(file)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if await block_hash(rpc, before.number) != before.hash:
            raise ChainRpcError(f"block {before.number} was replaced during the snapshot")
        await asyncio.to_thread(self._install, part)
        return before

    def _install(self, part: Path) -> None:
        newest = max((one.sequence for one in self._list(with_bad=True)), default=0)
        part.replace(self._folder / f"{newest + 1:012d}{_SUFFIX}")
        sync_folder(self._folder)
        for old in self._list()[:-_KEPT]:
            with suppress(FileNotFoundError):
                old.path.unlink()


async def head(rpc: ChainRpc) -> DurableBlock:
    """Number and hash of the newest block."""
    block = await rpc.call("eth_getBlockByNumber", "latest", False)
    return DurableBlock(number=int(block["number"], 16), hash=bytes.fromhex(block["hash"][2:]))


async def block_hash(rpc: ChainRpc, number: int) -> bytes | None:
    """The hash of a block, None if the chain does not have it."""
    block = await rpc.call("eth_getBlockByNumber", hex(number), False)
    return bytes.fromhex(block["hash"][2:]) if block else None
