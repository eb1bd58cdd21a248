"""A data folder that is being restored into, and the note in it that tells how far that has come.

Everything is made in ``.restoring`` inside the data folder, which may be a mount point that cannot
be renamed or made anew. When all of it is on disk, its children are moved up one by one. The file
``restoring.json`` is there before anything else and goes last: while it is, no service starts.

::

    phase     what the next restore does with what it finds
    loading   nothing was moved yet: removes .restoring
    moving    removes the names that the note lists, too: the folder had none of them
    done      all is in place: removes .restoring and the note

Nothing else in the folder is ever removed. A folder with anything else in it is not empty, but for
what a new file system or the lock of an owner has put there.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec

from provenance.embedded.cluster import Postmaster
from provenance.embedded.files import make_data_folder, make_folder, sync_folder, write_atomically
from provenance.launch.archive import BackupError, sync_tree
from provenance.launch.owner import LOCK
from provenance.wiring.restored import NOTE, STAGING

_ENDING_S: Final = 60.0
"""Seconds for the PostgreSQL of a restore that was killed to end: it is told by the kernel."""
_MAX_NOTE: Final = 1 << 16
"""Bytes; a note lists a handful of names."""


class Note(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a restore has come.

    ``request`` is a digest (hex) of what is restored; ``database`` where the one that is named is,
    absent for the embedded one; ``names`` what is moved into the data folder.
    """

    request: str
    database: str | None
    phase: Literal["loading", "moving", "done"] = "loading"
    names: tuple[str, ...] = ()
    v: Literal[1] = 1


class RestoringFolder:
    """The data folder ``target`` (full path) while it is restored into; its caller has its lock."""

    def __init__(self, target: Path) -> None:
        self.target = target
        self.staging = target / STAGING
        self._note = target / NOTE

    def note(self) -> Note | None:
        """Return the note of a restore that has not ended.

        Raises:
            BackupError: it cannot be read.

        """
        try:
            with self._note.open("rb") as file:
                note = msgspec.json.decode(file.read(_MAX_NOTE), type=Note)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except msgspec.DecodeError as error:
            raise BackupError(
                f"{self._note} can't be read ({error}): empty {self.target}, and the database that "
                "was restored into, by hand"
            ) from None
        if any(Path(name).name != name for name in note.names):
            raise BackupError(f"{self._note} names what is not inside {self.target}")
        return note

    def is_done(self) -> bool:
        """Whether all is in place, and only the note has to go."""
        note = self.note()
        return note is not None and note.phase == "done"

    def check_free(self) -> None:
        """Refuse a folder that holds what no restore has left there.

        Raises:
            BackupError: it does.

        """
        if not self.target.exists():
            return
        if not self.target.is_dir() or any(self._foreign()):
            raise BackupError(
                f"{self.target} is not empty; a backup is only restored into an empty data folder: "
                "move it away, or set PROVENANCE_DATA to another"
            )

    def begin(self, note: Note) -> None:
        """Write the first note, and make the folder in which all is made."""
        for part in self._parts():
            part.unlink()
        self._write(note)
        make_data_folder(self.staging)

    def list_names(self, note: Note) -> Note:
        """Make what was staged durable, and note what is about to be moved."""
        # Ports and locks of the server that loaded the dump; a start makes its own.
        shutil.rmtree(self.staging / "run")
        sync_tree(self.staging)
        names = tuple(sorted(path.name for path in self.staging.iterdir()))
        listed = msgspec.structs.replace(note, phase="moving", names=names)
        self._write(listed)
        return listed

    def move(self, name: str) -> None:
        """Move one name into the data folder."""
        (self.staging / name).rename(self.target / name)

    def note_done(self, note: Note) -> Note:
        """Note that everything is in place."""
        sync_folder(self.staging)
        sync_folder(self.target)
        done = msgspec.structs.replace(note, phase="done")
        self._write(done)
        return done

    def remove_staging(self) -> None:
        """Remove the folder in which all was made."""
        if self.staging.exists():
            shutil.rmtree(self.staging)
        sync_folder(self.target)

    def remove_note(self) -> None:
        """Remove the note: the data folder is whole, or empty."""
        self._note.unlink(missing_ok=True)
        sync_folder(self.target)

    async def take_back(self, note: Note | None) -> None:
        """Remove whatever a restore that is not done has left; may be cut off and called again.

        Raises:
            BackupError: its PostgreSQL still runs.

        """
        await self._await_server()
        for name in note.names if note is not None else ():
            await asyncio.to_thread(_remove, self.target / name)
        await asyncio.to_thread(self.remove_staging)
        for part in self._parts():
            part.unlink()
        self.remove_note()

    async def _await_server(self) -> None:
        cluster = self.staging / "postgres"
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDING_S):
                while _runs(cluster):  # noqa: ASYNC110 - it is another process's state
                    await asyncio.sleep(0.05)
                return
        raise BackupError(
            f"the PostgreSQL of a restore that was cut off still runs on {cluster}: stop it first"
        )

    def _foreign(self) -> Iterator[str]:
        note = self.note()
        ours = {NOTE, STAGING, *(note.names if note is not None else ())}
        ours.update(part.name for part in self._parts())
        run, lock = LOCK.split("/")
        for path in self.target.iterdir():
            if path.name in ours or (path.name == "lost+found" and path.is_dir()):
                continue
            if path.name == run and path.is_dir() and {p.name for p in path.iterdir()} <= {lock}:
                continue
            yield path.name

    def _parts(self) -> list[Path]:
        """Notes that were being written when a restore was cut off."""
        return list(self.target.glob(f".{NOTE}.*.part"))

    def _write(self, note: Note) -> None:
        make_folder(self.target)
        write_atomically(self._note, msgspec.json.encode(note))


def _runs(cluster: Path) -> bool:
    found = Postmaster.read(cluster)
    return found is not None and found.runs_in(cluster)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
