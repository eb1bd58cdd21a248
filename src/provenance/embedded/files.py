"""Files of the data folder: atomic replacement, private folders, locks and remembered ports.

Nothing here changes the mode of a folder that was there before: only what this module makes is
private.
"""

import errno
import fcntl
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

# Below Linux's ephemeral range (32768 and up): an outgoing connection can't sit on the port.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000
_PORT_ATTEMPTS = 100


def make_folder(folder: Path, *, mode: int = 0o700) -> bool:
    """Make ``folder`` (and missing parents) with ``mode``; leave one that exists as it is.

    Returns whether it was made now.
    """
    if folder.is_dir():
        return False
    make_folder(folder.parent)
    try:
        folder.mkdir(mode=mode)
    except FileExistsError:
        return False
    folder.chmod(mode)
    return True


def make_data_folder(data_dir: Path) -> None:
    """Make the data folder: private, but passable for the service user when we are root."""
    make_folder(data_dir, mode=0o711 if os.geteuid() == 0 else 0o700)
    make_folder(data_dir / "run")


def sync_folder(folder: Path) -> None:
    """Make renames and removals in ``folder`` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Replace ``path`` so that a crash leaves the old or the new content, and the new one lasts."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


class FileLock:
    """An exclusive lock that the kernel releases when its holder dies, however it dies."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._descriptor is not None

    def acquire(self) -> bool:
        """Take the lock if it is free; never waits."""
        if self.held:
            return True
        make_folder(self._path.parent)
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        return True

    def _open(self) -> int:
        try:
            return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # What is mounted for reading only can be locked all the same.
            if error.errno != errno.EROFS:
                raise
            return os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)

    def release(self) -> None:
        """Give the lock back; harmless when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


def port_is_free(port: int, *, host: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port of ``host`` now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def random_free_port() -> int:
    """A loopback port that nobody listens on now."""
    for _ in range(_PORT_ATTEMPTS):
        port = _FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT)
        if port_is_free(port):
            return port
    raise OSError(f"no free port found between {_FIRST_PORT} and {_LAST_PORT}")


def remembered_port(data_dir: Path, name: str, *, preferred: int | None = None) -> int:
    """The loopback port for ``name``: the one of last time, else ``preferred``, else a random one.

    A port that is taken by somebody else is passed over, so nothing is certain until the server
    listens. The choice is written to ``run/<name>.port``, so that addresses stay the same from
    one start to the next.
    """
    path = data_dir / "run" / f"{name}.port"
    candidates: list[int] = []
    with suppress(OSError, ValueError):
        candidates.append(int(path.read_text(encoding="ascii")))
    if preferred is not None:
        candidates.append(preferred)
    for candidate in candidates:
        if 0 < candidate < 65536 and port_is_free(candidate):
            port = candidate
            break
    else:
        port = random_free_port()
    remember_port(data_dir, name, port)
    return port


def remember_port(data_dir: Path, name: str, port: int) -> None:
    """Note the port of ``name`` for the next start, and for whoever looks for it."""
    path = data_dir / "run" / f"{name}.port"
    make_folder(path.parent)
    write_atomically(path, f"{port}\n".encode(), mode=0o644)
