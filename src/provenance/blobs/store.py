"""Objects in a store of obstore, with the durability that anchoring relies on.

An object appears whole or not at all. Remote stores keep what they confirmed. obstore's local
store renames without an fsync, so here file and folders are synced before a ``put`` returns; a
power cut in between can leave a torn object under its final name, which is why whoever writes
several objects names their hashes in one that is written last.

Trust: nothing is believed that is read back; readers compare hashes or roots. Whoever can write
here can make a refill fail, but cannot make it accept other entries than those anchored.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from provenance.blobs.errors import BlobNotFoundError, BlobStoreError

if TYPE_CHECKING:
    # A type that the package declares for type checkers alone.
    from obstore import GetOptions

_PART_BYTES = 5 * 1024 * 1024
"""Size of a part of a multipart upload: the least that S3 accepts."""
_PARTS_AT_ONCE = 2
"""Parts in memory for each streamed upload."""
_CHUNK_BYTES = 1024 * 1024
_DETAILS: Final = "\n\nDebug source:"
"""How obstore goes on behind the text of an error."""
_ADDRESS: Final = re.compile(r"(\w+://)(?:[^/\s@]*@)?([^\s?\"]*)(?:\?[^\s\"]*)?")


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """An object's path, its size in bytes, and when it was stored (milliseconds since the epoch)."""

    path: str
    size: int
    modified_ms: int


class BlobStore:
    """One store; paths are relative, with slashes."""

    def __init__(self, store: ObjectStore, *, root: Path | None = None) -> None:
        self._store = store
        # The folder of a local store, whose files we sync ourselves.
        self._root = root

    @classmethod
    def in_folder(cls, folder: Path) -> "BlobStore":
        """Files below ``folder``, which is made if it is missing."""
        folder = folder.absolute()
        if not folder.is_dir():
            folder.mkdir(parents=True, mode=0o700)
        return cls(LocalStore(folder), root=folder)

    @classmethod
    def from_url(cls, url: str) -> "BlobStore":
        """Store by URL (``s3://bucket/prefix``, ``gs://``, ``az://``, ``file:///``).

        Credentials come from the environment, as obstore documents for each store.
        """
        if url.startswith("file://"):
            return cls.in_folder(Path(url.removeprefix("file://")))
        with _errors(url.partition("?")[0]):
            return cls(from_url(url))

    async def put(
        self, path: str, source: bytes | AsyncIterator[bytes], *, sync: bool = True
    ) -> None:
        """Store an object, replacing one that is there; a stream is never in memory as a whole.

        Without ``sync`` a local file is durable only after :meth:`sync`.
        """
        with _errors(path):
            await obstore.put_async(
                self._store,
                path,
                source,
                chunk_size=_PART_BYTES,
                max_concurrency=_PARTS_AT_ONCE,
            )
        if sync:
            await self.sync([path])

    async def sync(self, paths: Iterable[str]) -> None:
        """Return when these objects would survive a power cut."""
        if self._root is not None:
            root = self._root
            with _errors(str(root)):
                await asyncio.to_thread(_sync_files, root, list(paths))

    async def get(self, path: str) -> bytes:
        """Return a whole object."""
        with _errors(path):
            result = await obstore.get_async(self._store, path)
            return bytes(await result.bytes_async())

    async def get_range(self, path: str, *, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``."""
        with _errors(path):
            data = await obstore.get_range_async(self._store, path, start=start, length=length)
        return bytes(data)

    async def stream(
        self, path: str, *, start: int = 0, end: int | None = None
    ) -> AsyncIterator[bytes]:
        """Object, or its bytes ``[start, end)``, in chunks of about a megabyte."""
        wanted: GetOptions = {}
        if end is not None:
            wanted["range"] = (start, end)
        elif start:
            wanted["range"] = {"offset": start}
        with _errors(path):
            result = await obstore.get_async(self._store, path, options=wanted)
            async for chunk in result.stream(min_chunk_size=_CHUNK_BYTES):
                yield bytes(chunk)

    async def list(self, prefix: str, *, after: str | None = None) -> AsyncIterator[BlobInfo]:
        """Objects below a folder, in no order; with ``after`` only those whose path is greater."""
        with _errors(prefix):
            async for page in obstore.list(self._store, prefix, offset=after):
                for item in page:
                    modified_ms = int(item["last_modified"].timestamp() * 1000)
                    yield BlobInfo(path=item["path"], size=item["size"], modified_ms=modified_ms)

    async def folders(self, prefix: str) -> Sequence[str]:
        """Paths of the folders directly below a folder, sorted."""
        with _errors(prefix):
            found = await obstore.list_with_delimiter_async(self._store, prefix)
        return tuple(sorted(found["common_prefixes"]))

    async def remove_parts(self, prefix: str, *, before_ms: int) -> int:
        """Remove what uploads below ``prefix`` left that never ended; returns how many there were.

        A remote store removes them itself, by a rule of the bucket's life cycle.
        """
        if self._root is None:
            return 0
        with _errors(prefix):
            return await asyncio.to_thread(_remove_parts, self._root / prefix, before_ms)

    async def exists(self, path: str) -> bool:
        """Whether there is an object of this path."""
        try:
            with _errors(path):
                await obstore.head_async(self._store, path)
        except BlobNotFoundError:
            return False
        return True

    async def delete(self, path: str) -> None:
        """Remove an object for good; one that is not there is no error."""
        try:
            with _errors(path):
                await obstore.delete_async(self._store, path)
        except BlobNotFoundError:
            return
        if self._root is not None:
            await asyncio.to_thread(_sync_folder, (self._root / path).parent)


def _sync_files(root: Path, paths: list[str]) -> None:
    folders: set[Path] = set()
    for path in paths:
        file = root / path
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        folders.update(parent for parent in file.parents if parent.is_relative_to(root))
    # Children first: a folder that is found by its parent then already has its content.
    for folder in sorted(folders, key=lambda one: len(one.parts), reverse=True):
        _sync_folder(folder)


def _remove_parts(folder: Path, before_ms: int) -> int:
    # obstore writes beside the name, with "#" and a number, and renames.
    parts = [path for path in folder.rglob("*#*") if path.stat().st_mtime * 1000 < before_ms]
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _errors(path: str) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobNotFoundError(f"there is no object {path}") from error
    except (BaseError, OSError, ValueError) as error:
        raise BlobStoreError(_told(f"{path}: {error}")) from error


def _told(text: str) -> str:
    """What may be logged of obstore's text, which goes on with all that it knows of a request.

    The addresses in it may hold a password, or a signature in their query.
    """
    return _ADDRESS.sub(r"\1\2", text.partition(_DETAILS)[0])
