"""``provenance capture``: submits EPCIS files to a service."""

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from provenance.cli.exits import INVALID, reported
from provenance.cli.files import read_bounded
from provenance.cli.remote import KEY_OPTION, URL_OPTION, Service, open_service, problem
from provenance.cli.wording import counted

if TYPE_CHECKING:
    import httpx

MAX_DOCUMENT_BYTES: Final = 64 << 20
"""More than a service takes by default; it says its own limit."""


def capture(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE", help="EPCIS 2.0 documents or events.", exists=True, dir_okay=False
        ),
    ],
    *,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    proceed: Annotated[
        bool, typer.Option("--proceed", help="Take a document's good events, leave the bad ones.")
    ] = False,
    acks: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Keep the signed acknowledgements here.", file_okay=False
        ),
    ] = None,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a busy service.")
    ] = 60.0,
) -> None:
    """Submit EPCIS files; each is in the log, under a signed acknowledgement, when this returns.

    May be repeated: what is there already gets its first answer. Exit code 1 if any was refused.
    """
    from rich.progress import track

    if acks is not None:
        acks.mkdir(parents=True, exist_ok=True)
    refused = events = 0
    with reported(), open_service(url, key, role="carrier", patience=patience) as service:
        for path in track(files, description="capturing", disable=len(files) < 2):
            answer = _submit(service, read_bounded(path, limit=MAX_DOCUMENT_BYTES), proceed)
            if answer.is_success:
                events += _accepted(path, answer, acks)
            else:
                refused += 1
                typer.echo(f"{path}: refused: {problem(answer)}", err=True)
    typer.echo(f"in the log: {counted(events, 'event')} of {counted(len(files) - refused, 'file')}")
    if refused:
        typer.echo(f"refused: {counted(refused, 'file')}", err=True)
        raise typer.Exit(INVALID)


def _submit(service: Service, data: bytes, proceed: bool) -> "httpx.Response":
    behaviour = "proceed" if proceed else "rollback"
    headers = {
        "content-type": "application/ld+json",
        "idempotency-key": sha256(behaviour.encode() + data).hexdigest(),
        "gs1-capture-error-behaviour": behaviour,
    }
    path = "/epcis/capture" if _is_document(data) else "/epcis/events"
    return service.ask("POST", path, content=data, headers=headers)


def _is_document(data: bytes) -> bool:
    """Whether it is a document; what is not even JSON is left for the service to refuse."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return True
    return not isinstance(value, dict) or "eventTime" not in value


def _accepted(path: Path, answer: "httpx.Response", acks: Path | None) -> int:
    value = answer.json()
    note = value.get("acknowledgement")
    if note and acks is not None:
        (acks / f"{path.stem}-{value['first_index']}.ack").write_text(note, encoding="utf-8")
    is_known = value.get("repeated") or "idempotency-replayed" in answer.headers
    again = ", the same as before" if is_known else ""
    if value["count"]:
        last = value["first_index"] + value["count"] - 1
        typer.echo(f"{path}: entries {value['first_index']} to {last}{again}")
    for fault in value.get("errors", ()):
        typer.echo(f"{path}: left out {fault.get('pointer', '')}: {fault['detail']}", err=True)
    return len(value["events"]) if "events" in value else 1
