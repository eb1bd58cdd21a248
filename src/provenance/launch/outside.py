"""Whether what lies outside of a backup, a chain or an object store, tells what the backup lacks.

It does so only where the settings name it: an embedded one is begun anew and empty. A store has to
hold what the service had copied to it when the backup was made, for another one, or the right
bucket with a wrong prefix, tells nothing. Whether the chain is the right one is left to the start,
which compares it before it writes anything.
"""

from dataclasses import dataclass

from provenance.anchor.batch import BatchPaths, list_batches
from provenance.blobs import BlobError
from provenance.launch.archive import BackupError, LogHead, Manifest
from provenance.settings import Settings
from provenance.wiring.chain import blob_store


@dataclass(frozen=True, slots=True)
class Untold:
    """Why nothing outside tells, and the setting that would change it; empty if none would."""

    why: str
    setting: str = ""


_NO_CHAIN = Untold("The chain is not in it, and none is named", "RPC_URL")
_NO_STORE = Untold(
    "The copies are not in it, and no object store is named that has them", "PROVENANCE_BLOB_URL"
)
_ALL_INSIDE = Untold("Chain and copies are in it and as old as it is")


async def why_untold(manifest: Manifest, settings: Settings) -> Untold | None:
    """Return why nothing outside of a backup tells what it lacks; None where something does.

    Raises:
        BackupError: the object store can't be asked.

    """
    if manifest.has_blobs and manifest.has_chain:
        return _ALL_INSIDE
    if not manifest.has_blobs and settings.blob_url is None:
        return _NO_STORE
    if not manifest.has_chain and settings.embedded_chain:
        return _NO_CHAIN
    # The store knows what was copied and not anchored, too, which the chain alone does not.
    return None if manifest.has_blobs else await _without_copies(manifest, settings)


async def _without_copies(manifest: Manifest, settings: Settings) -> Untold | None:
    # A successor has no copies of its own before its first anchor, a log without an anchor has none.
    log = next((one for one in reversed(manifest.logs) if one.anchored), None)
    if log is None:
        return None
    try:
        copied = await _copied(settings, log)
    except (BlobError, OSError) as error:
        raise BackupError(
            "the object store that PROVENANCE_BLOB_URL names can't be asked whether it has the "
            f"copies that are not in the backup: {error}"
        ) from error
    if copied >= log.anchored:
        return None
    found = f"copies up to size {copied} alone" if copied else "no copies"
    return Untold(
        f"The copies are not in it, and the object store that is named has {found} of "
        f"{log.origin}, which was anchored up to size {log.anchored}",
        "PROVENANCE_BLOB_URL",
    )


async def _copied(settings: Settings, log: LogHead) -> int:
    """Size up to which the store has copies of the log."""
    blobs, paths = blob_store(settings), BatchPaths(log.origin)
    # A service that went on left some behind that size: then nobody has to list all of them.
    batches = await list_batches(blobs, paths, from_old_size=log.anchored)
    return max((one.size for one in batches or await list_batches(blobs, paths)), default=0)
