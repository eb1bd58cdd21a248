"""The demonstration: the main job from beginning to end, told as a readable transcript.

It plays four parts that share no code on purpose: a carrier that submits over HTTP, an insider
who changes the database behind the service's back, a claims officer, and a verifier who has
receipts or a dossier, a trust file and the chain. Each claim that it prints was checked; anything else ends it with a failure.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Final

import psycopg
from rich.console import Console
from rich.table import Table

from provenance.core.trustfile import TrustFile
from provenance.core.verdict import Outcome
from provenance.db.engine import database_url
from provenance.demo.claim import ClaimPlay
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

Auditor = Callable[[Addresses], Awaitable[Sequence[str]]]
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
    console.rule("[bold]A parcel's journey: recorded, anchored, verified, tampered with")
    async with Stack(settings, report=lambda line: console.print(f"   [dim]{line}[/dim]")) as stack:
        addresses = await stack.start()
        token = addresses.tokens["carrier"]
        async with (
            DemoClient(addresses.api_url, token=token) as client,
            DemoClient(addresses.api_url, token=addresses.tokens["claims"]) as officer,
        ):
            await client.wait_until_ready(seconds=_PATIENCE_S)
            play = _Play(client, addresses, console, audit)
            journey = await play.perform()
            claim = ClaimPlay(client, officer, addresses, console, play.act, first=7)
            await claim.perform(journey.held[-1], random=Random(secrets.randbits(48)))  # noqa: S311 - made-up papers
    _close(console, addresses, time.monotonic() - started)


class _Play:
    """The acts, in their order."""

    def __init__(
        self, client: DemoClient, addresses: Addresses, console: Console, audit: Auditor
    ) -> None:
        self._client = client
        self._addresses = addresses
        self._console = console
        self._audit = audit

    async def perform(self) -> Journey:
        """Play them; returns the journey that they were about."""
        journey, told = await self._capture()
        await self._wait_for_anchor(told)
        receipts = await self._verify_everything(told)
        await self._tamper(told, receipts)
        await self._audit_all()
        await self._show_timeline(journey)
        return journey

    def act(self, number: int, title: str, aside: str) -> None:
        """Print the title of an act."""
        self._console.print(f"\n[bold]{number}. {title}[/bold] ({aside})\n", highlight=False)

    async def _capture(self) -> tuple[Journey, list[_Told]]:
        self.act(1, "The carrier submits what happens", "EPCIS 2.0, over HTTP")
        start = time.time_ns() // 1_000_000 - 60 * _HOUR_MS
        journey = make_journey(seed=secrets.randbits(48), parcels=4, start=start)
        waybills = ", ".join(parcel.waybill for parcel in journey.parcels)
        self._console.print(f"   four parcels, waybills {waybills}\n", highlight=False)
        told: list[_Told] = []
        for stage in journey.stages:
            captured, note = await self._client.capture(stage.document(), stage.events)
            if not note:
                raise DemoError("a capture was not acknowledged")
            told += [
                _Told(stage.title, dict(event), place)
                for event, place in zip(stage.events, captured, strict=True)
            ]
            end = captured[-1].first_index + captured[-1].count
            self._console.print(
                f"   {stage.title:<32} entries {captured[0].first_index:>3} to {end - 1:>3}, "
                "acknowledged under signature",
                highlight=False,
            )
        return journey, told

    async def _wait_for_anchor(self, told: Sequence[_Told]) -> None:
        self.act(2, "The log's checkpoint is anchored on the chain", "once a second, if need be")
        end = max(item.captured.first_index + item.captured.count for item in told)
        began = time.monotonic()
        async with asyncio.timeout(_PATIENCE_S):
            size = await self._client.anchored_size()
            while size < end:
                await asyncio.sleep(0.05)
                size = await self._client.anchored_size()
        self._console.print(
            f"   the contract holds the root of the log at size {size}, "
            f"{time.monotonic() - began:.1f} s after the last event"
        )

    async def _verify_everything(self, told: Sequence[_Told]) -> list[ReceiptInput]:
        self.act(3, "A verifier checks every receipt", "trust file and chain, not the service")
        receipts: list[ReceiptInput] = []
        for item in told:
            payload = await self._client.payload(item.captured.first_index)
            receipts += [
                ReceiptInput(data=data, payload=payload, name=item.title)
                for data in await self._client.receipts(item.captured.first_index)
            ]
        report = await _settled(receipts, self._addresses)
        if report.outcome is not Outcome.VALID:
            raise DemoError(f"the receipts do not verify: {_faults(report)}")
        table = Table(box=None, pad_edge=False, show_header=False)
        for verdict in report.receipts[-1].report.verdicts:
            table.add_row(f"   {verdict.check}", verdict.outcome.value, verdict.reason)
        self._console.print(table)
        self._console.print(
            f"\n   {len(receipts)} receipts of {len(told)} events on {len(report.trails)} trails: "
            f"[green]VALID[/green]\n   ({report.qualification})"
        )
        return receipts

    async def _tamper(self, told: Sequence[_Told], receipts: Sequence[ReceiptInput]) -> None:
        self.act(4, "An insider alters a stored event", "in the database itself")
        target = next(item for item in told if item.title == "held by customs")
        original = await self._client.payload(target.captured.first_index)
        altered = original.replace(b'"unavailable"', b'"conformant"')
        if altered == original:
            raise DemoError("the event to be altered is not as expected")
        self._console.print('   the customs hold now reads as a release: "conformant"\n')
        first_index = target.captured.first_index
        async with _stored_instead(self._addresses, first_index, altered, original):
            served = await self._client.payload(target.captured.first_index)
            shown = [
                ReceiptInput(data=item.data, payload=served, name=item.name)
                for item in receipts
                if item.payload == original
            ]
            report = await _verify(shown, self._addresses)
            findings = await self._audit(self._addresses)
        if served != altered or report.outcome is not Outcome.INVALID:
            raise DemoError("the altered event was not found by its receipts")
        if not findings:
            raise DemoError("the altered event was not found by the audit")
        for item in report.receipts:
            verdict = item.report.verdict("content")
            self._console.print(
                f"   receipt {item.receipt.index}, {item.name}: "
                f"[red]{verdict.outcome.value}[/red], {verdict.reason}"
            )
        for finding in findings:
            self._console.print(f"   audit: [red]{finding}[/red]")

    async def _audit_all(self) -> None:
        self.act(5, "The event is put back, and the whole log audited", "by URL and by database")
        findings = await self._audit(self._addresses)
        if findings:
            raise DemoError(f"the audit is not clean: {'; '.join(findings)}")
        self._console.print(
            "   every entry, trail, tile, checkpoint and anchor: [green]clean[/green]"
        )

    async def _show_timeline(self, journey: Journey) -> None:
        waybill = journey.held[-1].waybill
        self.act(6, f"What a member sees of waybill {waybill}", "times in UTC")
        timeline = await self._client.timeline(waybill)
        table = Table(box=None, pad_edge=False)
        for title in ("   happened", "step", "disposition", "state", "entry"):
            table.add_column(title)
        for event in timeline["events"]:
            happened = datetime.fromtimestamp(event["event_time"] / 1000, tz=UTC)
            notes = [name for name in ("corrects", "corrected_by") if event.get(name)]
            table.add_row(
                f"   {happened:%d %b %H:%M}",
                " ".join([event.get("biz_step", event["type"]), *notes]).replace("_", " "),
                event.get("disposition", ""),
                event["state"],
                str(event["first_index"]),
            )
        self._console.print(table)


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


def _faults(report: SetReport) -> str:
    """Return the verdicts of a set that stand against it."""
    return "; ".join(
        f"receipt {item.receipt.index}, {verdict.check}: {verdict.reason}"
        for item in report.receipts
        if item.report.outcome is not Outcome.VALID
        for verdict in item.report.verdicts
        if verdict.outcome is not Outcome.VALID
    )


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


def _close(console: Console, addresses: Addresses, seconds: float) -> None:
    console.print(
        "\n[bold]What this shows, and what not.[/bold] It proves what was recorded and when, not "
        "that it is true, nor that all of reality was recorded. A submission that was refused "
        "leaves no trace. This chain runs on this machine alone: a demonstration, not evidence.\n"
    )
    console.print(
        f"   done in {seconds:.1f} s; the log stays in {addresses.trust_file.parent}\n"
        f"   look around: PROVENANCE_DATA={addresses.trust_file.parent.name} make run",
        highlight=False,
    )
