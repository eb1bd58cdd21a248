"""``provenance erase``: erases records, shows what would go, and follows it until nothing is left."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from provenance.cli.exits import INVALID, MALFORMED, fail, reported
from provenance.cli.files import read_bounded
from provenance.cli.remote import KEY_OPTION, URL_OPTION, Service, open_service, problem

erase = typer.Typer(
    help="Erase what was recorded; other proofs still verify.", no_args_is_help=True
)

MAX_FILE: Final = 1 << 20
_AT_ONCE: Final = 1_000
"""Records of one request, as the service takes them."""
_PATIENCE_S: Final = 60.0

Ground = Annotated[
    str,
    typer.Option(
        metavar="GROUND",
        help="data_subject_request, consent_withdrawn, objection, unlawful_processing, "
        "legal_obligation, no_longer_necessary or retention_ended.",
    ),
]
Author = Annotated[str, typer.Option(metavar="NAME", help="Who orders it.")]
Note = Annotated[
    str | None, typer.Option(help="Where the request is kept; kept sealed, names nobody.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would go; change nothing.")]
Url = Annotated[str | None, URL_OPTION]
Key = Annotated[str | None, KEY_OPTION]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]
Index = Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Any of its entries.")]


@erase.command("document")
def erase_document(
    index: Index,
    *,
    ground: Ground,
    author: Author,
    note: Note = None,
    keep_descriptions: Annotated[
        bool, typer.Option("--keep-descriptions", help="Leave what describes it.")
    ] = False,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Erase one document, and what describes it."""
    asked = {
        "records": [index],
        "kind": "document",
        "with_descriptions": not keep_descriptions,
        **_reason(ground, author, note, dry_run=dry_run),
    }
    _erase([asked], url, key, as_json=as_json)


