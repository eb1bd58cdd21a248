"""``provenance run`` and ``provenance demo``: the whole service on this machine."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from provenance.cli.exits import fail, reported
from provenance.cli.stores import database_errors, read_settings


def run() -> None:
    """Start database, chain, API and worker on this machine; Ctrl-C stops them.

    What DATABASE_URL and RPC_URL name is used instead of an embedded one. Everything is kept in
    the data folder (PROVENANCE_DATA, else .provenance): the next run finds it again.
    """
    from provenance.launch.run import run as run_service

    with reported(names_code=True), database_errors():
        asyncio.run(run_service(read_settings(), say=typer.echo))


def demo(
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Data folder of the demonstration's own log.")
    ] = Path(".provenance-demo"),
) -> None:
    """Record a parcel's journey, verify it, alter an event behind the log's back, and catch it.

    Exit code 0 means that all of it went as it should.
    """
    from rich.console import Console

    from provenance.cli.auditing import audit_both_ways
    from provenance.demo.transcript import demonstrate

    with reported():
        # A port that is set is the service's, which may be running.
        settings = read_settings().model_copy(update={"data_dir": data, "api_port": 0})
        if settings.database_url is not None or settings.rpc_url is not None:
            fail("the demonstration alters a stored event: unset DATABASE_URL and RPC_URL first")
        # A transcript that is piped into a file is as wide as its tables.
        console = Console(width=None if sys.stdout.isatty() else 120)
        asyncio.run(demonstrate(settings, console=console, audit=audit_both_ways))
