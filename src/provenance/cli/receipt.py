"""``provenance receipt``: fetches receipts, and the payloads that they are about.

A record whose payload was erased, or is not for the key, keeps its receipt: what there is gets
written, and what there is not is said.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from provenance.cli.exits import USAGE, fail, reported
from provenance.cli.remote import KEY_OPTION, URL_OPTION, Service, open_service, problem
from provenance.cli.wording import counted

if TYPE_CHECKING:
    import httpx

_NONE_HERE: Final = frozenset({403, 404, 410})
"""What a payload that is not for the key, or was erased, is answered with."""


def receipt(
    *,
    subject: Annotated[
        str | None,
        typer.Option(help="Whole trail of a parcel or waybill, in any spelling."),
    ] = None,
    event: Annotated[str | None, typer.Option(metavar="ID", help="One event, by its id.")] = None,
    index: Annotated[
        int | None, typer.Option(min=0, help="One entry, by its index in the log.")
    ] = None,
    out: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Where to put the files.", file_okay=False)
    ] = Path(),
    payloads: Annotated[bool, typer.Option("--payloads", help="Fetch the payloads, too.")] = False,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    patience: Annotated[
        float, typer.Option(metavar="SECONDS", min=0, help="How long to wait for an anchor.")
    ] = 60.0,
) -> None:
    """Fetch receipts to files, as soon as they are anchored: entry-<index>.json.

    Verify them with `provenance verify`, with a trust file that you have from elsewhere.
    """
    if sum(choice is not None for choice in (subject, event, index)) != 1:
        fail("say which: one of --subject, --event and --index", code=USAGE)
    out.mkdir(parents=True, exist_ok=True)
    with reported(), open_service(url, key, role="admin", patience=patience) as service:
        if subject is not None:
            found = _trail(service, subject)
        elif event is not None:
            found = _event(service, event)
        else:
            found = {index or 0: None}
        for place in found:
            _fetch(service, place, subject, out)
        records = {record for record in found.values() if record is not None}
        missing = {
            record: why
            for record in (sorted(records) if payloads else ())
            if (why := _fetch_payload(service, record, subject, out)) is not None
        }
    typer.echo(f"{counted(len(found), 'receipt')} in {out.absolute()}")
    for record, why in missing.items():
        typer.echo(f"record {record} has no payload here: {why}")


def _trail(service: Service, subject: str) -> dict[int, int | None]:
    """Index and record of each entry of a subject's own trail."""
    path = f"/v1/shipments/{quote(subject, safe='')}/timeline"
    timeline = _good(service.ask("GET", path)).json()
    return {
        place["index"]: event["first_index"]
        for event in timeline["events"]
        for place in event["places"]
        if place["subject"] == timeline["subject"]
    }


def _event(service: Service, event: str) -> dict[int, int | None]:
    answer = _good(service.ask("GET", f"/epcis/events/{quote(event, safe='')}"))
    first = int(answer.headers["provenance-first-index"])
    count = int(answer.headers["provenance-entries"])
    return dict.fromkeys(range(first, first + count), first)


def _fetch(service: Service, index: int, subject: str | None, out: Path) -> None:
    named = {"subject": subject} if subject is not None else {}
    answer = _good(service.ask("GET", f"/v1/receipts/{index}", params=named))
    (out / f"entry-{index}.json").write_bytes(answer.content)


def _fetch_payload(service: Service, record: int, subject: str | None, out: Path) -> str | None:
    """Write a payload; returns why there is none."""
    named = {"subject": subject} if subject is not None else {}
    target = out / f"payload-{record}"
    part = out / f".{target.name}.part"
    with service.receive(f"/v1/records/{record}/payload", params=named) as answer:
        if not answer.is_success:
            answer.read()
            if answer.status_code in _NONE_HERE:
                return problem(answer)
            fail(problem(answer))
        # A document may be larger than memory.
        with part.open("wb") as file:
            for data in answer.iter_bytes():
                file.write(data)
    part.replace(target)
    return None


def _good(answer: "httpx.Response") -> "httpx.Response":
    if not answer.is_success:
        fail(problem(answer))
    return answer
