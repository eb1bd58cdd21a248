"""What logs leave outside of their database, and whether all of it is this database's.

Sealed payloads and their keys lie beside the log and do not name it. Whoever removes those that no
record refers to has to know every log that may refer to them, and a database that is empty, or
another's, knows none. So what does name its log is looked at first: the trust file, the checkpoints
beside the keys, the copies of batches.
"""

import asyncio
from collections.abc import Collection

from provenance.anchor.batch import LOGS, BatchPaths
from provenance.core.errors import ProvenanceError
from provenance.core.trustfile import TrustFile
from provenance.settings import Settings
from provenance.wiring.chain import blob_store, checkpoint_mark
from provenance.wiring.logs import signer_name
from provenance.wiring.trust import read_published, trust_path


class ForeignLogError(ProvenanceError):
    """Data folder or object store hold what another database's log needs."""

    code = "foreign-log"


async def own_trace(settings: Settings, origin: str) -> str:
    """Return what, beside the trust file, tells that the log ``origin`` exists; empty if nothing does.

    Raises:
        BlobError: the object store can't be asked.

    """
    mark = checkpoint_mark(settings, origin)
    if await asyncio.to_thread(mark.path.exists):
        return f"the checkpoint {mark.path}"
    async for blob in blob_store(settings).list(BatchPaths(origin).batches):
        return f"the copy {blob.path} in the object store"
    return ""


async def foreign_trace(settings: Settings, known: Collection[str]) -> str:
    """Return what tells of a log that is none of ``known`` (origins); empty if nothing does.

    Raises:
        TrustFileError: the trust file can't be read.
        BlobError: the object store can't be asked.

    """
    trust = await asyncio.to_thread(read_published, settings)
    for log in () if trust is None else trust.logs:
        if log.origin not in known:
            return f"the log {log.origin} in {trust_path(settings)}"
    marks = {checkpoint_mark(settings, origin).path for origin in known}
    for path in sorted((settings.data_dir / "keys").glob("log-*.checkpoint")):
        if path not in marks:
            return f"the checkpoint {path}"
    blobs = blob_store(settings)
    copies = {BatchPaths(origin).log for origin in known}
    for folder in await blobs.folders(LOGS):
        if folder not in copies:
            # A folder that is left empty is nobody's.
            async for blob in blobs.list(folder):
                return f"the copy {blob.path} in the object store"
    return ""


def is_kept_here(settings: Settings, origin: str, trust: TrustFile | None) -> bool:
    """Whether the data folder is that of the log ``origin``: several may share one database."""
    return (
        (trust is not None and trust.log(origin) is not None)
        or (settings.data_dir / "keys" / f"{signer_name(origin)}.ed25519").exists()
        or checkpoint_mark(settings, origin).path.exists()
        or (
            settings.blob_url is None
            and (settings.data_dir / "blobs" / BatchPaths(origin).log).is_dir()
        )
    )
