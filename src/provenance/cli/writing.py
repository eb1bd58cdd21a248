"""``provenance dossier``: writes a case or a shipment to one file.

The file appears whole or not at all: what arrives is written beside it, and its listing compared,
before it gets its name.
"""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from provenance.cli.exits import INVALID, USAGE, fail, reported
from provenance.cli.remote import (
    KEY_OPTION,
    URL_OPTION,
    Service,
    open_service,
    pause_of,
    problem,
)

if TYPE_CHECKING:
    import httpx
    from rich.progress import Progress

dossier = typer.Typer(help="Write dossiers.", no_args_is_help=True)

LINES: Final = "application/vnd.provenance.dossier+lines"
"""What the service is asked for: lines that tell how far it has come, then the file."""
_MAX_LINE: Final = 1 << 20


@dossier.callback()
def _dossier() -> None:
    pass


@dossier.command()
def write(
    *,
    out: Annotated[Path, typer.Option(metavar="FILE", help="The file; must not be there yet.")],
    case: Annotated[
        str | None, typer.Option(metavar="CASE", help="A claims case: URN or its 32 hex digits.")
    ] = None,
    shipment: Annotated[
        str | None, typer.Option(metavar="SHIPMENT", help="A waybill number or an identifier.")
    ] = None,
    record: Annotated[
        list[int] | None,
        typer.Option(metavar="INDEX", min=0, help="Show only this record; may be repeated."),
    ] = None,
    statement: Annotated[
        list[int] | None,
        typer.Option(metavar="INDEX", min=0, help="Show only what this record is."),
    ] = None,
    field: Annotated[
        list[str] | None,
        typer.Option(metavar="INDEX:/POINTER", help="Show only this field of this event."),
    ] = None,
    with_case: Annotated[
        bool,
        typer.Option("--with-case", help="Beside what is chosen, show the case and its report."),
    ] = False,
    with_cases: Annotated[
        bool,
        typer.Option("--with-cases", help="Of a shipment: show what was said in its claims, too."),
    ] = False,
    wait: Annotated[
        float,
        typer.Option(metavar="SECONDS", min=0, help="How long to wait for anchors."),
    ] = 0.0,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
) -> None:
    """Write a dossier: one file that proves a case or a shipment without the service.

    Verify it with `provenance verify FILE`, a trust file and a block hash from elsewhere. Where
    records, statements or fields are chosen, all others stand in their place as withheld. What was
    said in other claims stands there as withheld, too: a dossier is handed on.
    """
    if (case is None) == (shipment is None):
        fail("say of what: --case or --shipment", code=USAGE)
    if case is not None and with_cases:
        fail("--with-cases is for a shipment; name another case's act with --record", code=USAGE)
    if out.exists():
        fail(f"{out} is there already: name another file", code=USAGE)
    thing = f"cases/{case}" if case is not None else f"shipments/{quote(shipment or '', safe='')}"
    only = _only(record or [], statement or [], field or [], with_case)
    body: dict[str, Any] = {} if only is None else {"only": only}
    if with_cases:
        body["cases"] = True
    with (
        reported(),
        open_service(url, key, role="claims", patience=wait) as service,
        _part(out) as file,
    ):
        _fetch(service, f"/v1/{thing}/dossier", body, file, wait)
        told = _told(file)
    typer.echo(f"{out}: {told}")


def _only(
    records: list[int], statements: list[int], fields: list[str], with_case: bool
) -> dict[str, Any] | None:
    if not (records or statements or fields or with_case):
        return None
    chosen: dict[int, list[str]] = {}
    for text in fields:
        index, colon, pointer = text.partition(":")
        if not colon or not index.isdecimal() or not pointer.startswith("/"):
            fail(f"--field is INDEX:/POINTER, as in 12:/bizStep; not {text!r}", code=USAGE)
        chosen.setdefault(int(index), []).append(pointer)
    return {
        "records": records,
        "statements": statements,
        "fields": [
            {"first_index": index, "pointers": pointers} for index, pointers in chosen.items()
        ],
        "case": with_case,
    }


