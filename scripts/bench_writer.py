"""Entries a second of the log's writer, as a ratio to COPY of the very rows that it stored.

Both run in this process against one embedded PostgreSQL: the writer with submissions of 500 events
by one client, and with single events by many; then COPY of the same rows of all tables, built
beforehand, into an empty database with the same tables and indexes, one connection, a commit for
every 500 events. Usage: bench_writer.py [--events N] [--rounds N]
"""

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import uvloop
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from provenance.core.digests import Salt
from provenance.core.notes import Signer
from provenance.core.statement import Statement, payload_commitment
from provenance.db.engine import create_engine
from provenance.db.migrate import upgrade
from provenance.embedded import EmbeddedPostgres, PostgresAddress
from provenance.log.identity import create_log
from provenance.log.submissions import EventColumns, RecordDraft, Submission
from provenance.log.writer import LogWriter

ORIGIN = "bench.example/log"
EVENTS_PER_SUBMISSION = 500
TABLES = ("records", "entries", "trails")
SUBMITTER = UUID("6f9d3c6e-0d0b-4f0e-9d7e-0a4f1f9c2b11")


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the result; rates are a second."""

    name: str
    events: float
    entries: float
    python_us_per_entry: float
    ratio_to_copy: float


def event(number: int, *, subjects: int) -> RecordDraft:
    """An event with a payload of about 700 bytes, as the sample data has them."""
    payload = json.dumps({"number": number, "filler": "x" * 660}).encode()
    salt = Salt(os.urandom(32))
    named = tuple(f"https://id.gs1.org/00/{number:013d}{n:05d}" for n in range(subjects))
    return RecordDraft(
        submitter=SUBMITTER,
        subjects=named,
        statement=Statement(
            kind="event",
            subject=named[0],
            submitter=str(SUBMITTER),
            media_type="application/ld+json",
            payload=payload_commitment(payload, salt=salt),
            payload_size=len(payload),
            type="shipping",
            occurred_at=1_700_000_000_000 + number,
            context_sha256=bytes(32),
        ),
        payload=payload,
        payload_salt=salt,
        fields_salt=Salt(os.urandom(32)) if subjects > 1 else None,
        dedup_key=os.urandom(32),
        content_mac=os.urandom(32),
        columns=EventColumns(
            event_id=f"urn:uuid:{uuid4()}",
            event_type="ObjectEvent",
            event_time=1_700_000_000_000 + number,
            action="OBSERVE",
            biz_step="shipping",
            disposition="in_transit",
            read_point="https://id.gs1.org/414/4012345000054",
        ),
    )


def submissions(events: int, *, subjects: int, each: int) -> list[Submission]:
    """Submissions of ``each`` events."""
    drafts = [event(number, subjects=subjects) for number in range(events)]
    return [
        Submission(submitter=SUBMITTER, records=tuple(drafts[at : at + each]))
        for at in range(0, events, each)
    ]


async def fresh_database(server: EmbeddedPostgres, address: PostgresAddress) -> PostgresAddress:
    """An empty migrated database."""
    name = f"bench_{uuid4().hex[:8]}"
    async with await psycopg.AsyncConnection.connect(
        server.admin.dsn, autocommit=True
    ) as connection:
        await connection.execute(f'CREATE DATABASE {name} OWNER "{address.user}"'.encode())
    fresh = PostgresAddress(
        host=address.host,
        port=address.port,
        user=address.user,
        password=address.password,
        database=name,
    )
    await asyncio.to_thread(upgrade, fresh.url)
    return fresh


@asynccontextmanager
async def running_writer(url: str) -> AsyncIterator[LogWriter]:
    """A writer that is warm."""
    engine = create_engine(url)
    log = await create_log(engine, origin=ORIGIN, now_ms=0)
    signer = Signer(name=ORIGIN, private_key=Ed25519PrivateKey.generate())
    writer = LogWriter(engine, log, signers=[signer])
    await writer.start()
    writer.open()
    yield writer
    await writer.stop()
    await engine.dispose()


async def timed(work: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Seconds on the clock and on this process's CPU."""
    wall, cpu = time.perf_counter(), time.process_time()
    await work()
    return time.perf_counter() - wall, time.process_time() - cpu


