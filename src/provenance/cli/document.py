"""``provenance document``: adds documents, fetches and lists them, finds the codes of their types."""

import base64
import hashlib
import json
import mimetypes
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import unquote

import typer

from provenance.cli.exits import INVALID, MALFORMED, USAGE, fail, reported
from provenance.cli.files import read_bounded
from provenance.cli.remote import KEY_OPTION, URL_OPTION, Service, open_service, problem

if TYPE_CHECKING:
    import httpx

document = typer.Typer(help="Add, fetch and list documents.", no_args_is_help=True)

_PIECE: Final = 1 << 20
_UNKNOWN: Final = "application/octet-stream"
_MAX_DESCRIPTION: Final = 64 << 10

Subjects = Annotated[
    list[str], typer.Option(help="Parcel or waybill that it is about; may be repeated.")
]
Subject = Annotated[
    str | None, typer.Option(help="Parcel or waybill that it is about; some keys need it.")
]
Url = Annotated[str | None, URL_OPTION]
Key = Annotated[str | None, KEY_OPTION]
Patience = Annotated[
    float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for a busy service.")
]


@document.command()
def add(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    *,
    subject: Subjects,
    type_code: Annotated[
        str,
        typer.Option("--type", metavar="CODE", help="UNTDID 1001 code; see `document types`."),
    ],
    supersedes: Annotated[
        int | None,
        typer.Option(metavar="INDEX", min=0, help="Version that this one takes the place of."),
    ] = None,
    description: Annotated[
        Path | None,
        typer.Option(metavar="JSON", help="What it says, as data.", exists=True, dir_okay=False),
    ] = None,
    ack: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Keep the signed acknowledgement.", file_okay=False),
    ] = None,
    url: Url = None,
    key: Key = None,
    patience: Patience = 60.0,
) -> None:
    """Record a document; it is in the log, under a signed acknowledgement, when this returns.

    May be repeated: the same document about the same subjects gets the first answer.
    """
    query = {"subject": subject, "type": type_code, "filename": file.name}
    if supersedes is not None:
        query["supersedes"] = str(supersedes)
    with reported(), open_service(url, key, role="carrier", patience=patience) as service:
        digest = _hash(file)
        # What is wrong with the description is found before the document is in the log.
        said = None if description is None else _read_description(description, digest)
        recorded = _upload(service, file, query, digest)
        _tell(f"{file}", recorded, ack)
        if description is not None and said is not None:
            _describe(service, (description, said), recorded, subject=subject[0], ack=ack)


@document.command()
def get(
    index: Annotated[int, typer.Argument(metavar="INDEX", min=0, help="Its first entry.")],
    *,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Where to put it; else its own name, here.")
    ] = None,
    subject: Subject = None,
    url: Url = None,
    key: Key = None,
) -> None:
    """Fetch a document, byte for byte, and compare its hash; never replaces a file."""
    query = {} if subject is None else {"subject": subject}
    with (
        reported(),
        open_service(url, key, role="admin", patience=0) as service,
        service.receive(f"/v1/documents/{index}", params=query) as answer,
    ):
        if not answer.is_success:
            answer.read()
            fail(problem(answer))
        target = out if out is not None else _own_name(answer)
        size = _save(answer, target)
    typer.echo(f"{target}: {size} bytes")


