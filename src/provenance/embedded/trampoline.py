"""Turns itself into a child that dies with its parent: a script, run by path and never imported.

A fresh interpreter does this instead of a function between fork and exec, because the parent
has threads, and Python code run in a fork of a threaded process may wait for a lock for ever.
It needs only the standard library, so it starts with ``python -I -S``.

The order matters. Mounts need root, so they come first. A change of user clears the death
signal (prctl(2)), so the signal is set after it; and only then is it certain that a parent
that is still there now will be noticed when it goes.
"""

import argparse
import ctypes
import os
import sys
from collections.abc import Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 0x2, 0x4, 0x1000, 0x4000, 0x80000
EXIT_PARENT_GONE = 124
EXIT_NOT_LAUNCHED = 125


def _checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def _show_privately(libc: ctypes.CDLL, *, covers: Sequence[str], shown: Sequence[str]) -> None:
    """Cover each folder of ``covers`` with an empty one that holds nothing but ``shown``.

    Paths stay what they are. Only this process and its children see it so.
    """
    _checked(libc.unshare(CLONE_NEWNS), "unshare")
    # Slave: what the host mounts or unmounts later still reaches us, nothing of ours leaves.
    _checked(libc.mount(b"none", b"/", None, MS_REC | MS_SLAVE, None), "mount /")
    sources = [(os.open(path, os.O_PATH), path) for path in shown]
    flags = MS_NOSUID | MS_NODEV
    for cover in covers:
        mounted = libc.mount(b"tmpfs", os.fsencode(cover), b"tmpfs", flags, b"mode=755")
        _checked(mounted, f"cover {cover}")
    for descriptor, path in sources:
        Path(path).mkdir(mode=0o755, parents=True, exist_ok=True)
        source = os.fsencode(f"/proc/self/fd/{descriptor}")
        _checked(
            libc.mount(source, os.fsencode(path), None, MS_BIND | MS_REC, None), f"show {path}"
        )
        os.close(descriptor)


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trampoline")
    parser.add_argument("--parent", type=int, required=True)
    parser.add_argument("--death-signal", type=int, required=True)
    parser.add_argument("--uid", type=int)
    parser.add_argument("--gid", type=int)
    parser.add_argument("--cover", action="append", default=[])
    parser.add_argument("--show", action="append", default=[])
    parser.add_argument("--umask", type=lambda text: int(text, 8), default=0o077)
    parser.add_argument("command", nargs="+")
    return parser.parse_args(argv)


def launch(argv: Sequence[str]) -> None:
    """Prepare this process as the arguments say and replace it by the command."""
    wanted = _arguments(argv)
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    if wanted.cover and libc is not None:
        _show_privately(libc, covers=wanted.cover, shown=wanted.show)
    os.umask(wanted.umask)
    if wanted.uid is not None:
        os.setgroups([])
        os.setgid(wanted.gid)
        os.setuid(wanted.uid)
    if libc is not None:
        _checked(libc.prctl(PR_SET_PDEATHSIG, wanted.death_signal, 0, 0, 0), "prctl")
    if os.getppid() != wanted.parent:
        raise SystemExit(EXIT_PARENT_GONE)
    os.execv(wanted.command[0], wanted.command)  # noqa: S606 - replacing this process is its purpose


if __name__ == "__main__":
    try:
        launch(sys.argv[1:])
    except OSError as error:
        sys.stderr.write(f"trampoline: {error}\n")
        raise SystemExit(EXIT_NOT_LAUNCHED) from error
