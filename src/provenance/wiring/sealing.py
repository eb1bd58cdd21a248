"""Where sealed payloads and their keys are, and what still refers to them."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.blobs import BlobStore
from provenance.core.errors import ProvenanceError
from provenance.db.tables import logs, records
from provenance.embedded.files import make_folder
from provenance.erasure.book import ErasureList
from provenance.erasure.orders import Order
from provenance.keys.provider import KeyProvider
from provenance.sealing import KeyShelf, SealedRef, Vault
from provenance.sealing.shelf import day_of
from provenance.sealing.sweep import Sweeper
from provenance.sealing.vault import PREFIX
from provenance.settings import Settings
from provenance.wiring.chain import blob_store, file_keys
from provenance.wiring.traces import ForeignLogError, foreign_trace

SHELF: Final = "sealed"
"""Folder of the key shelf below the data folder's keys."""
ERASURES: Final = "erasures"
"""File of the erasure list, there too."""


class SettingsError(ProvenanceError):
    """Settings that do not go together."""

    code = "bad-settings"


def key_provider(settings: Settings) -> KeyProvider:
    """Keys of the settings: files in the data folder, master keys in a token where one is named.

    Raises:
        SettingsError: the token's settings are incomplete, or its package is not installed.

    """
    files = file_keys(settings)
    if settings.pkcs11_module is None:
        return files
    if settings.pkcs11_pin_file is None:
        raise SettingsError(
            "PROVENANCE_PKCS11_MODULE is set: set PROVENANCE_PKCS11_PIN_FILE to a file with the PIN"
        )
    try:
        from provenance.keys.pkcs11 import Pkcs11Keys  # noqa: PLC0415 - an optional extra
    except ImportError:
        raise SettingsError(
            "PROVENANCE_PKCS11_MODULE is set, but the package is missing: "
            "in a checkout, pip install '.[pkcs11]'"
        ) from None
    return Pkcs11Keys(
        module=settings.pkcs11_module,
        token=settings.pkcs11_token,
        pin_file=settings.pkcs11_pin_file,
        others=files,
        random_bytes=os.urandom,
    )


class SealedObjects:
    """The sealed objects of a blob store, as vault and sweeper ask for them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def put(self, path: str, source: AsyncIterator[bytes]) -> None:
        """Store an object durably."""
        await self._blobs.put(path, source)

    def stream(self, path: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Bytes ``[start, end)`` of an object."""
        return self._blobs.stream(path, start=start, end=end)

    async def delete(self, path: str) -> None:
        """Remove an object; one that is not there is no error."""
        await self._blobs.delete(path)

    async def older(self, *, before_ms: int, since_ms: int) -> AsyncIterator[str]:
        """Sealed objects stored from ``since_ms`` on, and before ``before_ms``."""
        async for blob in self._blobs.list(PREFIX, after=f"{PREFIX}/{day_of(since_ms)}"):
            if since_ms <= blob.modified_ms < before_ms:
                yield blob.path

    async def remove_parts(self, *, before_ms: int) -> int:
        """Remove uploads that were never finished; returns how many."""
        return await self._blobs.remove_parts(PREFIX, before_ms=before_ms)


Orders = Callable[[], Awaitable[Mapping[str, Order]]]
"""Reads the erasure list."""
ForeignTrace = Callable[[Collection[str]], Awaitable[str]]
"""Returns what tells of a log beside those of these origins; empty if nothing does."""


class RecordReferences:
    """What records of any log refer to, and what orders of erasure will."""

    def __init__(self, engine: AsyncEngine, orders: Orders, foreign: ForeignTrace) -> None:
        self._engine = engine
        self._orders = orders
        self._foreign = foreign

    async def begun(self) -> int | None:
        """When the oldest log of the database was made, in milliseconds; None without any.

        Raises:
            ForeignLogError: another log than the database's has to do with what lies here.

        """
        query = select(logs.c.origin, logs.c.created_at).where(logs.c.contract.is_not(None))
        async with self._engine.connect() as connection:
            own = {row.origin: row.created_at for row in await connection.execute(query)}
        if found := await self._foreign(tuple(own)):
            raise ForeignLogError(
                f"{found} is of a log that this database does not have: keys and documents that it "
                "needs may lie here, so nothing is removed; give each database a data folder and an "
                "object store of its own"
            )
        return min(own.values(), default=None)

    async def slots(self, segments: Collection[str]) -> Mapping[str, Collection[int]]:
        """Slots of these segments that a record refers to."""
        query = select(records.c.sealed_segment, records.c.sealed_slot).where(
            records.c.sealed_segment.in_(list(segments))
        )
        found: dict[str, set[int]] = {}
        for ref in await self._ordered():
            found.setdefault(ref.segment, set()).add(ref.slot)
        async with self._engine.connect() as connection:
            for segment, slot in await connection.execute(query):
                found.setdefault(segment, set()).add(slot)
        return found

    async def paths(self, paths: Collection[str]) -> Collection[str]:
        """Those of these paths that a record refers to."""
        query = select(records.c.sealed_path).where(records.c.sealed_path.in_(list(paths)))
        ordered = {ref.path for ref in await self._ordered()}
        async with self._engine.connect() as connection:
            return [*await connection.scalars(query), *ordered.intersection(paths)]

    async def _ordered(self) -> list[SealedRef]:
        """Payloads of erasure records, which a restored database may still lack."""
        orders = (await self._orders()).values()
        return [one.payload.sealed for one in orders if one.payload and not one.is_withdrawn]


def list_path(settings: Settings) -> Path:
    """Where the erasure list is: beside the key shelf, for every process that shares that."""
    return settings.data_dir / "keys" / ERASURES


def erasure_list(settings: Settings) -> ErasureList:
    """Return the erasure list of the settings."""
    path = list_path(settings)
    make_folder(path.parent)
    return ErasureList(path, now_ms=_now_ms)


def key_shelf(settings: Settings, keys: KeyProvider) -> KeyShelf:
    """Return the key shelf in the data folder."""
    return KeyShelf(
        settings.data_dir / "keys" / SHELF, keys, random_bytes=os.urandom, now_ms=_now_ms
    )


def open_vault(settings: Settings) -> Vault:
    """Vault of the settings.

    Raises:
        SettingsError: as :func:`key_provider`.
        BlobStoreError: the store's URL is none.

    """
    shelf = key_shelf(settings, key_provider(settings))
    objects = SealedObjects(blob_store(settings))
    return Vault(objects, shelf, random_bytes=os.urandom, now_ms=_now_ms)


def sweeper(
    settings: Settings, engine: AsyncEngine, *, now_ms: Callable[[], int] | None = None
) -> Sweeper:
    """Sweeper of the settings; ``now_ms`` is the system's clock unless another is given."""
    return Sweeper(
        SealedObjects(blob_store(settings)),
        key_shelf(settings, file_keys(settings)),
        RecordReferences(engine, erasure_list(settings).orders, partial(foreign_trace, settings)),
        now_ms=now_ms or _now_ms,
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
