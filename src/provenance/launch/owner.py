"""Who owns a data folder: one service, or one restore, at a time, as long as its process lives."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from provenance.core.errors import ProvenanceError
from provenance.embedded.files import FileLock

LOCK: Final = "run/stack.lock"
"""File below the data folder that its owner has locked."""


class AlreadyRunningError(ProvenanceError):
    """Another process runs the service on this data folder."""

    code = "already-running"


def take(data_dir: Path) -> FileLock:
    """Take a data folder, which exists; whoever has the lock releases it.

    Raises:
        AlreadyRunningError: somebody has it.

    """
    lock = FileLock(data_dir / LOCK)
    if not lock.acquire():
        raise AlreadyRunningError(
            f"the service, or a restore, already runs on {data_dir}; stop it first, or set PROVENANCE_DATA"
        )
    return lock


@contextmanager
def kept_still(data_dir: Path) -> Iterator[Callable[[], None]]:
    """See to it that no service runs on ``data_dir`` while it is read; nothing is written there.

    Gives what looks whether one was started meanwhile, and raises the same error if so: whoever
    has read all asks it, before what was read counts for something.

    Raises:
        AlreadyRunningError: one runs.

    """
    path = data_dir / LOCK
    lock = FileLock(path)
    had_lock = path.exists()
    running = AlreadyRunningError(
        f"the service runs on {data_dir}, and goes on promising what a copy would lack; stop it first"
    )
    if had_lock and not lock.acquire():
        raise running

    def look() -> None:
        # A folder on which nobody ever ran has no lock that could be held.
        if not had_lock and path.exists():
            raise running

    try:
        yield look
    finally:
        lock.release()