@contextmanager
def _part(out: Path) -> Iterator[IO[bytes]]:
    """File beside ``out`` that takes its name once it is whole and durable."""
    part = out.with_name(f".{out.name}.{os.getpid()}")
    try:
        with part.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.rename(out)
    finally:
        part.unlink(missing_ok=True)


def _fetch(service: Service, path: str, body: dict[str, Any], file: IO[bytes], wait: float) -> None:
    """Write the dossier to ``file``; asks again while it is told to, for ``wait`` seconds."""
    deadline = time.monotonic() + wait
    with _progress() as progress:
        while True:
            with service.receive(
                path, method="POST", json=body, headers={"accept": LINES}
            ) as answer:
                refused = _receive(answer, file, progress) if answer.is_success else answer
                if refused is None:
                    return
                refused.read()
                pause = pause_of(refused)
                if pause is None or time.monotonic() + pause > deadline:
                    hint = "" if pause is None else f" (--wait {max(60, int(2 * wait))} waits)"
                    fail(f"{problem(refused)}{hint}", code=INVALID)
            with _task(progress, "waiting for an anchor", None):
                time.sleep(pause)


def _receive(
    answer: "httpx.Response", file: IO[bytes], progress: "Progress"
) -> "httpx.Response | None":
    """Write what comes; returns the refusal that came in its place, if one did."""
    pieces = answer.iter_bytes()
    rest = b""
    task = progress.add_task("asking", total=None)
    while True:
        line, rest = _line(pieces, rest)
        if "doing" not in line:
            break
        progress.update(
            task, description=line["doing"], completed=line["done"], total=line["total"]
        )
    if "size" not in line:
        progress.remove_task(task)
        return _refusal(line)
    size, done = line["size"], 0
    progress.update(task, description="receiving", completed=0, total=size)
    for piece in _chained(rest, pieces):
        file.write(piece)
        done += len(piece)
        progress.update(task, completed=done)
    if done != size:
        fail(f"{done} of {size} bytes arrived: write it again")
    return None


def _refusal(line: dict[str, Any]) -> "httpx.Response":
    """The answer that it would have been, had it been known at the beginning."""
    import httpx

    return httpx.Response(line["status"], headers=line["headers"], json=line["problem"])


def _chained(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first
    yield from rest


def _line(pieces: Iterator[bytes], rest: bytes) -> tuple[dict[str, Any], bytes]:
    while b"\n" not in rest:
        piece = next(pieces, None)
        if piece is None or len(rest) > _MAX_LINE:
            fail("the service stopped before the dossier was whole: write it again")
        rest += piece
    line, _, rest = rest.partition(b"\n")
    value: dict[str, Any] = json.loads(line)
    return value, rest


def _progress() -> "Progress":
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description:<24}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        # The answer is for standard output; a bar is for whoever watches.
        console=Console(stderr=True),
        transient=True,
    )


@contextmanager
def _task(progress: "Progress", description: str, total: float | None) -> Iterator[None]:
    task = progress.add_task(description, total=total)
    try:
        yield
    finally:
        with suppress(KeyError):
            progress.remove_task(task)


def _told(file: IO[bytes]) -> str:
    """What the dossier is, read back from what arrived; its listing has been compared then."""
    from provenance.verify.dossier.closing import MAX_CLOSING, Closing
    from provenance.verify.dossier.container import Container
    from provenance.verify.dossier.manifest import (
        FIXED_NAMES,
        MANIFEST,
        MAX_MANIFEST,
        Manifest,
    )

    container = Container(file)
    manifest = Manifest.decode(container.read(container.member(MANIFEST), limit=MAX_MANIFEST))
    closing = Closing.decode(
        container.read(container.member(FIXED_NAMES["closing"]), limit=MAX_CLOSING)
    )
    documents = [one for one in manifest.files if one.role == "document"]
    hidden = sum(one.state is not None for one in documents)
    said = f", {hidden} of them withheld or erased" if hidden else ""
    return (
        f"{_counted(len(documents), 'document')}{said}, "
        f"{_counted(len(manifest.subjects), 'whole trail')}, closed by block "
        f"{closing.anchor.block_number}"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
