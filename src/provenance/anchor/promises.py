"""What the log has signed, as it is told outside of its database: by copies and beside its keys.

A database that comes back from a dump does not know what was promised since, and a chain that came
back with it does not either. Before a step is sent, its batch is copied with the signed checkpoint, and
then the checkpoint is noted beside the signing key. So whichever of the two is newer than the
database tells that the database is old.

Rules: only a signature by the log's own key counts as a promise. What stands among the log's own
copies above its size and cannot be read, or was not signed, might be one that was damaged: it keeps
the log closed as well, and is named, so that a person can mend it or take it away. What left no
trace anywhere, because everything comes from one old backup, cannot be seen here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from provenance.anchor.batch import (
    BatchName,
    BatchPaths,
    Manifest,
    decode_manifest,
    list_batches,
)
from provenance.anchor.errors import BatchError
from provenance.blobs import BlobNotFoundError, BlobStore
from provenance.core.errors import FormatError, ProofError
from provenance.core.notes import MAX_NOTE_BYTES, Checkpoint, Verifier, open_note
from provenance.embedded.files import write_atomically

_LOOKED_AT: Final = 16
"""Copies that are not ours before the search ends: a person has to see to them anyway."""


class CheckpointMark:
    """The newest checkpoint that was signed, in a file of its own at ``path``."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> str | None:
        """Return the note; None where none was ever written.

        Raises:
            UnicodeDecodeError: it is no text.
            OSError: it cannot be read.

        """
        try:
            with self.path.open("rb") as file:
                return file.read(MAX_NOTE_BYTES + 1).decode()
        except FileNotFoundError:
            return None

    def write(self, note: str) -> None:
        """Replace the note; on disk when this returns."""
        write_atomically(self.path, note.encode())


@dataclass(frozen=True, slots=True)
class Promised:
    """What was found: the largest checkpoint, what tells of it, and what cannot be understood.

    ``marked`` is the checkpoint beside the keys. ``problems`` name what is there and is no promise
    of this log, with the reason; while there are any, nobody knows all that was promised.
    """

    checkpoint: Checkpoint | None
    found_in: str
    marked: Checkpoint | None
    problems: tuple[str, ...]


class Promises:
    """Looks for promises of the log ``origin``, whose notes ``verifiers`` check."""

    def __init__(
        self,
        blobs: BlobStore,
        *,
        origin: str,
        verifiers: Sequence[Verifier],
        mark: CheckpointMark | None = None,
    ) -> None:
        self._blobs = blobs
        self._paths = BatchPaths(origin)
        self._origin = origin
        self._verifiers = tuple(verifiers)
        self._mark = mark

    async def above(self, size: int, *, from_old_size: int = 0) -> Promised:
        """Find the largest checkpoint above ``size``.

        Copies are looked for from ``from_old_size`` on: an anchored size that is at most ``size``.

        Raises:
            BlobError: the store failed.

        """
        problems: list[str] = []
        marked = self._marked(problems)
        best, found_in = None, ""
        if marked is not None and marked.size > size:
            best, found_in = marked, "the checkpoint beside its keys"
        names = await list_batches(self._blobs, self._paths, from_old_size=from_old_size)
        floor = size if best is None else best.size
        for name in sorted(names, key=lambda one: one.size, reverse=True):
            if name.size <= floor or len(problems) >= _LOOKED_AT:
                break
            try:
                copied = await self._copied(name)
            except (BatchError, BlobNotFoundError) as error:
                problems.append(f"the copy {self._paths.manifest(name)}: {error}")
            else:
                best, found_in = copied, f"the copy {name}"
                break
        return Promised(checkpoint=best, found_in=found_in, marked=marked, problems=tuple(problems))

    def signed(self, manifest: Manifest) -> Checkpoint:
        """Return the checkpoint that a manifest carries.

        Raises:
            BatchError: it carries none that this log signed, or one of another step.

        """
        try:
            checkpoint = self._open(manifest.checkpoint)
        except (FormatError, ProofError) as error:
            raise BatchError("carries no checkpoint that this log signed") from error
        if (checkpoint.size, checkpoint.root.hex()) != (manifest.size, manifest.root):
            raise BatchError("carries the checkpoint of another step")
        return checkpoint

    async def _copied(self, name: BatchName) -> Checkpoint:
        manifest = decode_manifest(await self._blobs.get(self._paths.manifest(name)))
        if (manifest.origin, manifest.old_size, manifest.size) != (
            self._origin,
            name.old_size,
            name.size,
        ):
            raise BatchError("is the manifest of another batch")
        return self.signed(manifest)

    def _marked(self, problems: list[str]) -> Checkpoint | None:
        if self._mark is None:
            return None
        try:
            note = self._mark.read()
            return None if note is None else self._open(note)
        except OSError as error:
            reason = error.strerror or type(error).__name__
        except (FormatError, ProofError, UnicodeDecodeError):
            reason = "holds no checkpoint that this log signed"
        problems.append(f"the file {self._mark.path.name} beside the keys: {reason}")
        return None

    def _open(self, note: str) -> Checkpoint:
        # A note's own first line picks the verifiers: those of this origin are all there are.
        return Checkpoint.parse(open_note(note, self._verifiers).text)
