"""Reads past SQLAlchemy: binary rows, and connections that died."""

import psycopg
import pytest

from provenance.db.engine import PoolOptions, create_engine
from provenance.db.reading import integer_array, read_rows

pytestmark = pytest.mark.services

_ECHO = "SELECT asked, sha256('') FROM unnest(%(asked)s::bigint[]) AS asked"
_END = "SELECT pg_terminate_backend(pg_backend_pid()), %(asked)s::bigint[]"


async def test_rows_come_as_numbers_and_bytes(database_url: str) -> None:
    engine = create_engine(database_url, options=PoolOptions(plans_once=True))
    try:
        for asked in ([], [1], [-1, 2**53]):
            rows = await read_rows(engine, _ECHO, {"asked": integer_array(asked)})
            assert [number for number, _ in rows] == asked
            assert all(len(digest) == 32 for _, digest in rows)
    finally:
        await engine.dispose()


async def test_a_connection_that_died_is_not_handed_out_again(database_url: str) -> None:
    engine = create_engine(database_url, options=PoolOptions(size=1, overflow=0))
    try:
        with pytest.raises(psycopg.OperationalError):
            await read_rows(engine, _END, {"asked": "{}"})
        assert len(await read_rows(engine, _ECHO, {"asked": "{7}"})) == 1
    finally:
        await engine.dispose()
