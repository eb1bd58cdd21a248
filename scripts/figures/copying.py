"""The baseline of writing: COPY of the very rows that the product stored, and nothing else.

The rows are read back first and the buffers built before the clock starts. They go into empty
tables of the same definition with the same indexes, through one connection, with a commit for
every 500 records.
"""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import psycopg

RECORDS_AT_ONCE = 500
_SCHEMA = "baseline"
_KEYS = {"records": "first_index", "entries": "index", "trails": "first_index"}

Buffers = list[dict[str, bytes]]
"""For each commit the COPY data of each table."""


async def copying_seconds(connection: psycopg.AsyncConnection, buffers: Buffers) -> float:
    """Seconds for COPY of ``buffers`` into empty tables."""
    async with _empty_tables(connection):
        began = time.perf_counter()
        for tables in buffers:
            for table, data in tables.items():
                statement = f"COPY {_SCHEMA}.{table} FROM STDIN (FORMAT binary)".encode()
                async with connection.cursor().copy(statement) as copy:
                    await copy.write(data)
            await connection.commit()
        return time.perf_counter() - began


@asynccontextmanager
async def _empty_tables(connection: psycopg.AsyncConnection) -> AsyncIterator[None]:
    await connection.execute(f"CREATE SCHEMA {_SCHEMA}".encode())
    for table in _KEYS:
        definition = f"CREATE TABLE {_SCHEMA}.{table} (LIKE public.{table} INCLUDING ALL)"
        await connection.execute(definition.encode())
    await connection.commit()
    try:
        yield
    finally:
        await connection.rollback()
        await connection.execute(f"DROP SCHEMA {_SCHEMA} CASCADE".encode())
        await connection.commit()


async def stored_rows(connection: psycopg.AsyncConnection, *, start: int, end: int) -> Buffers:
    """All rows of entries ``[start, end)``, as COPY data."""
    cursor = await connection.execute(
        "SELECT first_index FROM records WHERE first_index >= %s AND first_index < %s"
        " ORDER BY first_index",
        (start, end),
    )
    firsts = [first for (first,) in await cursor.fetchall()]
    bounds = [*firsts[::RECORDS_AT_ONCE], end]
    buffers: Buffers = []
    for first, until in pairwise(bounds):
        tables: dict[str, bytes] = {}
        for table, key in _KEYS.items():
            query = (
                f"COPY (SELECT * FROM {table} WHERE {key} >= {first} AND {key} < {until}"  # noqa: S608 - constants and integers
                f" ORDER BY {key}) TO STDOUT (FORMAT binary)"
            )
            async with connection.cursor().copy(query.encode()) as copy:
                tables[table] = b"".join([bytes(data) async for data in copy])
        buffers.append(tables)
    await connection.rollback()
    return buffers
