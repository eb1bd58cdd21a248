"""The demonstration: the main job from beginning to end, told as a readable transcript.

It plays three parts that share no code on purpose: a carrier that submits over HTTP, an insider
who changes the database behind the service's back, and a verifier who has receipts, a trust file
and the chain. Each claim that it prints was checked; anything else ends it with a failure.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg
from rich.console import Console
from rich.table import Table

from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.db.engine import database_url
from provenance.demo.client import Captured, DemoClient, DemoError
from provenance.demo.journey import Journey, make_journey
from provenance.launch.stack import Addresses, Stack
from provenance.settings import Settings
from provenance.verify.chain import ChainFactsReader
from provenance.verify.service import ReceiptInput, verify_receipts
from provenance.verify.sets import SetReport

FOLDER: Final = Path(".provenance-demo")
"""The demonstration's own data folder: it alters a stored event, which is for no real log."""

_PATIENCE_S: Final = 60.0
_HOUR_MS: Final = 3_600_000

Auditor = Callable[[Addresses, str], Awaitable[Sequence[str]]]
"""Audits the log by URL and by database; returns findings, none if it is clean."""


@dataclass(frozen=True, slots=True)
class _Told:
    """One event of the journey with where it went."""

    title: str
    event: dict[str, object]
    captured: Captured


async def demonstrate(settings: Settings, *, console: Console, audit: Auditor) -> None:
    """Run the demonstration on its own data folder.

    Raises:
        DemoError: something is not as it should be.
        ProvenanceError: a part could not be started.

    """
    started = time.monotonic()
    console.rule("[bold]A parcel's journey, recorded, anchored, verified, tampered with")
    say = console.print
    async with Stack(settings, report=lambda line: say(f"  [dim]{line}[/dim]")) as stack:
        addresses = await stack.start()
        token = _token(addresses, "admin")
        async with DemoClient(addresses.api_url, token=token) as client:
            await client.wait_until_ready(seconds=_PATIENCE_S)
            journey, told = await _capture(client, console)
            await _wait_for_anchor(client, told, console)
            receipts = await _verify_everything(client, told, addresses, console)
            await _tamper(client, told, receipts, addresses, console, audit, token)
            await _audit(addresses, console, audit, token)
            await _show_timeline(client, journey, console)
    _close(console, addresses, time.monotonic() - started)


async def _capture(client: DemoClient, console: Console) -> tuple[Journey, list[_Told]]:
    console.print("\n[bold]1. The carrier submits what happens[/bold] (EPCIS 2.0, over HTTP)\n")
    start = time.time_ns() // 1_000_000 - 60 * _HOUR_MS
    journey = make_journey(seed=secrets.randbits(48), parcels=2, start=start)
    console.print(
        f"   two parcels, waybills {', '.join(parcel.waybill for parcel in journey.parcels)}\n"
    )
    told: list[_Told] = []
    for stage in journey.stages:
        captured, acknowledgement = await client.capture(stage.document(), stage.events)
        told += [
            _Told(stage.title, dict(event), place)
            for event, place in zip(stage.events, captured, strict=True)
        ]
        first, last = captured[0].first_index, captured[-1].first_index + captured[-1].count - 1
        console.print(f"   {stage.title:<32} entries {first} to {last}, acknowledged and signed")
        if not acknowledgement:
            raise DemoError("a capture was not acknowledged")
    return journey, told


async def _wait_for_anchor(client: DemoClient, told: Sequence[_Told], console: Console) -> None:
    console.print("\n[bold]2. The log's checkpoint is anchored on the chain[/bold]\n")
    end = max(item.captured.first_index + item.captured.count for item in told)
    waited = time.monotonic()
    async with asyncio.timeout(_PATIENCE_S):
        while (size := await client.anchored_size()) < end:
            await asyncio.sleep(0.1)
    console.print(
        f"   the contract holds the root of the log at size {size}, "
        f"{time.monotonic() - waited:.1f} s after the last event"
    )


async def _verify_everything(
    client: DemoClient, told: Sequence[_Told], addresses: Addresses, console: Console
) -> list[ReceiptInput]:
    console.print(
        "\n[bold]3. A verifier checks every receipt[/bold] "
        "(with a trust file and the chain, nothing of the service)\n"
    )
    receipts: list[ReceiptInput] = []
    for item in told:
        payload = await client.event(item.captured.event_id)
        receipts += [
            ReceiptInput(data=data, payload=payload, name=item.title)
            for data in await client.receipts(item.captured.first_index)
        ]
    report = await _settled(receipts, addresses)
    if report.outcome is not Outcome.VALID:
        raise DemoError(f"the receipts do not verify: {report.to_json()}")
    table = Table("check", "what it says of one of them", box=None, pad_edge=False)
    for verdict in report.receipts[-1].report.verdicts:
        table.add_row(f"   {verdict.check}", f"{verdict.outcome.value}: {verdict.reason}")
    console.print(table)
    console.print(
        f"\n   {len(receipts)} receipts of {len(told)} events, {len(report.trails)} trails: "
        f"[green]VALID[/green], {report.qualification}"
    )
    return receipts


