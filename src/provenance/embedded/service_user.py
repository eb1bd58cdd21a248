"""Whom PostgreSQL and anvil run as when the launcher is root.

PostgreSQL refuses to run as root, and neither of the two needs to. Root therefore drops to an
unprivileged user that the system already has. That user may be unable to reach a checkout
below a private folder such as ``/root``. Opening that folder is not ours to do; instead the
folders that the child needs are shown to it alone, at the same paths, in a mount namespace of
its own. Where the system forbids that, the start fails and says what to do. Programs that a
narrow umask made unreadable for all but root are copied into the data folder.
"""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from provenance.embedded import trampoline
from provenance.embedded.errors import NoServiceUserError, UnreachableFolderError
from provenance.embedded.files import make_folder

_CANDIDATES = ("provenance", "postgres", "nobody")


@dataclass(frozen=True, slots=True)
class ServiceUser:
    """An unprivileged user of this system."""

    name: str
    uid: int
    gid: int

    @classmethod
    def from_passwd(cls, entry: pwd.struct_passwd) -> "ServiceUser":
        """The user that a line of the password database describes."""
        return cls(name=entry.pw_name, uid=entry.pw_uid, gid=entry.pw_gid)


def choose_service_user(owned: Path | None = None) -> ServiceUser | None:
    """The user to drop to, or None when we are not root and stay who we are.

    ``owned`` is a folder of an earlier start: whoever owns it goes on, so that a change of the
    system's users does not lock a database out of its own files.
    """
    if os.geteuid() != 0:
        return None
    if owned is not None and owned.exists() and (uid := owned.stat().st_uid) != 0:
        try:
            return ServiceUser.from_passwd(pwd.getpwuid(uid))
        except KeyError as error:
            raise NoServiceUserError(
                f"{owned} belongs to user id {uid}, which this system does not have; "
                f"create that user, or give the folder to another with chown -R"
            ) from error
    for name in _CANDIDATES:
        try:
            return ServiceUser.from_passwd(pwd.getpwnam(name))
        except KeyError:
            continue
    raise NoServiceUserError(
        f"root can't run PostgreSQL, and none of the users {', '.join(_CANDIDATES)} exists; "
        "create one with `useradd --system provenance`"
    )


def _allows(status: os.stat_result, user: ServiceUser, bits: int) -> bool:
    """Whether a mode gives ``user`` these of the bits read 4, write 2, execute 1."""
    if status.st_uid == user.uid:
        shift = 6
    elif status.st_gid == user.gid:
        shift = 3
    else:
        shift = 0
    return status.st_mode >> shift & bits == bits


def unreachable_ancestor(path: Path, user: ServiceUser) -> Path | None:
    """The first folder on the way to ``path`` that ``user`` may not pass through, by its mode."""
    for folder in reversed(path.resolve().parents):
        if not _allows(folder.stat(), user, 1):
            return folder
    return None


def may_execute(program: Path, *, root: Path, user: ServiceUser | None) -> bool:
    """Whether ``user`` (None: we) may run a program that was installed below ``root``.

    A narrow umask at installation leaves programs that nobody but root may read.
    """
    if user is None:
        return True
    between = [folder for folder in program.parents if folder.is_relative_to(root)]
    return all(_allows(path.stat(), user, 5) for path in (program, *between))


def executable_copy(root: Path, parts: Iterable[str], *, into: Path) -> Path:
    """Copy ``parts`` below ``root`` to ``into``, for everybody to read; done once.

    Returns ``into``, which appears when it is complete.
    """
    if into.exists():
        return into
    make_folder(into.parent, mode=0o711)
    staging = Path(tempfile.mkdtemp(prefix=f"{into.name}.", dir=into.parent))
    for part in parts:
        source, target = root / part, staging / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy2(source, target)
    for path in (staging, *staging.rglob("*")):
        mode = path.stat().st_mode
        path.chmod(mode | 0o444 | (0o111 if path.is_dir() or mode & stat.S_IXUSR else 0))
    staging.rename(into)
    return into


@dataclass(frozen=True, slots=True)
class View:
    """What a child is shown: ``covers`` hide what is below them except the folders ``shown``."""

    user: ServiceUser | None = None
    covers: tuple[Path, ...] = ()
    shown: tuple[Path, ...] = ()

    def trampoline_arguments(self) -> list[str]:
        """What the trampoline has to be told."""
        if self.user is None:
            return []
        return [
            f"--uid={self.user.uid}",
            f"--gid={self.user.gid}",
            *(f"--cover={folder}" for folder in self.covers),
            *(f"--show={folder}" for folder in self.shown),
        ]


def view_for(user: ServiceUser | None, folders: Iterable[Path]) -> View:
    """A view in which ``user`` can reach all ``folders``.

    Raises :class:`UnreachableFolderError` where that would take a change of a mode that is not
    ours.
    """
    if user is None:
        return View()
    blocked: list[Path] = []
    shown: list[Path] = []
    for folder in (path.resolve() for path in folders):
        ancestor = unreachable_ancestor(folder, user)
        if ancestor is not None:
            blocked.append(ancestor)
            shown.append(folder)
    covers = {one for one in blocked if not any(other in one.parents for other in blocked)}
    view = View(user=user, covers=tuple(sorted(covers)), shown=tuple(shown))
    if blocked and not _is_allowed(view):
        raise UnreachableFolderError(folder=blocked[0], user=user.name)
    return view


def _is_allowed(view: View) -> bool:
    """Whether this system lets us make that view: tried, since many things can forbid it."""
    probe = subprocess.run(  # noqa: S603 - a fixed command
        [
            *(sys.executable, "-I", "-S", trampoline.__file__),
            *(f"--parent={os.getpid()}", f"--death-signal={int(signal.SIGKILL)}"),
            *(*view.trampoline_arguments(), "--", "/bin/true"),
        ],
        check=False,
        capture_output=True,
    )
    return probe.returncode == 0