@document.command("list")
def list_documents(
    subject: Annotated[str, typer.Argument(help="Parcel or waybill.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    url: Url = None,
    key: Key = None,
    patience: Patience = 60.0,
) -> None:
    """List the documents about a parcel or waybill, newest first."""
    with reported(), open_service(url, key, role="admin", patience=patience) as service:
        found = list(_pages(service, subject))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    for one in found:
        at = datetime.fromtimestamp(one["at"] / 1000, UTC).isoformat(timespec="seconds")
        name = one.get("filename") or one.get("media_type", "")
        kind = f"{one.get('type', '')} {one.get('type_name', '')}".strip()
        typer.echo(f"{one['first_index']:>8}  {at}  {one['state']:<10}  {kind}  {name}")


@document.command()
def types(
    query: Annotated[str, typer.Argument(help="A code, or words of a name.")],
) -> None:
    """Find document types of UNTDID 1001; nothing is asked but this program."""
    from provenance.intake.documents.types import search_types

    found = search_types(query)
    for one in found:
        typer.echo(f"{one.code:>4}  {one.name}")
    if not found:
        typer.echo("no type has a name with these words", err=True)
        raise typer.Exit(INVALID)


def _upload(service: Service, file: Path, query: dict[str, Any], digest: bytes) -> dict[str, Any]:
    guessed = mimetypes.guess_type(file.name)[0] or _UNKNOWN
    asked = json.dumps(query, sort_keys=True).encode()
    headers = {
        "content-type": guessed if _is_taken(guessed) else _UNKNOWN,
        "idempotency-key": hashlib.sha256(asked + digest).hexdigest(),
        "repr-digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
    }
    answer = service.ask(
        "POST", "/v1/documents", params=query, headers=headers, body=lambda: _pieces(file)
    )
    return _good(answer, file)


def _read_description(file: Path, digest: bytes) -> dict[str, Any]:
    """Read what a document says; ends with the fault where the service would refuse it."""
    from provenance.core.errors import FormatError
    from provenance.intake.documents.description import read_description

    try:
        said = json.loads(read_bounded(file, limit=_MAX_DESCRIPTION))
    except (ValueError, RecursionError) as error:
        fail(f"{file} is not JSON: {error}", code=MALFORMED)
    if not isinstance(said, dict):
        fail(f"{file} holds no JSON object", code=MALFORMED)
    # Which entry it will be is not known yet.
    place = {"first_index": 0, "sha256": digest.hex()}
    named = said.get("document")
    if isinstance(named, dict) and named.get("sha256", place["sha256"]) != place["sha256"]:
        fail(
            f"{file}: /document/sha256: is not that of the file; nothing was recorded",
            code=MALFORMED,
        )
    try:
        read_description(json.dumps({"v": 1} | said | {"document": place}).encode())
    except FormatError as error:
        fail(f"{file}: {error}; nothing was recorded", code=MALFORMED)
    return said


def _describe(
    service: Service,
    said: tuple[Path, dict[str, Any]],
    recorded: dict[str, Any],
    *,
    subject: str,
    ack: Path | None,
) -> None:
    file, members = said
    place = {"first_index": recorded["first_index"], "sha256": recorded["sha256"]}
    body = json.dumps({"v": 1} | members | {"document": place}).encode()
    answer = service.ask(
        "POST",
        f"/v1/documents/{recorded['first_index']}/description",
        params={"subject": subject},
        content=body,
        headers={
            "content-type": "application/json",
            "idempotency-key": hashlib.sha256(body).hexdigest(),
        },
    )
    _tell(f"{file}", _good(answer, file), ack)


def _tell(name: str, recorded: dict[str, Any], ack: Path | None) -> None:
    first, last = recorded["first_index"], recorded["first_index"] + recorded["count"] - 1
    again = ", the same as before" if recorded.get("repeated") else ""
    entries = f"entry {first}" if first == last else f"entries {first} to {last}"
    typer.echo(f"{name}: {entries}, SHA-256 {recorded['sha256']}{again}")
    if ack is not None and recorded.get("acknowledgement"):
        ack.mkdir(parents=True, exist_ok=True)
        (ack / f"document-{first}.ack").write_text(recorded["acknowledgement"], encoding="utf-8")


def _pages(service: Service, subject: str) -> Iterator[dict[str, Any]]:
    query = {"subject": subject}
    while True:
        answer = service.ask("GET", "/v1/documents", params=query)
        if not answer.is_success:
            fail(problem(answer))
        page = answer.json()
        yield from page["documents"]
        if "next" not in page:
            return
        query["nextPageToken"] = page["next"]


def _save(answer: "httpx.Response", target: Path) -> int:
    """Write the body to ``target``, which must not be there, and compare it with Repr-Digest."""
    if target.exists():
        fail(f"{target} is there already: name another file with --out", code=USAGE)
    part = target.with_name(f".{target.name}.{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with part.open("xb") as file:
            for data in answer.iter_bytes():
                digest.update(data)
                file.write(data)
            size = file.tell()
        announced = answer.headers["repr-digest"].removeprefix("sha-256=:").rstrip(":")
        if base64.b64encode(digest.digest()).decode() != announced:
            fail("what arrived has not the document's hash")
        part.rename(target)
    finally:
        part.unlink(missing_ok=True)
    return size


def _own_name(answer: "httpx.Response") -> Path:
    from provenance.core.errors import FormatError
    from provenance.intake.documents.names import check_filename

    _, _, name = answer.headers["content-disposition"].rpartition("filename*=UTF-8''")
    try:
        return Path(check_filename(unquote(name)))
    except FormatError:
        fail(f"its name {unquote(name)!a} is not taken for a file: name one with --out", code=USAGE)


def _is_taken(media_type: str) -> bool:
    from provenance.intake.documents.kinds import TAKEN

    return media_type in TAKEN


def _hash(file: Path) -> bytes:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").digest()


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as opened:
        while piece := opened.read(_PIECE):
            yield piece


def _good(answer: "httpx.Response", file: Path) -> dict[str, Any]:
    if not answer.is_success:
        typer.echo(f"{file}: refused: {problem(answer)}", err=True)
        raise typer.Exit(INVALID)
    value: dict[str, Any] = answer.json()
    return value
