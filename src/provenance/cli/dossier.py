"""``provenance verify dossier.zip``: the verdicts on one dossier.

It needs nothing but the package's ``verify`` extra; what asks a node is imported where one is
asked for.
"""

import asyncio
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from provenance.cli.exits import INVALID, MALFORMED, OF_OUTCOME, USAGE, fail, reported
from provenance.cli.files import read_bounded, read_trust
from provenance.cli.headlines import headline, why_dossier
from provenance.cli.verdicts import coloured, line, print_misconduct
from provenance.cli.wording import visible
from provenance.core.verdict import Outcome

if TYPE_CHECKING:
    from provenance.core.trustfile import TrustFile
    from provenance.verify.dossier.reading import Dossier
    from provenance.verify.dossier.report import DossierReport
    from provenance.verify.dossier.timestamps import ChecksToken
    from provenance.verify.vouching import Asked

DOSSIER_LIMITS: Final = (
    "A dossier proves what was recorded and when, not that it is true, nor that everything that "
    "happened was recorded."
)
"""The honest limits, printed below every verdict."""

_HASH = re.compile(r"(?:(\d{1,15}):)?(?:0x)?([0-9a-fA-F]{64})", re.ASCII)
"""A block's hash, and before it its number where the verifier says which one it is."""
_MAX_CERTIFICATES: Final = 1 << 18
"""Bytes of a file of certificates, each of some kilobytes."""
_SHOWN: Final = 20
"""Entries whose verdicts are printed in full where something is not VALID."""


def is_dossier(paths: Sequence[Path]) -> bool:
    """Whether one of ``paths`` is meant as a dossier: by its name, or its first bytes."""
    return any(path.suffix.lower() == ".zip" or _begins_as_zip(path) for path in paths)


def _begins_as_zip(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(2) == b"PK"
    except OSError:
        return False


def verify_dossier_file(
    paths: Sequence[Path],
    *,
    trust: Path | None,
    blocks: Sequence[str],
    authorities: Sequence[Path],
    rpc: str | None,
    as_json: bool,
    patience: float,
) -> NoReturn:
    """Verify one dossier, print what was found, and end with the exit code."""
    if len(paths) != 1:
        fail("a dossier is verified by itself: name one file", code=USAGE)
    hashes = dict(_block(text) for text in blocks)
    with reported():
        trusted = read_trust(trust) if trust is not None else None
        check_token = _token_check(authorities)
        report = _verify(
            paths[0], trusted, hashes, check_token=check_token, rpc=rpc, patience=patience
        )
    code = _exit_code(report)
    if as_json:
        typer.echo(visible(json.dumps(report.to_json(), indent=2, ensure_ascii=False)))
    else:
        _print(paths[0], report, code)
    raise typer.Exit(code)


def _exit_code(report: "DossierReport") -> int:
    if report.refusal is not None:
        return INVALID if report.tampered else MALFORMED
    return OF_OUTCOME[report.outcome]


def _verify(
    path: Path,
    trust: "TrustFile | None",
    hashes: "Mapping[bytes, int | None]",
    *,
    check_token: "ChecksToken | None",
    rpc: str | None,
    patience: float,
) -> "DossierReport":
    from provenance.core.errors import ProofError
    from provenance.verify.dossier.anchors import named
    from provenance.verify.dossier.errors import ContainerError
    from provenance.verify.dossier.reading import read_dossier
    from provenance.verify.dossier.run import judge_dossier, refused

    with path.open("rb") as file:
        try:
            dossier = read_dossier(file, trust=trust)
        except (ContainerError, ProofError) as error:
            return refused(error)
    vouches = named(hashes, {block: at for block, at in hashes.items() if at is not None})
    problem = ""
    if rpc is not None and trust is not None:
        asked = asyncio.run(_ask(dossier, trust, rpc, patience))
        vouches, problem = {**asked.vouches, **vouches}, asked.problem
    report = judge_dossier(dossier, trust=trust, vouches=vouches, check_token=check_token)
    if not problem:
        return report
    return replace(report, qualifications=(*report.qualifications, problem))


async def _ask(dossier: "Dossier", trust: "TrustFile", rpc: str, patience: float) -> "Asked":
    from provenance.verify.vouching import Asked, ask_node

    log = trust.log(dossier.closing.parsed().origin)
    if log is None:
        # That it is not trusted is among the verdicts.
        return Asked({})
    return await ask_node(rpc, log, dossier.proofs.headers.values(), patience=patience)


def _token_check(paths: Sequence[Path]) -> "ChecksToken | None":
    if not paths:
        return None
    from provenance.verify.dossier.tokens import read_certificates, trusting

    return trusting(
        [
            certificate
            for path in paths
            for certificate in read_certificates(read_bounded(path, limit=_MAX_CERTIFICATES))
        ]
    )


def _block(text: str) -> tuple[bytes, int | None]:
    """Hash that was given, and the number of its block where that was given too."""
    match = _HASH.fullmatch(text.strip())
    if match is None:
        fail("--block is a block's hash, 64 hexadecimal digits, or NUMBER:HASH", code=USAGE)
    return bytes.fromhex(match[2]), None if match[1] is None else int(match[1])


def _print(path: Path, report: "DossierReport", code: int) -> None:
    if report.refusal is not None:
        refusal = report.refusal
        place = f" at byte {refusal.offset}" if refusal.offset is not None else ""
        where = f"{refusal.where}: " if refusal.where else ""
        typer.echo(f"{path}: {where}{refusal.reason} ({refusal.code}){place}")
        # As the report's JSON and the page have it; the exit code tells more.
        typer.echo(f"\n{headline(INVALID, why_dossier(report, code))}")
        return
    _print_parts(path, report)
    typer.echo(headline(code, why_dossier(report, code), report.qualifications))
    typer.echo(DOSSIER_LIMITS)


def _print_parts(path: Path, report: "DossierReport") -> None:
    about = report.about
    entries = f" of {about['entries']} entries" if "entries" in about else ""
    typer.echo(f"{path}: dossier{entries}")
    for check in report.checks:
        typer.echo(line(check.check, check.outcome, check.reason))
    typer.echo("\nFiles")
    for file in report.files:
        typer.echo(f"  {coloured(file.outcome, width=9)}{file.name}: {visible(file.reason)}")
    typer.echo()
    if report.receipts is None:
        return
    counts = dict.fromkeys(Outcome, 0)
    for item in report.receipts.receipts:
        counts[item.report.outcome] += 1
    said = ", ".join(f"{count} {outcome.value}" for outcome, count in counts.items() if count)
    typer.echo(f"Entries: {said}")
    wrong = [item for item in report.receipts.receipts if item.report.outcome is not Outcome.VALID]
    for item in wrong[:_SHOWN]:
        typer.echo(f"  {item.name}")
        for verdict in item.report.verdicts:
            typer.echo("  " + line(verdict.check, verdict.outcome, verdict.reason))
    if len(wrong) > _SHOWN:
        typer.echo(f"  … and {len(wrong) - _SHOWN} more; --json has them all")
    for trail in report.receipts.trails:
        subject = trail.subject or f"unnamed subject ({trail.trail.hex()[:16]}…)"
        typer.echo(f"Trail of {subject}")
        typer.echo(line("whole trail", trail.verdict.outcome, trail.verdict.reason))
    typer.echo()
    print_misconduct(report.receipts.misconduct)
