"""The command ``provenance``."""

import sys
from typing import Annotated, NoReturn

import typer

from provenance import __version__
from provenance.cli.backup import backup, restore
from provenance.cli.capture import capture
from provenance.cli.case import case
from provenance.cli.db import db
from provenance.cli.document import document
from provenance.cli.erase import erase
from provenance.cli.exits import BUG, FAILED, INTERRUPTED
from provenance.cli.extras import missing_extra
from provenance.cli.keys import keys
from provenance.cli.log import log
from provenance.cli.receipt import receipt
from provenance.cli.running import demo, run
from provenance.cli.verify import verify
from provenance.cli.writing import dossier

app = typer.Typer(
    name="provenance",
    help="Tamper-evident tracking history for parcels: record, prove, verify.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command()(run)
app.command()(demo)
app.command()(capture)
app.command()(receipt)
app.command()(verify)
app.command()(backup)
app.command()(restore)
app.add_typer(document, name="document")
app.add_typer(log, name="log")
app.add_typer(keys, name="keys")
app.add_typer(case, name="case")
app.add_typer(dossier, name="dossier")
app.add_typer(erase, name="erase")
app.add_typer(db, name="db")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"provenance {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; no error leaves it as a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except ModuleNotFoundError as error:
        extra = missing_extra(error)
        if extra is None:
            _is_a_fault(error)
        typer.echo(
            f"error: this command needs the {extra} extra ({error.name} is not installed): in a "
            f"checkout, pip install '.[{extra}]'",
            err=True,
        )
        sys.exit(FAILED)
    except Exception as error:  # noqa: BLE001  # the last line of defence says what to do
        _is_a_fault(error)


def _is_a_fault(error: Exception) -> NoReturn:
    typer.echo(
        f"error: {type(error).__name__}: {error}. This is a fault of the program; "
        "please report it.",
        err=True,
    )
    sys.exit(BUG)


if __name__ == "__main__":
    main()
