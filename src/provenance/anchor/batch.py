r"""Copies of what was anchored, one batch for each step, enough to refill a database with.

Below ``logs/<SHA-256 of origin>/batches/<old size>-<size>/``:

- ``entries``: the entries, coded like a C2SP entry bundle; ``leaves``: their leaf hashes;
- ``places``: for each entry trail and record (first index, 8 bytes each, big-endian) and its salt,
  32 zero bytes where it was erased;
- ``rows``: records, new trails and the names of submitters, one table after the other: lines that
  are JSON arrays of rows, binary values as PostgreSQL spells them (``\x`` and hex);
- ``manifest.json``: written last, with sizes and hashes of the others and the signed checkpoint.
  Without it there is no batch.

An erasure writes ``places`` and ``rows`` anew under other names (``places.1`` …), then the manifest
that names them by its ``generation``, then removes the old ones: at each moment the manifest's
objects are whole.

JSON-LD contexts, which many batches share, are stored once, at ``contexts/<SHA-256>``. ``places``
and ``rows`` hold what an erasure has to destroy, the other two never change. Idempotency keys,
capture jobs and accounts are not copied: they are only in dumps of the database.
"""

import re
from dataclasses import dataclass
from typing import Final

import msgspec

from provenance.anchor.errors import BatchError
from provenance.blobs import BlobStore
from provenance.core.digests import sha256
from provenance.db.tables import organisations, records

VERSION: Final = 1
LOGS: Final = "logs"
"""Folder of the folders of all logs."""
PLACE_SIZE: Final = 48
"""Bytes of an entry in ``places``."""
CHUNK: Final = 4096
"""Entries that are in memory at once."""
NO_SALT: Final = bytes(32)

RECORD_COLUMNS: Final = tuple(
    str(column.name) for column in records.columns if column.name != "log_id"
)
TRAIL_COLUMNS: Final = ("first_index", "subject", "trail")
ORGANISATION_COLUMNS: Final = tuple(str(column.name) for column in organisations.columns)

_MAX_MANIFEST_BYTES = 1 << 20
_NAME = re.compile("([0-9]{16})-([0-9]{16})")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Size and SHA-256 (hex) of an object."""

    bytes: int
    sha256: str


class TablePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table's share of ``rows``; the tables stand in the order of the manifest."""

    table: str
    columns: tuple[str, ...]
    bytes: int


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a batch consists of. ``schema`` is the revision of the database that wrote it.

    ``generation`` counts how often ``places`` and ``rows`` were written anew. ``checkpoint`` is the
    log's signed note of ``size`` and ``root``: what was promised, where no chain tells any more.
    """

    v: int
    origin: str
    old_size: int
    size: int
    root: str
    schema: str
    entries: Part
    leaves: Part
    places: Part
    rows: Part
    tables: tuple[TablePart, ...]
    contexts: tuple[str, ...]
    generation: int = 0
    checkpoint: str = ""

    @property
    def places_name(self) -> str:
        """Name of the object with trails, records and salts."""
        return generation_name("places", self.generation)

    @property
    def rows_name(self) -> str:
        """Name of the object with the tables' rows."""
        return generation_name("rows", self.generation)

    def encode(self) -> bytes:
        """JSON bytes."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1)


def generation_name(part: str, generation: int) -> str:
    """Name of an object that erasures write anew."""
    return f"{part}.{generation}" if generation else part


def decode_manifest(data: bytes) -> Manifest:
    """Read :meth:`Manifest.encode`.

    Raises:
        BatchError: it is something else.

    """
    if len(data) > _MAX_MANIFEST_BYTES:
        raise BatchError("a manifest has at most a megabyte")
    try:
        manifest = msgspec.json.decode(data, type=Manifest)
    except msgspec.DecodeError as error:
        raise BatchError(f"not a manifest: {error}") from error
    if manifest.v != VERSION:
        raise BatchError(f"version {manifest.v} of a batch is not known to this release")
    return manifest


@dataclass(frozen=True, slots=True, order=True)
class BatchName:
    """Which step a batch is of."""

    old_size: int
    size: int

    def __str__(self) -> str:
        return f"{self.old_size:016d}-{self.size:016d}"

    @classmethod
    def parse(cls, name: str) -> "BatchName | None":
        """Read :meth:`__str__`; None where it is something else."""
        match = _NAME.fullmatch(name)
        return None if match is None else cls(old_size=int(match[1]), size=int(match[2]))


@dataclass(frozen=True, slots=True)
class BatchPaths:
    """Paths of one log's objects."""

    origin: str

    @property
    def log(self) -> str:
        """Folder of everything that is the log's."""
        return f"{LOGS}/{sha256(self.origin.encode()).hex()}"

    @property
    def batches(self) -> str:
        """Folder of all batches."""
        return f"{self.log}/batches"

    def object(self, name: BatchName, part: str) -> str:
        """One object of a batch."""
        return f"{self.batches}/{name}/{part}"

    def manifest(self, name: BatchName) -> str:
        """Manifest of a batch."""
        return self.object(name, "manifest.json")

    @staticmethod
    def context(digest: str) -> str:
        """A JSON-LD context by its SHA-256."""
        return f"contexts/{digest}"


async def list_batches(
    blobs: BlobStore, paths: BatchPaths, *, from_old_size: int = 0
) -> list[BatchName]:
    """Batches that are complete and begin at ``from_old_size`` or later, by size."""
    found: list[BatchName] = []
    after = f"{paths.batches}/{from_old_size:016d}"
    async for blob in blobs.list(paths.batches, after=after):
        folder, _, part = blob.path.removeprefix(f"{paths.batches}/").partition("/")
        name = BatchName.parse(folder) if part == "manifest.json" else None
        if name is not None:
            found.append(name)
    return sorted(found)