@erase.command("event")
def erase_event(
    index: Index,
    *,
    ground: Ground,
    author: Author,
    note: Note = None,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Erase one event, for all parcels that it names."""
    reason = _reason(ground, author, note, dry_run=dry_run)
    _erase([{"records": [index], "kind": "event", **reason}], url, key, as_json=as_json)


@erase.command("act")
def erase_act(
    index: Index,
    *,
    ground: Ground,
    author: Author,
    note: Note = None,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Erase one act of a claims case, as a note; without its opening a case is erased."""
    reason = _reason(ground, author, note, dry_run=dry_run)
    _erase([{"records": [index], "kind": "case", **reason}], url, key, as_json=as_json)


@erase.command("subject")
def erase_subject(
    subject: Annotated[str, typer.Argument(help="Parcel, waybill or case.")],
    *,
    ground: Ground,
    author: Author,
    note: Note = None,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Erase everything that is recorded about a parcel, waybill or case."""
    reason = _reason(ground, author, note, dry_run=dry_run)
    _erase([{"subjects": [subject], **reason}], url, key, as_json=as_json)


@erase.command("file")
def erase_file(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="One index of a record on each line; # begins a comment.",
        ),
    ],
    *,
    ground: Ground,
    author: Author,
    note: Note = None,
    dry_run: DryRun = False,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Erase every record of a request file; may be repeated after it was cut off."""
    reason = _reason(ground, author, note, dry_run=dry_run)
    indexes = list(_indexes(file))
    parts = [indexes[at : at + _AT_ONCE] for at in range(0, len(indexes), _AT_ONCE)]
    _erase([{"records": part, **reason} for part in parts], url, key, as_json=as_json)


@erase.command("due")
def list_due(*, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """List records whose retention has ended: what the daily pass erases next."""
    with reported(), _service(url, key) as service:
        answer = service.ask("GET", "/v1/erasures/due")
        if not answer.is_success:
            fail(problem(answer), code=INVALID)
        found = answer.json()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    _tell_answer({"erased": found["records"], "kept": [], "erasures": []}, dry_run=True)
    if not found["is_complete"]:
        typer.echo("there are more")


@erase.command("list")
def list_erasures(*, url: Url = None, key: Key = None, as_json: AsJson = False) -> None:
    """List erasures, newest first, with what is left of each."""
    with reported(), _service(url, key) as service:
        found = list(_pages(service))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for one in found:
        _tell(one)


@erase.command("show")
def show_erasure(
    erasure: Annotated[str, typer.Argument(metavar="ID", help="32 hex digits.")],
    *,
    url: Url = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Show how far an erasure is; exit code 1 while something is left."""
    with reported(), _service(url, key) as service:
        answer = service.ask("GET", f"/v1/erasures/{erasure}")
        if not answer.is_success:
            fail(problem(answer), code=INVALID)
        found = answer.json()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    else:
        _tell(found)
    if found["state"] not in {"purged", "withdrawn"}:
        raise typer.Exit(INVALID)


def _erase(
    requests: list[dict[str, Any]], url: str | None, key: str | None, *, as_json: bool
) -> None:
    refused = False
    with reported(), _service(url, key) as service:
        for asked in requests:
            answer = service.ask("POST", "/v1/erasures", json=asked)
            if not answer.is_success:
                typer.echo(f"error: {problem(answer)}", err=True)
                refused = True
                continue
            if as_json:
                typer.echo(json.dumps(answer.json(), indent=2))
            else:
                _tell_answer(answer.json(), dry_run=asked["dry_run"])
    if refused:
        raise typer.Exit(INVALID)


def _reason(ground: str, author: str, note: str | None, *, dry_run: bool) -> dict[str, Any]:
    reason = {"ground": ground, "author": author, "dry_run": dry_run}
    return reason if note is None else {**reason, "note": note}


def _indexes(file: Path) -> Iterator[int]:
    try:
        text = read_bounded(file, limit=MAX_FILE).decode("utf-8")
    except UnicodeDecodeError:
        fail(f"{file} is not UTF-8", code=MALFORMED)
    for number, line in enumerate(text.splitlines(), start=1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        if not word.isascii() or not word.isdecimal() or len(word) > 16:
            fail(f"{file}, line {number}: is not the index of a record", code=MALFORMED)
        yield int(word)


def _pages(service: Service) -> Iterator[dict[str, Any]]:
    query: dict[str, str] = {}
    while True:
        answer = service.ask("GET", "/v1/erasures", params=query)
        if not answer.is_success:
            fail(problem(answer), code=INVALID)
        page = answer.json()
        yield from page["erasures"]
        if "nextPageToken" not in page:
            return
        query = {"nextPageToken": page["nextPageToken"]}


def _tell_answer(answer: dict[str, Any], *, dry_run: bool) -> None:
    for one in answer["erased"]:
        kind = f"{one['kind']} {one.get('type', '')}".strip()
        about = f"about {one['subjects']}" if one["subjects"] > 1 else ""
        goes = "would go" if dry_run else "erased"
        typer.echo(f"{goes:<8}  record {one['first_index']}  {_time(one['at'])}  {kind}  {about}")
    for one in answer["kept"]:
        typer.echo(f"kept      record {one['first_index']}: {one['reason']}")
    for one in answer["erasures"]:
        _tell(one)
    for warning in answer.get("warnings", ()):
        typer.echo(f"warning: {warning}")


def _tell(one: dict[str, Any]) -> None:
    entry = f"entry {one['first_index']}" if "first_index" in one else "not in the log yet"
    typer.echo(
        f"{one['id']}  {one['state']:<9}  {_time(one['at'])}  {one['ground']}  "
        f"{one['entries']} entries  {entry}"
    )
    for what in one.get("left", ()):
        typer.echo(f"    left: {what}")


def _service(url: str | None, key: str | None) -> Service:
    return open_service(url, key, role="admin", patience=_PATIENCE_S)


def _time(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, tz=UTC):%Y-%m-%d %H:%M}Z"
