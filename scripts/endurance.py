"""A long time at a steady rate: is anything rising, and is the log clean afterwards?

Starts everything on a folder of its own, sends single events at ``--rate`` for ``--minutes``, and
compares memory, file handles and anchor lag of the first sixth of the time with the last. Then
the whole log is audited, by URL and by database. Exit code 1 if something rose or differs.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from figures.machine import this_machine  # noqa: E402  # path set above
from figures.service import Service, running_service  # noqa: E402
from figures.steadiness import Look, Steadiness, look, steadiness  # noqa: E402
from provenance.core.trustfile import TrustFile  # noqa: E402
from provenance.core.verdict import Outcome  # noqa: E402
from provenance.demo.bulk import bulk_events  # noqa: E402
from provenance.demo.events import CONTEXT  # noqa: E402
from provenance.verify.audit import AuditReport, audit_database, audit_url  # noqa: E402
from provenance.wiring.auditing import expected_records  # noqa: E402
from provenance.wiring.chain import file_keys  # noqa: E402
from provenance.wiring.sealing import open_vault  # noqa: E402

ROUND_S: Final = 10
"""Seconds of load that are made at once: a few thousand requests in memory."""
LOOK_S: Final = 5.0
CLIENTS: Final = 64


@dataclass(slots=True)
class Run:
    """What is sent and what is seen meanwhile."""

    service: Service
    minutes: float
    rate: int
    console: Console
    looks: list[Look] = field(default_factory=list)
    sent: int = 0
    seconds: float = 0.0

    async def load(self) -> None:
        """Send for as long as asked."""
        began = time.monotonic()
        watching = asyncio.create_task(self._watch(began))
        try:
            following = await asyncio.to_thread(self._requests, 0)
            number = 0
            while (elapsed := time.monotonic() - began) < 60 * self.minutes:
                requests, number = following, number + 1
                making = asyncio.create_task(asyncio.to_thread(self._requests, number))
                # A round that began late catches up, so that the rate holds over all of them.
                left = max(number * ROUND_S - elapsed, ROUND_S / 2)
                await self.service.send(
                    requests, clients=CLIENTS, expected=201, rate=len(requests) / left
                )
                following = await making
                self.sent += len(requests)
                self._tell(elapsed)
            self.seconds = time.monotonic() - began
        finally:
            watching.cancel()
            await asyncio.wait([watching])
        if not watching.cancelled():
            watching.result()

    async def _watch(self, began: float) -> None:
        url = self.service.metrics_url
        while True:
            at = time.monotonic() - began
            self.looks.append(await asyncio.to_thread(look, at, metrics_url=url))
            await asyncio.sleep(LOOK_S)

    def _requests(self, number: int) -> tuple[bytes, ...]:
        start = time.time_ns() // 1_000_000 - 3_600_000
        events = bulk_events(ROUND_S * self.rate, seed=number, start=start)
        return tuple(
            self.service.request(
                "POST", "/epcis/events", msgspec.json.encode({"@context": CONTEXT, **event})
            )
            for event in events
        )

    def _tell(self, elapsed: float) -> None:
        newest = self.looks[-1]
        shown = ", ".join(f"{part} {newest.memory[part]:.0f} MB" for part in newest.memory)
        self.console.print(
            f"{elapsed / 60:5.1f} min  {self.sent:,} events  {shown}  lag {newest.lag:.1f} s",
            highlight=False,
            style="dim",
        )


async def audits(service: Service) -> dict[str, AuditReport]:
    """Audit the whole log both ways."""
    settings = service.settings
    trust = TrustFile.decode((service.settings.data_dir / "trust.json").read_bytes())
    keys = file_keys(settings)
    return {
        "by URL": await audit_url(
            f"http://{service.host}:{service.port}",
            trust=trust,
            rpc_url=service.rpc_url,
            key=service.tokens["auditor"],
        ),
        "by database": await audit_database(
            service.conninfo,
            origin=settings.origin,
            trust=trust,
            rpc_url=service.rpc_url,
            expected_of=expected_records(settings, keys),
            sealed=open_vault(settings),
        ),
    }


async def endure(minutes: float, rate: int, console: Console) -> tuple[bool, dict[str, Any]]:
    """Run; whether all is well, and the result as JSON."""
    async with running_service(lambda _line: None) as service:
        run = Run(service, minutes=minutes, rate=rate, console=console)
        await run.load()
        size = await service.size()
        await service.wait_until_anchored(size)
        found = steadiness(run.looks)
        _show(console, found)
        reports = await audits(service)
    for how, report in reports.items():
        console.print(f"audit {how}: {report.outcome.value}, size {report.size}", highlight=False)
        for finding in report.findings:
            console.print(f"  {finding}", highlight=False)
    reached = run.sent / run.seconds
    console.print(f"{run.sent:,} events in {run.seconds:,.0f} s: {reached:.1f} a second")
    clean = all(report.outcome is Outcome.VALID for report in reports.values())
    steady = all(one.flat is not False for one in found)
    return clean and steady, {
        "minutes": minutes,
        "events": run.sent,
        "offered_per_second": rate,
        "reached_per_second": round(reached, 1),
        "entries": size,
        "steadiness": [asdict(one) for one in found],
        "audits": {how: report.to_json() for how, report in reports.items()},
        "looks": [one.to_json() for one in run.looks],
    }


def _show(console: Console, found: Sequence[Steadiness]) -> None:
    table = Table(title="First and last sixth of the time, medians", title_justify="left")
    for column in ("", "first", "last", "peak", ""):
        table.add_column(column, justify="left" if not column else "right")
    verdicts = {True: "flat", False: "[red]rises[/red]", None: ""}
    for one in found:
        numbers = (f"{value:,.1f} {one.unit}" for value in (one.first, one.last, one.peak))
        table.add_row(one.name, *numbers, verdicts[one.flat])
    console.print(table)


def main() -> None:
    """Run, print and write; exit code 1 if something is not as it should be."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=500, help="events a second")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "endurance.json")
    asked = parser.parse_args()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    console = Console(width=None if sys.stdout.isatty() else 120)
    machine = this_machine()
    console.print(f"{machine}\n", highlight=False)
    well, result = uvloop.run(endure(asked.minutes, asked.rate, console))
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    result["machine"] = machine.to_json()
    asked.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console.print(f"figures in {asked.output}", highlight=False)
    sys.exit(0 if well else 1)


if __name__ == "__main__":
    main()
