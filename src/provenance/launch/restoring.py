"""Restores a backup into an empty data folder, and into an empty database where one is named.

Every file is compared with the manifest before anything is written. All is made inside the data
folder and moved up when it is on disk; a note says that this is not done yet, and a named database
is marked. No service starts on either, and whatever cuts a restore off, the next one takes back
what was done, or ends what is left: :mod:`provenance.launch.steps` numbers what can be cut off.

What is restored is older than what was acknowledged since. The next start compares it with the
chain, the copies of batches and the checkpoint beside the keys, and takes no write before it has what
those tell of. Where all of them come out of the backup they are as old as it is, and nothing tells:
then somebody has to name what is left of the data folder, or to say that the loss is accepted.
"""

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import psycopg

from provenance.core.errors import ProvenanceError
from provenance.db.faults import told
from provenance.db.loading import MarkedDatabase
from provenance.db.migrate import expected, revisions
from provenance.embedded.files import make_data_folder, make_folder
from provenance.launch.archive import (
    DATABASE,
    KEYS,
    MANIFEST,
    BackupError,
    Manifest,
    check_files,
    copy_file,
    measure,
    read_manifest,
)
from provenance.launch.loading import load, named_database, place_of
from provenance.launch.newer import Newer, look_at
from provenance.launch.outside import Untold, why_untold
from provenance.launch.owner import kept_still, take
from provenance.launch.staging import Note, RestoringFolder
from provenance.launch.steps import RestoreStep, StepObserver, Unobserved, observed
from provenance.settings import Settings
from provenance.wiring.sealing import ERASURES, erasure_list

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is restored from where.

    ``erasures`` is a newer erasure list; absent: that of ``newer``, where there is one. ``newer``
    is a data folder, or what is left of one, whose service is stopped: its blobs, keys and chain
    are taken before the backup's. ``accept_loss`` is the operator's word that nothing was
    acknowledged since the backup, or that it may be lost.
    """

    source: Path
    erasures: Path | None = None
    newer: Path | None = None
    accept_loss: bool = False

    def digest(self) -> str:
        """SHA-256 (hex) that tells one restore from another."""
        parts = [
            measure(self.source / MANIFEST).sha256,
            measure(self.erasures).sha256 if self.erasures is not None else "",
            str(self.newer.absolute()) if self.newer is not None else "",
        ]
        return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()

    def with_erasures(self) -> "Wanted":
        """Name the newer folder's erasure list where none is named."""
        found = self.newer / KEYS / ERASURES if self.newer is not None else None
        if self.erasures is not None or found is None or not found.is_file():
            return self
        return replace(self, erasures=found)


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has led to.

    ``is_lossy``: nothing tells what was acknowledged after the backup, and the loss was accepted.
    ``knows_erasures``: what was erased after the backup is known, and erased again.
    """

    manifest: Manifest
    is_lossy: bool
    knows_erasures: bool


async def restore(
    settings: Settings, wanted: Wanted, *, say: Say, observer: StepObserver | None = None
) -> Restored:
    """Restore what is wanted to where ``settings`` say.

    What was erased since is erased again before this returns: what the backup's own erasure list
    names, and the newer list. If it fails, the data folder and the database are empty again; where
    that cannot be done, too, it says so and the next restore does.

    Raises:
        BackupError: the backup is damaged, or a newer release made it; the data folder is not
            empty, or nothing but the backup would tell what it lacks; the object store that is
            named can't be asked.
        DatabaseNotEmptyError: the database that is named is in use.
        AlreadyRunningError: a service or another restore has the data folder, or the newer one.
        ErasureListError: one of the lists was altered, or there is none that was named.
        DumpError: pg_restore failed.
        EmbeddedError: the embedded database did not start.

    """
    folder = RestoringFolder(settings.data_dir.absolute())
    manifest = read_manifest(wanted.source)
    _check_schema(manifest)
    folder.check_free()
    async with AsyncExitStack() as stack:
        newer, check_still = None, _nobody
        if wanted.newer is not None:
            check_still = stack.enter_context(kept_still(wanted.newer))
            newer = await look_at(wanted.newer, source=wanted.source, manifest=manifest)
        untold = await why_untold(manifest, settings)
        is_lossy = untold is not None and not (newer is not None and newer.tells)
        if untold is not None and is_lossy and not wanted.accept_loss:
            raise BackupError(_nothing_tells(manifest, newer, untold))
        say("comparing every file with the manifest")
        await asyncio.to_thread(check_files, wanted.source, manifest)
        database = await stack.enter_async_context(named_database(settings))
        if database is not None and not folder.is_done():
            await database.check_free()
        make_folder(folder.target.parent, mode=0o755)
        make_data_folder(folder.target)
        stack.callback(take(folder.target).release)
        folder.check_free()
        await _Restore(
            settings,
            wanted.with_erasures(),
            manifest,
            newer,
            check_still,
            folder,
            database,
            say,
            observer or Unobserved(),
        ).run()
    return Restored(
        manifest=manifest,
        is_lossy=is_lossy,
        knows_erasures=wanted.erasures is not None or _knows_erasures(wanted, manifest, newer),
    )


@dataclass(slots=True)
class _Restore:
    """One restore, whose process holds the data folder and the database that is named."""

    settings: Settings
    wanted: Wanted
    manifest: Manifest
    newer: Newer | None
    check_still: Callable[[], None]
    folder: RestoringFolder
    database: MarkedDatabase | None
    say: Say
    observer: StepObserver

    async def run(self) -> None:
        """Restore, after whatever one that was cut off has left."""
        found = self.folder.note()
        note = Note(request=self.wanted.digest(), database=place_of(self.settings.database_url))
        if found is not None and found.database != note.database:
            raise BackupError(_other_database(self.folder, found))
        if found is not None and found.phase == "done":
            self.say("a restore that was cut off has everything in place: ending it")
            await self._end()
            if found.request != note.request:
                raise BackupError(
                    f"{self.folder.target} holds what that restore was asked for, which was "
                    "something else; move it away, or set PROVENANCE_DATA to another"
                )
            return
        async with observed(self.observer, RestoreStep.TAKE_BACK):
            await self._take_back(found)
        try:
            note = await self._make(note)
            note = await self._install(note)
        except BaseException:
            await self._give_up()
            raise
        await self._end()

    async def _make(self, note: Note) -> Note:
        """Make all of it in the staging folder and the database."""
        staged = self.settings.model_copy(update={"data_dir": self.folder.staging})
        async with observed(self.observer, RestoreStep.NOTE):
            self.folder.begin(note)
        async with observed(self.observer, RestoreStep.COPY):
            self.say("copying files")
            await asyncio.to_thread(_copy, self.wanted.source, self.manifest, self.folder.staging)
        async with observed(self.observer, RestoreStep.TAKE_NEWER):
            if self.newer is not None:
                await asyncio.to_thread(self._take_newer, self.newer)
        async with observed(self.observer, RestoreStep.TAKE_ERASURES):
            if self.wanted.erasures is not None:
                count = await erasure_list(staged).take_over(self.wanted.erasures)
                self.say(f"{count} erasures are newer than the backup")
        async with observed(self.observer, RestoreStep.MARK_DATABASE):
            if self.database is not None:
                await self.database.mark()
        await load(staged, self.wanted.source, self.manifest, observer=self.observer, say=self.say)
        async with observed(self.observer, RestoreStep.NOTE_NAMES):
            return await asyncio.to_thread(self.folder.list_names, note)

    def _take_newer(self, newer: Newer) -> None:
        self.say(f"taking what is newer in {newer.folder}")
        for name in newer.left_out:
            self.say(f"{newer.folder / name} is older than the backup's: it is left out")
        newer.overlay(self.folder.staging)

    async def _install(self, note: Note) -> Note:
        """Move it into the data folder."""
        for name in note.names:
            async with observed(self.observer, RestoreStep.MOVE):
                self.folder.move(name)
        # Once it is noted that all is in place, nothing is taken back any more.
        self.check_still()
        async with observed(self.observer, RestoreStep.NOTE_DONE):
            return self.folder.note_done(note)

    async def _end(self) -> None:
        """All is in place: let services start on it."""
        async with observed(self.observer, RestoreStep.UNMARK_DATABASE):
            if self.database is not None:
                await self.database.unmark()
        async with observed(self.observer, RestoreStep.REMOVE_STAGING):
            self.folder.remove_staging()
        async with observed(self.observer, RestoreStep.REMOVE_NOTE):
            self.folder.remove_note()

    async def _give_up(self) -> None:
        try:
            if not self.folder.is_done():
                await self._take_back(self.folder.note())
        except (ProvenanceError, psycopg.Error, OSError) as error:
            self.say(f"what was done is still there, the next restore removes it: {told(error)}")

    async def _take_back(self, note: Note | None) -> None:
        """Empty database and data folder; the note goes last."""
        if self.database is not None:
            await self.database.take_back()
        await self.folder.take_back(note)


def _nobody() -> None:
    """Nobody could have started: there is no other folder."""


def _check_schema(manifest: Manifest) -> None:
    """Refuse a dump that this release could not use once it is loaded."""
    if manifest.schema not in revisions():
        raise BackupError(
            f"the backup has schema {manifest.schema!a}, this release knows those up to "
            f"{expected()}: a newer one made it, restore it with that release"
        )


def _other_database(folder: RestoringFolder, found: Note) -> str:
    where = "the embedded database" if found.database is None else f"the database {found.database}"
    return (
        f"a restore into {folder.target} was cut off that worked on {where}: restore again with the "
        "DATABASE_URL of then, or empty both by hand"
    )


def _knows_erasures(wanted: Wanted, manifest: Manifest, newer: Newer | None) -> bool:
    """Whether the newest keys have the newest list, or none because nothing was ever erased."""
    if newer is None or not newer.has_erasures:
        return False
    return wanted.with_erasures().erasures is not None or f"{KEYS}/{ERASURES}" not in manifest.files


def _nothing_tells(manifest: Manifest, newer: Newer | None, untold: Untold) -> str:
    made = datetime.fromtimestamp(manifest.created_at / 1000, UTC).isoformat(timespec="seconds")
    sizes = ", ".join(f"{log.origin} at size {log.size}" for log in manifest.logs)
    found = f" Nothing in {newer.folder} tells of that size or more." if newer is not None else ""
    name = f"Set {untold.setting} as the service had it; else name" if untold.setting else "Name"
    return (
        f"this backup was made at {made} ({sizes}). {untold.why}, "
        "so nothing could tell what was acknowledged since, and the log would give those indexes "
        f"again.{found} {name} the data folder that it replaces, or what is left of it, with --newer FOLDER "
        "(its blobs/, keys/ and chain/ are taken), or say --accept-loss if nothing was acknowledged "
        "since or all of it may be lost"
    )


def _copy(source: Path, manifest: Manifest, staging: Path) -> None:
    for name, listed in manifest.files.items():
        if name in {DATABASE, MANIFEST}:
            continue
        make_folder((staging / name).parent)
        if copy_file(source / name, staging / name) != listed:
            raise BackupError(f"{name} changed while it was copied")