async def write(url: str, work: Sequence[Submission], *, clients: int) -> tuple[float, float]:
    """Submit everything from ``clients`` tasks."""
    async with running_writer(url) as writer:
        remaining = iter(work)

        async def client() -> None:
            for submission in remaining:
                await writer.submit(submission)

        async def everybody() -> None:
            await asyncio.gather(*(client() for _ in range(clients)))

        return await timed(everybody)


async def stored_rows(dsn: str, *, entries: int, step: int) -> list[dict[str, bytes]]:
    """The stored rows as COPY buffers, one for each table and ``step`` entries."""
    buffers = []
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for start in range(0, entries, step):
            chunk = {}
            for table in TABLES:
                key = "index" if table == "entries" else "first_index"
                query = (
                    f"COPY (SELECT * FROM {table} WHERE {key} >= {start}"  # noqa: S608 - constants
                    f" AND {key} < {start + step} ORDER BY {key}) TO STDOUT (FORMAT binary)"
                )
                async with connection.cursor().copy(query.encode()) as copy:
                    chunk[table] = b"".join([bytes(data) async for data in copy])
            buffers.append(chunk)
    return buffers


async def copy_rows(dsn: str, buffers: Sequence[dict[str, bytes]]) -> tuple[float, float]:
    """COPY the buffers, a commit for each."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:

        async def work() -> None:
            for chunk in buffers:
                for table, data in chunk.items():
                    statement = f"COPY {table} FROM STDIN (FORMAT binary)".encode()
                    async with connection.cursor().copy(statement) as copy:
                        await copy.write(data)
                await connection.commit()

        return await timed(work)


async def measure(
    server: EmbeddedPostgres,
    address: PostgresAddress,
    *,
    name: str,
    events: int,
    subjects: int,
    each: int,
    clients: int,
) -> list[Figure]:
    """Write, then copy what was written."""
    work = submissions(events, subjects=subjects, each=each)
    written = await fresh_database(server, address)
    wall, cpu = await write(written.url, work, clients=clients)
    entries = events * subjects
    buffers = await stored_rows(written.dsn, entries=entries, step=EVENTS_PER_SUBMISSION * subjects)
    copied = await fresh_database(server, address)
    copy_wall, copy_cpu = await copy_rows(copied.dsn, buffers)
    return [
        Figure(name, events / wall, entries / wall, cpu / entries * 1e6, copy_wall / wall),
        Figure(
            f"COPY of {name}",
            events / copy_wall,
            entries / copy_wall,
            copy_cpu / entries * 1e6,
            1.0,
        ),
    ]


async def run(events: int, rounds: int) -> list[Figure]:
    """Measure every case; the best of ``rounds`` counts, for other work only slows down."""
    cases = (
        ("500 events, 1 subject, 1 client", events, 1, EVENTS_PER_SUBMISSION, 1),
        ("500 events, 1 subject, 4 clients", events, 1, EVENTS_PER_SUBMISSION, 4),
        ("500 events, 20 subjects, 1 client", events // 10, 20, EVENTS_PER_SUBMISSION, 1),
        ("single events, 1 client", events // 20, 1, 1, 1),
        ("single events, 32 clients", events // 2, 1, 1, 32),
        ("single events, 256 clients", events, 1, 1, 256),
    )
    best: dict[str, Figure] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # noqa: PTH101, S103 - before anything else runs; the service user passes
        server = EmbeddedPostgres(Path(folder) / "data")
        address = await server.start()
        try:
            for _ in range(rounds):
                for name, count, subjects, each, clients in cases:
                    for figure in await measure(
                        server,
                        address,
                        name=name,
                        events=max(count, each),
                        subjects=subjects,
                        each=each,
                        clients=clients,
                    ):
                        if figure.name not in best or figure.events > best[figure.name].events:
                            best[figure.name] = figure
        finally:
            await server.stop()
    return list(best.values())


def main() -> None:
    """Print a table and one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=1)
    arguments = parser.parse_args()
    figures = uvloop.run(run(arguments.events, arguments.rounds))
    print(f"{'':44}{'events/s':>10}{'entries/s':>11}{'µs Python':>11}{'ratio':>8}")
    for figure in figures:
        print(
            f"{figure.name:44}{figure.events:10.0f}{figure.entries:11.0f}"
            f"{figure.python_us_per_entry:11.1f}{figure.ratio_to_copy:8.2f}"
        )
    print(json.dumps([asdict(figure) for figure in figures]))


if __name__ == "__main__":
    main()
