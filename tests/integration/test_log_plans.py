"""What the writer reads for a group does not grow with the log, whatever the statistics say."""

import pytest
from sqlalchemy import text

from fixtures.logs import LogUnderTest, event, log_under_test, submission
from provenance.log.submissions import Idempotency
from provenance.log.writer import LogWriter

pytestmark = pytest.mark.services

GROUP = 250
HALF = 40
"""Groups before and after the statistics are taken."""
SEARCHED = ("records", "trails", "requests")
# pg_stat_user_tables counts rows of full scans, and pg_stat_user_indexes rows that an index led to.
ROWS_READ = text("""
SELECT (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname = ANY(:tables))
  + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname = ANY(:tables))
""")


async def rows_read(log: LogUnderTest) -> int:
    """Rows of the searched tables that any connection has read; all of them have ended."""
    async with log.engine.connect() as connection:
        return int((await connection.execute(ROWS_READ, {"tables": list(SEARCHED)})).scalar_one())


async def write_groups(writer: LogWriter, *, name: str, groups: int) -> None:
    for number in range(groups):
        names = [f"{name}-{number}-{n}" for n in range(GROUP)]
        await writer.submit(
            submission(
                *(
                    event(name, event_id=f"ni:///{name}", corrects=f"ni:///{names[0]}")
                    for name in names
                ),
                idempotency=Idempotency(key=f"{name}-{number}", content_mac=bytes(32)),
            )
        )


@pytest.mark.parametrize("analyzed", [False, True], ids=["never analyzed", "analyzed"])
async def test_a_group_reads_as_many_rows_in_a_long_log_as_in_a_short_one(
    database_url: str, *, analyzed: bool
) -> None:
    async with log_under_test(database_url) as log:
        writer = await log.writer()
        await write_groups(writer, name="early", groups=HALF)
        if analyzed:
            async with log.engine.connect() as connection:
                await connection.execute(text("ANALYZE"))
                await connection.commit()
        await write_groups(writer, name="late", groups=HALF)
        await writer.stop()
        # A look into an index for each key finds none of these: all is new. What is read is the
        # log's first few hundred rows, while one index is as good as another.
        assert await rows_read(log) < 4 * 2 * HALF * GROUP
