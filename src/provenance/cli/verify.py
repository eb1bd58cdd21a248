"""``provenance verify``: needs a receipt, a trust file and an RPC URL, and nothing of the service."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from provenance.cli.dossier import is_dossier, verify_dossier_file
from provenance.cli.exits import INVALID, MALFORMED, OF_OUTCOME, UNKNOWN, USAGE, fail, reported
from provenance.cli.files import read_bounded, read_trust
from provenance.cli.mistaken import ACKNOWLEDGEMENT, advice, receipt_advice
from provenance.cli.verdicts import print_set
from provenance.cli.wording import visible, web_address
from provenance.core.errors import FormatError
from provenance.core.notes import MAX_NOTE_BYTES
from provenance.core.receipt import MAX_RECEIPT_BYTES, Receipt
from provenance.core.verdict import Outcome

if TYPE_CHECKING:
    from provenance.core.trustfile import TrustFile
    from provenance.verify.service import ReceiptInput
    from provenance.verify.sets import SetReport

MAX_PAYLOAD_BYTES: Final = 1 << 30
"""A payload is read whole; no document or photo of a parcel comes near a gigabyte."""

_FILE: Final = {"exists": True, "dir_okay": False}


def verify(
    receipts: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="Receipts to verify together, or one dossier.", **_FILE
        ),
    ],
    *,
    trust: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Trust file, got from elsewhere than the receipt.", **_FILE
        ),
    ] = None,
    rpc: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="RPC_URL",
            callback=web_address,
            help="JSON-RPC of a node of the chain.",
        ),
    ] = None,
    block: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[NUMBER:]HASH",
            help="Hash of a block that you trust, for a dossier; may be repeated.",
        ),
    ] = None,
    tsa: Annotated[
        list[Path] | None,
        typer.Option(
            "--tsa",
            metavar="FILE",
            help="Certificates (PEM) of a time-stamping authority that you trust, for a dossier; "
            "may be repeated.",
            **_FILE,
        ),
    ] = None,
    payload: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Payload (event, document) to compare; may be repeated.", **_FILE
        ),
    ] = None,
    payloads: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Folder of payloads, as `provenance receipt --payloads` makes it.",
            exists=True,
            file_okay=False,
        ),
    ] = None,
    ack: Annotated[
        list[Path] | None,
        typer.Option(
            "--ack",
            metavar="FILE",
            help="Acknowledgement that was given on submission; may be repeated.",
            **_FILE,
        ),
    ] = None,
    complete: Annotated[
        bool, typer.Option("--complete", help="UNKNOWN unless whole trails are given.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    timeout: Annotated[
        float,
        typer.Option(
            metavar="SECONDS", min=0.1, max=600, help="Seconds for each question to the chain."
        ),
    ] = 10.0,
) -> None:
    """Verify receipts, or a dossier: is this what was recorded, when, in the anchored log?

    Receipts given together are also checked against each other. A dossier is checked without a
    chain, given the hash of its closing anchor's block, or with --rpc. Exit code: 0 VALID, 1 INVALID,
    3 UNKNOWN (nothing is wrong, but something could not be checked), 4 malformed, 2 wrong usage.
    """
    if is_dossier(receipts):
        verify_dossier_file(
            receipts,
            trust=trust,
            blocks=block or (),
            authorities=tsa or (),
            rpc=rpc,
            as_json=as_json,
            patience=timeout,
        )
    for option, given, instead in (
        ("--block", block, "a receipt is checked with --rpc"),
        ("--tsa", tsa, "a receipt has no time stamps"),
    ):
        if given:
            _require_receipts(receipts)
            fail(f"{option} is for a dossier; {instead}", code=USAGE)
    from provenance.verify.service import ReceiptInput, match_payloads

    with reported():
        trusted = read_trust(trust) if trust is not None else None
        items = [
            ReceiptInput(data=read_bounded(path, limit=MAX_RECEIPT_BYTES), name=str(path))
            for path in receipts
        ]
        brought = [*(payload or ()), *_payload_files(payloads)]
        contents = {str(path): read_bounded(path, limit=MAX_PAYLOAD_BYTES) for path in brought}
        notes = [_read_note(path) for path in ack or ()]
        matched = match_payloads(items, contents)
        report = asyncio.run(
            _verify(matched.items, trusted, rpc, notes, complete=complete, patience=timeout)
        )
    code = _exit_code(report, matched.strays)
    if as_json:
        value = {**report.to_json(), "stray_payloads": list(matched.strays)}
        typer.echo(visible(json.dumps(value, indent=2, ensure_ascii=False)))
    else:
        advised = {item.name: receipt_advice(item.data) for item in items}
        said = {name: text for name, text in advised.items() if text is not None}
        print_set(report, strays=matched.strays, advice=said, code=code)
    raise typer.Exit(code)


def _require_receipts(paths: Sequence[Path]) -> None:
    """Fail where one of ``paths``, none of which is a dossier, is no receipt either."""
    for path in paths:
        with path.open("rb") as file:
            data = file.read(MAX_RECEIPT_BYTES + 1)
        try:
            Receipt.decode(data)
        except FormatError:
            said = receipt_advice(data)
            why = f": {said}" if said else ""
            fail(f"{path} is neither a dossier nor a receipt{why}", code=MALFORMED)


def _exit_code(report: "SetReport", strays: Sequence[str]) -> int:
    if report.outcome is Outcome.INVALID:
        return INVALID
    if report.malformed:
        return MALFORMED
    if strays:
        opened = all(item.receipt.payload is not None for item in report.receipts)
        return INVALID if opened else UNKNOWN
    return OF_OUTCOME[report.outcome]


async def _verify(
    items: Sequence["ReceiptInput"],
    trust: "TrustFile | None",
    rpc: str | None,
    notes: Sequence[str],
    *,
    complete: bool,
    patience: float,
) -> "SetReport":
    from provenance.verify.service import verify_receipts

    if rpc is None or trust is None:
        return await verify_receipts(
            items, trust=trust, facts=None, acknowledgements=notes, complete=complete
        )
    from provenance.verify.chain import ChainFactsReader

    async with ChainFactsReader(rpc, timeout=patience) as reader:
        return await verify_receipts(
            items, trust=trust, facts=reader, acknowledgements=notes, complete=complete
        )


def _payload_files(folder: Path | None) -> list[Path]:
    return sorted(folder.glob("payload-*")) if folder is not None else []


def _read_note(path: Path) -> str:
    from provenance.verify.promises import read_acknowledgement

    data = read_bounded(path, limit=MAX_NOTE_BYTES)
    try:
        note = data.decode()
        read_acknowledgement(note)
    except (FormatError, UnicodeDecodeError) as error:
        said = advice(data, instead_of=ACKNOWLEDGEMENT)
        reason = str(error) if isinstance(error, FormatError) else "not UTF-8"
        fail(f"{path} is not an acknowledgement: {said or reason}", code=MALFORMED)
    return note
