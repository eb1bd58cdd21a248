"""Measure the product against baselines of the same run; print tables and write JSON.

``--quick`` takes less than a minute and shows that everything works; its figures mean little.
Without it the run takes some minutes. Other work on the machine slows both sides of a ratio, but
not equally: measure on a machine that is idle.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
import uvloop
from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from figures.capture import Capture  # noqa: E402  # path set above
from figures.delay import delay_figures  # noqa: E402
from figures.documents import document_figures  # noqa: E402
from figures.dossiers import dossier_figures  # noqa: E402
from figures.gas import gas_figures  # noqa: E402
from figures.machine import this_machine  # noqa: E402
from figures.receipts import receipt_figures  # noqa: E402
from figures.result import Figure, memory_figure, show  # noqa: E402
from figures.service import running_service  # noqa: E402
from figures.trees import tree_figures  # noqa: E402

KINDS = ("bulk", "single", "receipts", "delay", "memory", "documents", "dossiers", "trees", "gas")
_OF_SERVICE = frozenset(KINDS) - {"trees", "gas"}


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    bulk_events: int
    rounds: int
    single_events: int
    receipts: int
    delay_seconds: int
    delay_rate: int
    memory_events: int
    document_megabytes: int
    dossier_events: int
    dossier_documents: int
    leaves: int
    proofs: int
    gas_sizes: tuple[int, ...]
    gas_steps: int


FULL = Size(
    bulk_events=20_000,
    rounds=3,
    single_events=20_000,
    receipts=1_000,
    delay_seconds=30,
    delay_rate=1_000,
    memory_events=1_000_000,
    document_megabytes=500,
    dossier_events=10_000,
    dossier_documents=1_000,
    leaves=100_000,
    proofs=1_000,
    gas_sizes=(1_000, 10_000, 100_000, 1_000_000),
    gas_steps=50,
)
QUICK = Size(
    bulk_events=1_000,
    rounds=1,
    single_events=512,
    receipts=100,
    delay_seconds=2,
    delay_rate=100,
    memory_events=2_000,
    document_megabytes=16,
    dossier_events=200,
    dossier_documents=20,
    leaves=2_000,
    proofs=50,
    gas_sizes=(1_000, 10_000),
    gas_steps=3,
)


class Bench:
    """Measures what is asked for, one kind after the other, and keeps all figures."""

    def __init__(self, size: Size, *, kinds: Sequence[str], console: Console) -> None:
        self._size = size
        self._kinds = kinds
        self._console = console
        self.figures: dict[str, list[Figure]] = {}

    async def run(self) -> None:
        """Measure."""
        if _OF_SERVICE & set(self._kinds):
            await self._with_service()
        size = self._size
        if "trees" in self._kinds:
            self._note("trees", "Trees", tree_figures(leaves=size.leaves, proofs=size.proofs))
        if "gas" in self._kinds:
            found = await gas_figures(sizes=size.gas_sizes, steps=size.gas_steps)
            self._note("gas", "Anchors", found)

    async def _with_service(self) -> None:
        size, kinds = self._size, self._kinds
        async with running_service(_quiet) as service:
            capture = Capture(service)
            await capture.warm_up()
            if "bulk" in kinds:
                found = await capture.bulk(events=size.bulk_events, rounds=size.rounds)
                self._note("bulk", "EPCIS documents over HTTP", found)
            if "single" in kinds:
                found = await capture.single(events=size.single_events)
                self._note("single", "Single events over HTTP", found)
            if "receipts" in kinds:
                found = await receipt_figures(service, reads=size.receipts)
                self._note("receipts", "Receipts over HTTP", found)
            if "delay" in kinds:
                found = await delay_figures(
                    service, capture, seconds=size.delay_seconds, rate=size.delay_rate
                )
                self._note("delay", "From acknowledgement to anchor", found)
            if "memory" in kinds:
                # Last, since the other figures are of a log of some hundred thousand entries.
                await capture.fill(events=size.memory_events)
            memory = memory_figure(service.memory(), events=await service.size())
            self._note("memory", "Memory", [memory])
            if "documents" in kinds:
                documents = await document_figures(service, megabytes=size.document_megabytes)
                self._note("documents", "Large documents over HTTP", documents)
            if "dossiers" in kinds:
                dossiers = await dossier_figures(
                    service, events=size.dossier_events, documents=size.dossier_documents
                )
                self._note("dossiers", "Dossiers", dossiers)

    def _note(self, kind: str, title: str, found: list[Figure]) -> None:
        self.figures[kind] = found
        show(self._console, title, found)


def _quiet(_line: str) -> None:
    """Say nothing: the start of the service is not what is measured."""


def arguments(command: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, less than a minute")
    parser.add_argument("--only", choices=KINDS, nargs="+", default=KINDS)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json")
    return parser.parse_args(command)


def main() -> None:
    """Measure, print and write."""
    asked = arguments()
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    console = Console(width=None if sys.stdout.isatty() else 150)
    machine = this_machine()
    console.print(f"{machine}\n", highlight=False)
    bench = Bench(QUICK if asked.quick else FULL, kinds=asked.only, console=console)
    began = time.monotonic()
    uvloop.run(bench.run())
    result = {
        "machine": machine.to_json(),
        "quick": asked.quick,
        "seconds": round(time.monotonic() - began, 1),
        "figures": {
            kind: [figure.to_json() for figure in found] for kind, found in bench.figures.items()
        },
    }
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    asked.output.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    console.print(f"{result['seconds']} s; figures in {asked.output}", highlight=False)


if __name__ == "__main__":
    main()
