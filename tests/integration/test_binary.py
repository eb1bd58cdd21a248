"""What is built by hand in PostgreSQL's binary formats is read back as it was."""

from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.embedded import PostgresFixture
from provenance.db.binary import (
    BinaryArray,
    bytea,
    copy_rows,
    int4,
    int8,
    register_arrays,
    text,
)

pytestmark = pytest.mark.services

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=30)
int8s = st.integers(-(2**63), 2**63 - 1)
binaries = st.binary(max_size=50)


@given(
    numbers=st.lists(int8s, max_size=5),
    strings=st.lists(texts, max_size=5),
    data=st.lists(binaries, max_size=5),
    ids=st.lists(st.uuids(), max_size=5),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_arrays(
    postgres: PostgresFixture,
    numbers: list[int],
    strings: list[str],
    data: list[bytes],
    ids: list[UUID],
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.admin.dsn) as connection:
        register_arrays(connection)
        cursor = await connection.execute(
            "SELECT %b, %b, %b, %b",
            (
                BinaryArray.of_int8(numbers),
                BinaryArray.of_text(strings),
                BinaryArray.of_bytea(data),
                BinaryArray.of_uuid(ids),
            ),
        )
        assert await cursor.fetchone() == (numbers, strings, data, ids)


@given(
    rows=st.lists(
        st.tuples(
            st.integers(-(2**31), 2**31 - 1),
            st.none() | int8s,
            st.none() | texts,
            st.none() | binaries,
        ),
        max_size=6,
    )
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_copied_rows(
    postgres: PostgresFixture, rows: list[tuple[int, int | None, str | None, bytes | None]]
) -> None:
    async with await psycopg.AsyncConnection.connect(postgres.admin.dsn) as connection:
        await connection.execute("CREATE TEMPORARY TABLE copied (a int, b bigint, c text, d bytea)")
        built = [
            (4).to_bytes(2, "big") + int4(a) + int8(b) + text(c) + bytea(d) for a, b, c, d in rows
        ]
        await copy_rows(connection, "copied (a, b, c, d)", built)
        cursor = await connection.execute("SELECT * FROM copied")
        assert await cursor.fetchall() == rows
