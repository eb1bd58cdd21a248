"""``provenance backup`` and ``provenance restore``: the whole service as one folder."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exits import reported
from provenance.cli.stores import database, database_errors, now_ms, read_settings

if TYPE_CHECKING:
    from provenance.launch.archive import Manifest


def backup(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Folder to make; it must not exist yet.")
    ],
) -> None:
    """Back up database, documents, keys and chain snapshot into a new folder.

    The service may be running. The folder holds private keys and personal data, and keeps what is
    erased afterwards: guard it, and delete it when you no longer need it. A chain, database server
    or object store of your own is backed up with its own means; of the database, a dump is
    made all the same.
    """
    from provenance.launch.backup import back_up

    async def run() -> "Manifest":
        settings = read_settings()
        async with database(settings) as url:
            return await back_up(
                settings, folder, database_url=url, now_ms=now_ms(), say=typer.echo
            )

    with reported():
        manifest = asyncio.run(run())
    size = sum(file.bytes for file in manifest.files.values())
    typer.echo(f"{folder}: {len(manifest.files)} files, {size / 1e6:.1f} MB")
    _print_logs(manifest)
    if not manifest.has_chain:
        typer.echo("the chain is not in it: it is not the embedded one, or was never started")
    if not manifest.has_blobs:
        typer.echo("documents and batches are not in it: they are in the object store")


def restore(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="A folder that `provenance backup` made.", exists=True
        ),
    ],
    *,
    erasures: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="The newest erasure list: keys/erasures of the data folder that was lost.",
        ),
    ] = None,
    newer: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="The data folder that the backup replaces, or what is left of it: its blobs, "
            "keys and chain are newer than the backup's and are taken instead.",
        ),
    ] = None,
    accept_loss: Annotated[
        bool,
        typer.Option(
            "--accept-loss",
            help="Nothing was acknowledged since the backup, or all of it may be lost.",
        ),
    ] = False,
) -> None:
    """Restore a backup into an empty data folder (PROVENANCE_DATA), and verify it on the way.

    What was erased is erased again on the way: by the backup's own list, and by a newer one where
    it is given. DATABASE_URL, if it is set, must name an empty database. Nothing is started; the
    next start compares the restored log with chain and copies before it takes a write. Where these
    are out of the backup too, they cannot tell what it lacks: --newer with a folder that tells of at
    least what the backup has, or --accept-loss, is needed. A restore that was cut off is run again.
    """
    from provenance.launch.restoring import Wanted
    from provenance.launch.restoring import restore as restore_backup

    settings = read_settings()
    wanted = Wanted(folder, erasures=erasures, newer=newer, accept_loss=accept_loss)
    with reported(names_code=True), database_errors():
        restored = asyncio.run(restore_backup(settings, wanted, say=typer.echo))
    typer.echo(f"restored into {settings.data_dir}")
    _print_logs(restored.manifest)
    if restored.is_lossy:
        typer.echo(
            "what was acknowledged after the backup is lost, and its indexes are given again. If "
            "anybody holds acknowledgements or receipts from there on, do not go on with this "
            "log: carry it on under a new origin with `provenance log succeed`"
        )
    if not restored.knows_erasures:
        typer.echo(
            "what was erased after the backup comes back unless --erasures names a newer list"
        )
    if settings.origin not in {log.origin for log in restored.manifest.logs}:
        typer.echo(f"set PROVENANCE_ORIGIN before the start: {settings.origin} is not among them")


def _print_logs(manifest: "Manifest") -> None:
    for log in manifest.logs:
        typer.echo(f"  {log.origin}: {log.size} entries, anchored up to {log.anchored}")