async def _tamper(
    client: DemoClient,
    told: Sequence[_Told],
    receipts: Sequence[ReceiptInput],
    addresses: Addresses,
    console: Console,
    audit: Auditor,
    token: str,
) -> None:
    console.print("\n[bold]4. An insider alters a stored event[/bold] (in the database itself)\n")
    target = next(item for item in told if item.title == "held by customs")
    original = await client.event(target.captured.event_id)
    altered = original.replace(b'"unavailable"', b'"conformant"')
    if altered == original:
        raise DemoError("the event to be altered is not as expected")
    console.print('   the customs hold is made to look like a release: disposition "conformant"')
    async with _stored_instead(addresses, target.captured.first_index, altered, original):
        served = await client.event(target.captured.event_id)
        mine = [item for item in receipts if item.payload == original]
        shown = [ReceiptInput(data=item.data, payload=served, name=item.name) for item in mine]
        report = await _verify(shown, addresses)
        findings = await audit(addresses, token)
    if served != altered or report.outcome is not Outcome.INVALID:
        raise DemoError("the altered event was not found")
    verdict = report.receipts[0].report.verdict("content")
    console.print(
        f"   [red]{verdict.outcome.value}[/red] {report.receipts[0].name}: {verdict.reason}"
    )
    if not findings:
        raise DemoError("the audit did not find the altered event")
    for finding in findings:
        console.print(f"   [red]audit[/red] {finding}")


class _stored_instead:  # noqa: N801 - reads as a context manager
    """Stores ``altered`` in place of a record's payload, and puts ``original`` back."""

    def __init__(
        self, addresses: Addresses, first_index: int, altered: bytes, original: bytes
    ) -> None:
        self._addresses = addresses
        self._first_index = first_index
        self._altered = altered
        self._original = original

    async def __aenter__(self) -> None:
        await self._store(self._altered)

    async def __aexit__(self, *_: object) -> None:
        await self._store(self._original)

    async def _store(self, payload: bytes) -> None:
        url = database_url(self._addresses.settings.database_url or "").set(drivername="postgresql")
        dsn = url.render_as_string(hide_password=False)
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            done = await connection.execute(
                "UPDATE records SET payload = %s WHERE first_index = %s",
                (payload, self._first_index),
            )
            if done.rowcount != 1:
                raise DemoError(f"record {self._first_index} was not found in the database")


async def _audit(addresses: Addresses, console: Console, audit: Auditor, token: str) -> None:
    console.print("\n[bold]5. The event is put back, and the whole log audited[/bold]\n")
    findings = await audit(addresses, token)
    if findings:
        raise DemoError(f"the audit is not clean: {'; '.join(findings)}")
    console.print("   every entry, trail, tile, checkpoint and anchor: [green]clean[/green]")


async def _show_timeline(client: DemoClient, journey: Journey, console: Console) -> None:
    waybill = journey.held[0].waybill
    console.print(f"\n[bold]6. What a member sees[/bold] of waybill {waybill}\n")
    timeline = await client.timeline(waybill)
    table = Table("   happened", "step", "state", "entry", box=None, pad_edge=False)
    for event in timeline["events"]:
        note = " (corrected)" if event.get("corrected_by") else ""
        table.add_row(
            f"   {event['event_time']}",
            f"{event.get('biz_step') or event['event_type']}{note}",
            event["state"],
            str(event["first_index"]),
        )
    console.print(table)


async def _settled(receipts: Sequence[ReceiptInput], addresses: Addresses) -> SetReport:
    """Verify, again while anchors are merely on their way to finality."""
    async with asyncio.timeout(_PATIENCE_S):
        while True:
            report = await _verify(receipts, addresses)
            if report.outcome is not Outcome.UNKNOWN:
                return report
            await asyncio.sleep(0.2)


async def _verify(receipts: Sequence[ReceiptInput], addresses: Addresses) -> SetReport:
    trust = TrustFile.decode(addresses.trust_file.read_bytes())
    async with ChainFactsReader(addresses.rpc_url) as reader:
        return await verify_receipts(receipts, trust=trust, facts=reader)


def _token(addresses: Addresses, role: str) -> str:
    return addresses.tokens[role]


def _close(console: Console, addresses: Addresses, seconds: float) -> None:
    console.print(
        "\n[bold]What this shows, and what not.[/bold] It proves what was recorded and when, not "
        "that it is true, nor that\nall of reality was recorded. A submission that was refused "
        "leaves no trace. This chain runs on this\nmachine alone: a demonstration, not evidence.\n"
    )
    console.print(
        f"   done in {seconds:.1f} s; the log stays in {addresses.trust_file.parent}\n"
        f"   look around: PROVENANCE_DATA={addresses.trust_file.parent.name} make run",
        highlight=False,
    )
