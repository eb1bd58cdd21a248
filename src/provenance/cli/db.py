"""``provenance db``: the database's tables."""

import asyncio

import typer

from provenance.cli.exits import reported
from provenance.cli.stores import database, read_settings

db = typer.Typer(help="The database's tables.", no_args_is_help=True)


@db.command()
def upgrade() -> None:
    """Bring the database to the tables of this release; `provenance run` does so by itself."""

    async def run() -> tuple[str | None, str]:
        from provenance.db.migrate import current, expected, upgrade

        async with database(read_settings()) as url:
            before = await asyncio.to_thread(current, url)
            await asyncio.to_thread(upgrade, url)
            return before, expected()

    with reported():
        before, now = asyncio.run(run())
    if before == now:
        typer.echo(f"the database has the tables of this release already (revision {now})")
    else:
        typer.echo(f"upgraded from {before or 'an empty database'} to revision {now}")
