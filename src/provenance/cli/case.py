"""``provenance case``: claims cases of a service."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from provenance.cli.case_telling import minute, told
from provenance.cli.exits import INVALID, MALFORMED, fail, reported
from provenance.cli.files import read_bounded
from provenance.cli.remote import KEY_OPTION, URL_OPTION, Service, open_service, problem

if TYPE_CHECKING:
    import httpx

MAX_BODY: Final = 128 << 10
"""What a service takes."""
_PATIENCE_S: Final = 60.0

case = typer.Typer(help="Open, change and read claims cases.", no_args_is_help=True)

_JSON = typer.Option("--json", help="Print the answer as JSON.")
_AUTHOR = typer.Option(metavar="NAME", help="Who does it.")


@case.command("open")
def open_case(
    claim: Annotated[
        str,
        typer.Argument(
            help="damage, partial_loss, total_loss, delay, customs_dispute or customs_delay_cover."
        ),
    ],
    shipments: Annotated[
        list[str], typer.Argument(metavar="SHIPMENT", help="Waybill numbers or identifiers.")
    ],
    *,
    claimant: Annotated[str, typer.Option(metavar="NAME", help="Who claims.")],
    more: Annotated[
        Path | None,
        typer.Option(
            "--with", metavar="FILE", help="JSON with further members: facts, amounts, zone …"
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Open it although nothing is recorded about a shipment.")
    ] = False,
    author: Annotated[str | None, _AUTHOR] = None,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Open a case; its first act is in the log when this returns.

    A waybill or parcel that nobody recorded anything about is refused, unless --yes is given: it
    may be misspelt, and a case cannot be moved to another shipment.
    """
    body = {
        **_members(more),
        "claim": claim,
        "shipments": shipments,
        "claimant": claimant,
        "expect_recorded": not yes,
    }
    headers = {"idempotency-key": os.urandom(16).hex()}
    with reported(), _service(url, key) as service:
        answer = service.ask("POST", "/v1/cases", json=_authored(body, author), headers=headers)
        _ask_for_yes(answer)
        _print_act(_value(answer), as_json=as_json)


@case.command("act")
def act_on_case(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="URN or its 32 hex digits.")],
    act: Annotated[str, typer.Argument(help="note_added, state_changed, evidence_linked …")],
    *,
    expect: Annotated[int, typer.Option(metavar="SEQ", help="The case's seq as you read it.")],
    note: Annotated[str | None, typer.Option(help="Text of a note.")] = None,
    to: Annotated[str | None, typer.Option(metavar="STATE", help="The new state.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why.")] = None,
    more: Annotated[
        Path | None,
        typer.Option("--with", metavar="FILE", help="JSON with the act's other members."),
    ] = None,
    author: Annotated[str | None, _AUTHOR] = None,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Do something with a case; may be repeated. Exit code 1 if it is refused."""
    given = {"note": note, "to": to, "reason": reason}
    body = {
        **_members(more),
        **{name: text for name, text in given.items() if text is not None},
        "act": act,
        "expected_seq": expect,
    }
    with reported(), _service(url, key) as service:
        answer = service.ask("POST", f"/v1/cases/{case_id}/acts", json=_authored(body, author))
        _print_act(_value(answer), as_json=as_json)


@case.command()
def show(
    case_id: Annotated[str, typer.Argument(metavar="CASE", help="URN or its 32 hex digits.")],
    *,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show a case with its checklist, clocks and cross-checks."""
    with reported(), _service(url, key) as service:
        found = _value(service.ask("GET", f"/v1/cases/{case_id}"))
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        for line in told(found):
            typer.echo(line)


@case.command("list")
def list_cases(
    *,
    shipment: Annotated[str | None, typer.Option(help="Waybill number or identifier.")] = None,
    state: Annotated[str | None, typer.Option(help="State of the case.")] = None,
    url: Annotated[str | None, URL_OPTION] = None,
    key: Annotated[str | None, KEY_OPTION] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """List cases, the one with the newest act first."""
    asked = {
        name: text for name, text in (("shipment", shipment), ("state", state)) if text is not None
    }
    found: list[dict[str, Any]] = []
    erased: list[dict[str, Any]] = []
    damaged: list[dict[str, Any]] = []
    token: str | None = None
    with reported(), _service(url, key) as service:
        while True:
            query = asked if token is None else {**asked, "nextPageToken": token}
            page = _value(service.ask("GET", "/v1/cases", params=query))
            found += page["cases"]
            erased += page.get("erased", ())
            damaged += page.get("unreadable", ())
            token = page.get("nextPageToken")
            if token is None:
                break
    if as_json:
        gone = [{**one, "state": "erased"} for one in erased]
        broken = [{**one, "state": "unreadable"} for one in damaged]
        typer.echo(json.dumps([*found, *gone, *broken], indent=2, ensure_ascii=False))
        return
    for one in found:
        hold = "  legal hold" if one.get("on_hold") else ""
        doubt = "  an act after this state was erased" if one.get("state_doubts") else ""
        typer.echo(
            f"{one['case']}  {one['state']:<10}  {one['claim']:<19}  {minute(one['changed_at'])}  "
            f"{one['claimant']}{hold}{doubt}"
        )
    for one in erased:
        when = (
            f" at {minute(one['erased_at'])}, {one['erased_ground']}" if "erased_at" in one else ""
        )
        typer.echo(f"{one['case']}  erased{when}")
    for one in damaged:
        typer.echo(f"{one['case']}  unreadable: {one['reason']}")


def _service(url: str | None, key: str | None) -> Service:
    return open_service(url, key, role="claims", patience=_PATIENCE_S)


def _members(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        value = json.loads(read_bounded(path, limit=MAX_BODY))
    except (ValueError, RecursionError):
        fail(f"{path} is not JSON", code=MALFORMED)
    if not isinstance(value, dict):
        fail(f"{path} is not a JSON object", code=MALFORMED)
    return value


def _authored(body: dict[str, Any], author: str | None) -> dict[str, Any]:
    return body if author is None else {**body, "author": author}


def _value(answer: "httpx.Response") -> dict[str, Any]:
    if not answer.is_success:
        fail(problem(answer), code=INVALID)
    value: dict[str, Any] = answer.json()
    return value


def _ask_for_yes(answer: "httpx.Response") -> None:
    """Refuse with this command's own remedy where nothing is recorded."""
    if answer.is_success:
        return
    value = answer.json() if "json" in answer.headers.get("content-type", "") else {}
    if value.get("code") == "nothing-recorded":
        told = value["detail"].partition(": name the waybill")[0]
        fail(
            f"{told}: is it spelled as it was recorded? `--yes` opens the case all the same",
            code=INVALID,
        )


def _print_act(value: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(value, indent=2))
        return
    again = ", the same as before" if value.get("repeated") else ""
    typer.echo(
        f"{value['case']}: {value['act']} at entry {value['first_index']}{again}; "
        f"{value['state']}, next act {value['seq']}"
    )
    for shipment in value.get("unrecorded", ()):
        typer.echo(f"note: nothing is recorded about {shipment}", err=True)
