"""Whether the key shelf is there that the log's sealed payloads need.

A shelf that is gone as a whole is an empty one, and every payload would pass for erased. What an
order of erasure names may still stand in rows, because the order was cut off or an older database
came back; such rows need no key. It is asked before anything is stored, and again before writes are
taken: a refill brings back rows that the database did not have at the start, and the next payload
would be sealed under a master key made anew.
"""

import asyncio
from collections.abc import Collection

from sqlalchemy import LargeBinary, and_, any_, bindparam, exists, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.tables import entries, records
from provenance.keys.errors import KeyMissingError
from provenance.settings import Settings
from provenance.wiring.chain import file_keys
from provenance.wiring.sealing import SHELF, erasure_list, key_shelf


async def check_shelf(engine: AsyncEngine, settings: Settings, *, log_ids: Collection[int]) -> None:
    """Refuse a shelf without any key, if payloads of these logs are sealed under keys of it.

    Raises:
        KeyMissingError: it has none.
        ErasureListError: the erasure list cannot be used.

    """
    shelf = settings.data_dir / "keys" / SHELF
    if await asyncio.to_thread(shelf_is_used, settings):
        return
    if await _needs_keys(engine, settings, log_ids):
        raise KeyMissingError(
            f"{shelf} has no key, but payloads are sealed under keys of it; restore the folder from "
            "a backup"
        )


def shelf_is_used(settings: Settings) -> bool:
    """Whether any key lies on the shelf; never makes its folder."""
    shelf = settings.data_dir / "keys" / SHELF
    return shelf.is_dir() and key_shelf(settings, file_keys(settings)).is_used()


async def _needs_keys(engine: AsyncEngine, settings: Settings, log_ids: Collection[int]) -> bool:
    orders = (await erasure_list(settings).orders()).values()
    erased = [leaf for order in orders if order.is_recorded for leaf in order.leaves]
    erased_leaves = bindparam("erased", erased, type_=ARRAY(LargeBinary))
    first_entry = and_(
        entries.c.log_id == records.c.log_id, entries.c.index == records.c.first_index
    )
    # An order names all entries of a record.
    query = select(
        exists()
        .where(records.c.log_id.in_(log_ids), records.c.sealed_segment.is_not(None))
        .where(~exists().where(first_entry, entries.c.leaf_hash == any_(erased_leaves)))
    )
    async with engine.connect() as connection:
        return bool((await connection.execute(query)).scalar_one())
