"""``provenance log``: audit a whole log, or carry one on under another name."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from provenance.cli.exits import OF_OUTCOME, USAGE, fail, reported
from provenance.cli.files import read_trust
from provenance.cli.headlines import headline, why_audit
from provenance.cli.stores import chain, database, read_settings
from provenance.cli.verdicts import LIMITS, line
from provenance.cli.wording import web_address

if TYPE_CHECKING:
    from provenance.anchor.succession import Succession
    from provenance.core.trustfile import TrustFile
    from provenance.verify.audit import AuditReport
    from provenance.verify.audit.shared import Progress

log = typer.Typer(help="Audit a whole log, or carry one on.", no_args_is_help=True)


@log.command()
def audit(
    trust: Annotated[
        Path,
        typer.Option(
            metavar="FILE", help="Trust file, got from elsewhere.", exists=True, dir_okay=False
        ),
    ],
    *,
    url: Annotated[
        str | None,
        typer.Option(
            metavar="URL", callback=web_address, help="Audit what this service publishes."
        ),
    ] = None,
    in_database: Annotated[
        bool, typer.Option("--database", help="Audit the database, contents included.")
    ] = False,
    rpc: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="RPC_URL",
            callback=web_address,
            help="JSON-RPC of a node of the chain.",
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="KEY",
            envvar="PROVENANCE_KEY",
            help="An auditor's API key, without which entries and trails stay UNKNOWN.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Audit a whole log: every entry, trail, tile, checkpoint and anchor.

    With --url as a stranger can, from what is published and the chain; with --database by the
    operator, payloads and statements included. Exit code: 0 clean, 1 something differs, 3 nothing
    is wrong but something could not be checked, 2 wrong usage, 5 it could not be carried out.
    """
    if (url is None) != in_database:
        fail("say what to audit: --url URL or --database", code=USAGE)
    with reported():
        trusted = read_trust(trust)
        if url is not None:
            report = asyncio.run(_audit_url(url, trusted, rpc, key))
        else:
            report = asyncio.run(_audit_database(trusted, rpc))
    if as_json:
        typer.echo(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    else:
        _print(report)
    raise typer.Exit(OF_OUTCOME[report.outcome])


@log.command()
def succeed(
    new_origin: Annotated[str, typer.Argument(help="Name of the log that carries on.")],
    *,
    reason: Annotated[str, typer.Option(help="Why; it becomes public on the chain.")],
    sure: Annotated[
        bool, typer.Option("--yes", help="Do not ask: a succession cannot be undone.")
    ] = False,
) -> None:
    """Close a log that cannot go on and carry it on under another name.

    Needs the recovery key in the data folder's keys. Stop the service first. The log is closed at
    the largest anchored size at which chain and database agree; indexes and receipts up to there
    stay valid. Run it again if it was cut off.
    """
    if not sure and not typer.confirm(f"close the log for good and go on as {new_origin}?"):
        raise typer.Abort
    with reported():
        done, trust = asyncio.run(_succeed(new_origin, reason))
    typer.echo(f"{new_origin} carries on from size {done.size}")
    if done.log_size > done.size:
        typer.echo(f"entries {done.size} to {done.log_size - 1} go on and are anchored again")
    if done.abandoned:
        typer.echo(f"abandoned anchors: {', '.join(map(str, done.abandoned))}")
    if done.lost:
        typer.echo(f"lost: entries {done.lost[0]} to {done.lost[1] - 1}")
    typer.echo(f"publish the new trust file: {trust}")


@log.command("new-anchoring-key")
def new_anchoring_key() -> None:
    """Make another anchoring key where the old one is lost and no backup has it.

    The service must be stopped. Its next start gives the new key the role, with the administrator's
    key; of a successor that the database does not know yet, `log succeed` does. The lost key keeps
    its role: if somebody may have it, carry the log on instead (succeed).
    """
    with reported():
        address = asyncio.run(_new_anchoring_key())
    typer.echo(f"the log is anchored by {address} from the next start on")
    typer.echo("on a chain that is not embedded, fund this account first")


async def _audit_url(
    url: str, trust: "TrustFile", rpc: str | None, key: str | None
) -> "AuditReport":
    from provenance.verify.audit import audit_url

    return await audit_url(url, trust=trust, rpc_url=rpc, key=key, progress=_progress())


async def _audit_database(trust: "TrustFile", rpc: str | None) -> "AuditReport":
    from provenance.verify.audit import audit_database
    from provenance.wiring.auditing import expected_records
    from provenance.wiring.chain import file_keys
    from provenance.wiring.logs import current_origin
    from provenance.wiring.sealing import open_vault

    settings = read_settings()
    async with database(settings) as url:
        origin = settings.origin
        if trust.log(origin) is None:
            origin = await current_origin(url, origin=origin)
        return await audit_database(
            url,
            origin=origin,
            trust=trust,
            rpc_url=rpc,
            expected_of=expected_records(settings, file_keys(settings)),
            sealed=open_vault(settings),
            progress=_progress(),
        )


async def _succeed(new_origin: str, reason: str) -> "tuple[Succession, Path]":
    from provenance.wiring.succession import carry_on

    settings = read_settings()
    async with database(settings) as database_url, chain(settings) as rpc_url:
        complete = settings.model_copy(
            update={"database_url": database_url, "rpc_url": rpc_url, "local_chain": _is_local()}
        )
        return await carry_on(complete, new_origin=new_origin, reason=reason)


async def _new_anchoring_key() -> str:
    from provenance.log.errors import UnknownLogError
    from provenance.wiring.keyring import make_anchoring_key
    from provenance.wiring.logs import current_origin

    settings = read_settings()
    async with database(settings) as url:
        try:
            origin = await current_origin(url, origin=settings.origin)
        except UnknownLogError:
            # A successor that a restored dump does not know yet: its own key tells that it was.
            origin = settings.origin
        return str(make_anchoring_key(settings, origin=origin).address)


def _is_local() -> bool:
    settings = read_settings()
    return settings.embedded_chain if settings.local_chain is None else settings.local_chain


def _progress() -> "Progress":
    """Progress on stderr, in place; nothing where that is no terminal."""
    shown = sys.stderr.isatty()

    def tell(what: str, done: int, total: int) -> None:
        if shown:
            end = "\n" if done >= total else ""
            typer.echo(f"\r{what}: {done} of {total}\x1b[K{end}", err=True, nl=False)

    return tell


def _print(report: "AuditReport") -> None:
    if report.origin:
        typer.echo(f"{report.origin}, size {report.size}")
    for verdict in report.verdicts:
        typer.echo(line(verdict.check, verdict.outcome, verdict.reason))
    for finding in report.findings:
        typer.echo(f"  {finding.check}: {finding}")
    if report.total > len(report.findings):
        typer.echo(f"  … and {report.total - len(report.findings)} more")
    for note in report.notes:
        typer.echo(f"  note: {note}")
    said = headline(OF_OUTCOME[report.outcome], why_audit(report), [report.qualification])
    typer.echo(f"\n{said}")
    typer.echo(LIMITS)
