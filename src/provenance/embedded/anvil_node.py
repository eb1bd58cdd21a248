"""The anvil process itself: found, started from the newest snapshot that loads, made ready.

The native program is started, not npm's wrapper: a kill of the wrapper leaves the chain running.
"""

import asyncio
import os
import platform
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from json import JSONDecodeError, dumps, loads
from pathlib import Path

import structlog

from provenance.embedded.chain_rpc import ChainRpc
from provenance.embedded.errors import BinaryNotFoundError, ChainRpcError, ChainStateError
from provenance.embedded.files import make_folder, random_free_port, write_atomically
from provenance.embedded.process import Command
from provenance.embedded.service_user import (
    choose_service_user,
    executable_copy,
    may_execute,
    view_for,
)
from provenance.embedded.snapshots import (
    Snapshot,
    SnapshotFolder,
    block_hash,
    head,
    publish_durable_block,
)

_log = structlog.get_logger(__name__)
_STOP = ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))
# anvil else writes each block's whole state to disk (150 kB and more), and leaves it there when
# it ends. So many blocks back eth_call and a reorganisation still work.
_STATES_KEPT = 64
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
_LOAD_FAILED = "failed to parse"
_PORT_TAKEN = "in use"


def find_anvil(
    configured: Path | None = None,
    *,
    folders: tuple[Path, ...] | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Path:
    """The anvil program: as configured, by ``ANVIL``, from npm in the project, or on the path.

    ``folders`` are those that may hold ``contracts/node_modules``: by default this checkout and
    the working folder. Raises :class:`BinaryNotFoundError`.
    """
    named = configured or (Path(environment["ANVIL"]) if environment.get("ANVIL") else None)
    if named is not None:
        if named.is_file() and os.access(named, os.X_OK):
            return named.absolute()
        raise BinaryNotFoundError(f"{named} is configured as anvil but is no program")
    machine = _MACHINES.get(platform.machine().lower(), platform.machine())
    package = f"@foundry-rs/anvil-{sys.platform}-{machine}/bin/anvil"
    for folder in folders or (Path(__file__).resolve().parents[3], Path.cwd()):
        candidate = folder / "contracts" / "node_modules" / package
        if candidate.is_file():
            return candidate.absolute()
    if on_path := shutil.which("anvil", path=environment.get("PATH")):
        return Path(on_path).absolute()
    raise BinaryNotFoundError(
        "anvil was not found. Run `npm ci` in contracts/, or install Foundry and put anvil on the "
        "PATH or its path into ANVIL, or set RPC_URL to a chain of yours"
    )


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes a chain this chain: ``genesis`` is empty until its first start succeeded."""

    created: int
    chain_id: int
    genesis: str = ""

    @classmethod
    def read(cls, path: Path) -> "Identity | None":
        """The stored identity, None where there is no chain yet."""
        try:
            value = loads(path.read_bytes())
            return cls(int(value["created"]), int(value["chain_id"]), str(value["genesis"]))
        except FileNotFoundError:
            return None
        except (JSONDecodeError, KeyError, TypeError, ValueError) as error:
            raise ChainStateError(
                f"{path} can't be read; restore it from a backup, or move the folder "
                f"{path.parent} away to start with an empty chain"
            ) from error

    def write(self, path: Path) -> None:
        """Store it durably."""
        value = {"created": self.created, "chain_id": self.chain_id, "genesis": self.genesis}
        write_atomically(path, dumps(value).encode())


class AnvilNode:
    """The node as a supervised service. ``ready`` is set while its clock is right."""

    name = "anvil"

    def __init__(
        self,
        data_dir: Path,
        *,
        binary: Path,
        chain_id: int,
        rpc: ChainRpc,
        snapshots: SnapshotFolder,
        clock: Callable[[], float],
        ready: asyncio.Event,
    ) -> None:
        self.chain_id = chain_id
        self._data_dir = data_dir
        self._chain = data_dir / "chain"
        self._home = self._chain / "node"
        self._loading = self._home / "loading.json"
        self._binary = binary
        self._rpc = rpc
        self._snapshots = snapshots
        self._clock = clock
        self._ready = ready
        self._started_from: Snapshot | None = None

    @property
    def was_loaded(self) -> bool:
        """Whether the node began with a snapshot, not with an empty chain."""
        return self._started_from is not None

    async def prepare(self) -> Command:
        """Unpack the newest usable snapshot and say how to start a node from it."""
        user = choose_service_user(self._home)
        make_folder(self._chain, mode=0o700 if user is None else 0o711)
        if make_folder(self._home) and user is not None:
            os.chown(self._home, user.uid, user.gid)
        owner = None if user is None else (user.uid, user.gid)
        identity = self._identity()
        while (snapshot := self._snapshots.newest()) is not None:
            if await asyncio.to_thread(
                self._snapshots.unpack, snapshot, self._loading, owner=owner
            ):
                break
            self._set_aside(snapshot)
        self._started_from = snapshot
        binary = self._binary
        if not may_execute(binary, root=binary.parent, user=user):
            copy = self._data_dir / "programs" / f"anvil-{int(binary.stat().st_mtime)}"
            binary = executable_copy(binary.parent, [binary.name], into=copy) / binary.name
        port = random_free_port()
        self._rpc.url = f"http://127.0.0.1:{port}"
        load = () if snapshot is None else ("--load-state", str(self._loading))
        return Command(
            argv=(
                str(binary),
                *("--host", "127.0.0.1", "--port", str(port), "--no-cors"),
                *("--chain-id", str(identity.chain_id), "--timestamp", str(identity.created)),
                # Without this, "finalized" stays 64 blocks behind for ever on an idle chain.
                *("--slots-in-an-epoch", "0"),
                *("--accounts", "0", "--prune-history", str(_STATES_KEPT)),
                # It would else write a line for each call.
                "--quiet",
                *load,
            ),
            environment={"HOME": str(self._home), "TMPDIR": str(self._home)},
            cwd=self._home,
            view=view_for(user, (binary.parent, self._home)),
            stop=_STOP,
        )

    async def wait_ready(self) -> None:
        """Return when the chain is ours and its clock is right; publishes what is durable."""
        while True:
            with suppress(ChainRpcError):
                await self._rpc.call("eth_chainId")
                break
            await asyncio.sleep(0.01)
        await self._check_identity()
        newest = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        now = max(int(self._clock()), int(newest["timestamp"], 16))
        await self._rpc.call("anvil_setTime", now)
        if self._started_from is not None:
            publish_durable_block(self._data_dir, await head(self._rpc))
        self._loading.unlink(missing_ok=True)
        self._ready.set()

    async def set_clock(self) -> None:
        """Let block times go with the wall clock from now on, but never back."""
        newest = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        now = max(int(self._clock()), int(newest["timestamp"], 16))
        await self._rpc.call("anvil_setTime", now)

    def learn_from_failure(self, log: str) -> bool:
        """A snapshot that anvil refused is set aside, so that the next try takes an older one."""
        if self._started_from is not None and _LOAD_FAILED in log:
            self._set_aside(self._started_from)
            return True
        return _PORT_TAKEN in log

    def _set_aside(self, snapshot: Snapshot) -> None:
        _log.error("snapshot_unusable", path=str(snapshot.path))
        self._snapshots.set_aside(snapshot)

    def _identity(self) -> Identity:
        path = self._chain / "identity.json"
        identity = Identity.read(path)
        if identity is None:
            identity = Identity(created=int(self._clock()), chain_id=self.chain_id)
            identity.write(path)
        if identity.chain_id != self.chain_id:
            raise ChainStateError(
                f"{self._chain} holds the chain {identity.chain_id}, but {self.chain_id} is "
                "configured; use that id, or another data folder"
            )
        return identity

    async def _check_identity(self) -> None:
        identity = self._identity()
        genesis = await block_hash(self._rpc, 0)
        found = genesis.hex() if genesis else ""
        if not identity.genesis:
            named = Identity(created=identity.created, chain_id=self.chain_id, genesis=found)
            named.write(self._chain / "identity.json")
        elif identity.genesis != found:
            raise ChainStateError(
                f"the chain that started has the genesis block {found}, not {identity.genesis} "
                f"as stored in {self._chain}; was anvil changed for another version?"
            )
