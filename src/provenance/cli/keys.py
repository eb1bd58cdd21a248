"""``provenance keys``: API keys, straight in the database; for the operator."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from provenance.cli.exits import USAGE, fail, reported
from provenance.cli.stores import database, now_ms, read_settings
from provenance.core.errors import BadValueError

if TYPE_CHECKING:
    from provenance.db.accounts import AccountStore

T = TypeVar("T")
keys = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


@keys.command()
def create(
    organisation: Annotated[str, typer.Argument(help="Whose key it is.")],
    role: Annotated[
        str, typer.Argument(help="admin, carrier, member, claims, customs or auditor.")
    ],
    label: Annotated[str, typer.Option(help="What it is for.")] = "made on the command line",
) -> None:
    """Make a key and print it: it is shown this once."""
    from provenance.db.accounts import check_key

    try:
        check_key(organisation=organisation, role=role, label=label)
    except BadValueError as error:
        fail(str(error).removeprefix("/"), code=USAGE)
    with reported():
        key, token = _with_accounts(
            lambda accounts: accounts.create(organisation=organisation, role=role, label=label)
        )
    typer.echo(f"key {key.key_id} of {key.organisation}, role {key.role}", err=True)
    typer.echo(token)


@keys.command("list")
def list_keys(
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List all keys, revoked ones included."""
    with reported():
        found = _with_accounts(lambda accounts: accounts.keys())
    if as_json:
        rows = [
            {
                "key_id": key.key_id,
                "organisation": key.organisation,
                "role": key.role,
                "label": key.label,
                "created_at": key.created_at,
                "revoked_at": key.revoked_at,
            }
            for key in found
        ]
        typer.echo(json.dumps(rows, indent=2))
        return
    for key in found:
        state = f"revoked {_date(key.revoked_at)}" if key.revoked_at else "in use"
        typer.echo(
            f"{key.key_id}  {key.role:<8}  {_date(key.created_at)}  {state:<18}  "
            f"{key.organisation}: {key.label}"
        )


@keys.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The key's id, 16 hex digits.")]) -> None:
    """Revoke a key for good; running services honour it within seconds."""
    with reported():
        if _with_accounts(lambda accounts: accounts.revoke(key_id)) is None:
            fail(f"there is no key {key_id}; `provenance keys list` shows them")
    typer.echo(f"key {key_id} is revoked")


def _with_accounts(use: "Callable[[AccountStore], Awaitable[T]]") -> T:
    async def run() -> T:
        from provenance.db.accounts import AccountStore
        from provenance.db.engine import create_engine
        from provenance.db.migrate import check_schema

        async with database(read_settings()) as url:
            engine = create_engine(url)
            try:
                async with engine.connect() as connection:
                    await check_schema(connection)
                return await use(AccountStore(engine, random_bytes=os.urandom, now_ms=now_ms))
            finally:
                await engine.dispose()

    return asyncio.run(run())


def _date(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC):%Y-%m-%d}"
