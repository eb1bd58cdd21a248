"""Several writers on one log, in one process and in several."""

import asyncio
import json
import sys

import pytest
from sqlalchemy import text

from fixtures.logs import (
    check_acknowledgement,
    check_log,
    event,
    keyed,
    log_under_test,
    submission,
)
from provenance.db.engine import create_engine
from provenance.log.submissions import Idempotency, Logged

pytestmark = pytest.mark.services

PROCESS = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[3])
from fixtures.logs import event, log_under_test, submission

async def main(url, name):
    async with log_under_test(url) as log:
        writer = await log.writer()
        print("ready", flush=True)
        sys.stdin.readline()
        answers = await asyncio.gather(
            *(
                writer.submit(
                    submission(event(f"{name}{n}", f"urn:example:{name}{n}", "urn:example:both"))
                )
                for n in range(150)
            )
        )
        print(json.dumps([answer.first_index for answer in answers]), flush=True)

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


async def test_two_writers_on_one_log_give_every_entry_one_place(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        other_engine = create_engine(database_url)
        writers = [await log.writer(), await log.writer(engine=other_engine)]

        async def client(number: int) -> list[Logged]:
            writer = writers[number % 2]
            return [
                await writer.submit(
                    submission(event(f"e{number}.{n}", f"urn:example:s{n}", "urn:example:all"))
                )
                for n in range(12)
            ]

        answers = [
            answer for each in await asyncio.gather(*map(client, range(16))) for answer in each
        ]
        for writer in writers:
            await writer.stop()
        await other_engine.dispose()
        for answer in answers:
            check_acknowledgement(answer)
        assert sorted(answer.first_index for answer in answers) == list(range(0, 2 * 16 * 12, 2))
        await check_log(log)


async def test_no_group_reads_a_whole_table_however_the_log_began(database_url: str) -> None:
    # Plans are kept from when the tables were empty and known to be so.
    scans = text(
        "SELECT sum(seq_scan) FROM pg_stat_user_tables"
        " WHERE relname IN ('records', 'entries', 'trails', 'requests', 'tiles')"
    )
    async with log_under_test(database_url) as log:
        async with log.engine.connect() as connection:
            await (await connection.execution_options(isolation_level="AUTOCOMMIT")).execute(
                text("ANALYZE")
            )
            before = await connection.scalar(scans)
        writer = await log.writer()
        for n in range(12):
            key = Idempotency(f"key{n}", keyed(f"request{n}"))
            await writer.submit(submission(event(f"e{n}"), event("all"), idempotency=key))
        # A backend reports what it did when it ends.
        await writer.stop()
        async with log.engine.connect() as connection:
            assert await connection.scalar(scans) == before


async def test_the_same_event_at_two_writers_is_logged_once(database_url: str) -> None:
    async with log_under_test(database_url) as log:
        writers = [await log.writer(), await log.writer()]
        answers = await asyncio.gather(
            *(writer.submit(submission(event(f"e{n}"))) for n in range(40) for writer in writers)
        )
        assert len({answer.acknowledgement for answer in answers}) == 40
        assert len(await check_log(log)) == 40


async def test_two_processes_on_one_log_give_every_entry_one_place(
    database_url: str, pytestconfig: pytest.Config
) -> None:
    async with log_under_test(database_url) as log:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                PROCESS,
                database_url,
                name,
                str(pytestconfig.rootpath / "tests"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            for name in ("left", "right")
        ]
        for process in processes:
            assert process.stdout is not None
            assert await process.stdout.readline() == b"ready\n"
        outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        assert [process.returncode for process in processes] == [0, 0]
        firsts = sorted(index for output, _ in outputs for index in json.loads(output))
        assert firsts == list(range(0, 600, 2))
        assert len(await check_log(log)) == 600
