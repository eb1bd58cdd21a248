"""Verdicts in plain words for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import typer

from provenance.cli.headlines import headline, why_set
from provenance.cli.wording import visible
from provenance.core.verdict import Outcome

if TYPE_CHECKING:
    from provenance.core.conduct import Misconduct
    from provenance.verify.sets import ReceiptReport, SetReport

LIMITS: Final = (
    "A receipt proves what was recorded and when, not that it is true, nor that everything that "
    "happened was recorded."
)
"""The honest limits, printed below every verdict."""

_COLOURS: Final = {Outcome.VALID: "green", Outcome.INVALID: "red", Outcome.UNKNOWN: "yellow"}


def coloured(outcome: Outcome, *, width: int = 0) -> str:
    """The outcome's name; colours are dropped where the output is no terminal."""
    return typer.style(outcome.value.ljust(width), fg=_COLOURS[outcome], bold=True)


def line(name: str, outcome: Outcome, reason: str) -> str:
    """One line of a table of verdicts."""
    return f"  {name:<16}{coloured(outcome, width=9)}{visible(reason)}"


def print_set(
    report: "SetReport", *, strays: Sequence[str], advice: Mapping[str, str], code: int
) -> None:
    """Print everything that was found about a set of receipts, and what it came to.

    Args:
        report: what was found.
        strays: payloads of none of the receipts.
        advice: for a file that is no receipt, what it seems to be and where it belongs.
        code: the exit code.

    """
    for item in report.receipts:
        _print_receipt(item)
    for broken in report.malformed:
        typer.echo(f"{broken.name}: not a receipt ({broken.error.code}): {broken.error}")
        if broken.name in advice:
            typer.echo(f"  {advice[broken.name]}")
        typer.echo()
    for trail in report.trails:
        subject = trail.subject or f"unnamed subject ({trail.trail.hex()[:16]}…)"
        typer.echo(f"Trail of {subject}")
        typer.echo(line("whole trail", trail.verdict.outcome, trail.verdict.reason) + "\n")
    for verdict in report.acknowledgements:
        typer.echo(line(verdict.check, verdict.outcome, verdict.reason) + "\n")
    for name in strays:
        typer.echo(f"{name}: it is not the payload of any of these receipts\n")
    print_misconduct(report.misconduct)
    typer.echo(headline(code, why_set(report, strays, code), [report.qualification]))
    typer.echo(LIMITS)


def _print_receipt(item: "ReceiptReport") -> None:
    statement = item.receipt.statement
    about = f", {statement.kind} about {statement.subject}" if statement is not None else ""
    typer.echo(f"{item.name}: entry {item.receipt.index}{about}")
    for verdict in item.report.verdicts:
        typer.echo(line(verdict.check, verdict.outcome, verdict.reason))
    typer.echo()


def print_misconduct(found: Iterable["Misconduct"]) -> None:
    """Print what the operator signed and cannot both be honest, each two notes once."""
    for same in _by_notes(found):
        _print_pair(same)


def _by_notes(found: Iterable["Misconduct"]) -> Iterable[Sequence["Misconduct"]]:
    """What the same two notes prove, together: a fork breaks many rules at once."""
    pairs: dict[frozenset[str], list[Misconduct]] = {}
    for item in found:
        pairs.setdefault(frozenset(item.notes), []).append(item)
    return pairs.values()


def _print_pair(same: Sequence["Misconduct"]) -> None:
    for item in same:
        typer.echo(f"MISCONDUCT ({item.kind}): {visible(item.reason)}")
    typer.echo("The operator signed both of these, and they cannot both be honest:")
    for number, note in enumerate(same[0].notes, start=1):
        typer.echo(f"  note {number}:")
        # A note's lines are those that a line feed ends: another separator is a letter of one.
        for text in note.removesuffix("\n").split("\n"):
            typer.echo(f"    {visible(text)}")
    typer.echo()
