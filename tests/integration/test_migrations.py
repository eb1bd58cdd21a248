"""A migrated database is the one that the tables describe, and says when it is not."""

import asyncio

import psycopg
import pytest
from sqlalchemy import create_engine as create_sync_engine
from sqlalchemy import text

from fixtures.embedded import PostgresFixture
from provenance.db.engine import check_durability, create_engine, database_url
from provenance.db.errors import DurabilityError, SchemaError
from provenance.db.migrate import check_schema, current, drift, expected, upgrade
from provenance.db.tables import metadata

pytestmark = pytest.mark.services

# Everything that PostgreSQL itself says about our tables, as text that can be compared.
CATALOGUE = """
SELECT 'column', c.relname, a.attname,
  concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, a.attstorage,
    pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
UNION ALL
SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'table', relname, array_to_string(reloptions, ','), obj_description(oid)
FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
"""


def catalogue(url: str) -> set[tuple[str, ...]]:
    engine = create_sync_engine(database_url(url))
    with engine.connect() as connection:
        rows = {tuple(row) for row in connection.execute(text(CATALOGUE))}
    engine.dispose()
    return {row for row in rows if row[1] != "alembic_version"}


def test_migrating_twice_changes_nothing(empty_database_url: str) -> None:
    assert current(empty_database_url) is None
    upgrade(empty_database_url)
    assert current(empty_database_url) == expected()
    before = catalogue(empty_database_url)
    upgrade(empty_database_url)
    assert catalogue(empty_database_url) == before


def test_the_migrated_tables_are_the_declared_ones(
    database_url: str, empty_database_url: str
) -> None:
    assert drift(database_url) == []
    engine = create_sync_engine(empty_database_url)
    metadata.create_all(engine)
    engine.dispose()
    assert catalogue(database_url) == catalogue(empty_database_url)


def test_drift_is_found(database_url: str) -> None:
    engine = create_sync_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("ALTER TABLE entries ALTER COLUMN salt SET NOT NULL"))
    engine.dispose()
    assert drift(database_url)


async def test_a_database_without_our_tables_is_refused_with_a_remedy(
    empty_database_url: str,
) -> None:
    engine = create_engine(empty_database_url)
    async with engine.connect() as connection:
        with pytest.raises(SchemaError, match="provenance db upgrade"):
            await check_schema(connection)
    await engine.dispose()


async def test_a_migrated_database_is_accepted(database_url: str) -> None:
    engine = create_engine(database_url)
    async with engine.connect() as connection:
        await check_schema(connection)
        await check_durability(connection)
    await engine.dispose()


async def test_two_processes_may_migrate_at_once(empty_database_url: str) -> None:
    await asyncio.gather(*(asyncio.to_thread(upgrade, empty_database_url) for _ in range(3)))
    assert current(empty_database_url) == expected()


async def test_a_server_that_may_lose_what_it_confirmed_is_refused(
    database_url: str, postgres: PostgresFixture
) -> None:
    engine = create_engine(database_url)
    with psycopg.connect(postgres.admin.dsn, autocommit=True) as connection:
        role = postgres.address.user
        connection.execute(f'ALTER ROLE "{role}" SET synchronous_commit = off'.encode())
        try:
            async with engine.connect() as ours:
                with pytest.raises(DurabilityError, match="ALTER SYSTEM") as caught:
                    await check_durability(ours)
        finally:
            connection.execute(f'ALTER ROLE "{role}" RESET synchronous_commit'.encode())
    await engine.dispose()
    assert caught.value.settings == {"synchronous_commit": "off"}
