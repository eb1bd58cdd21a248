"""What the bench finds: figures, each beside its baseline, as a table and as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

_MEMORY_TARGET_MB = 500
_SHOWN_US = 3.0
"""Less is not worth its place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One line of the result.

    ``ratio`` is ``value`` to ``baseline`` where more is better and where less is better alike;
    ``target`` says in words what it should be and ``met`` whether it is (None: no target).
    ``cost`` is the processor time that each part took for one of what is counted, in
    microseconds, which other work on the machine changes less than the rates; ``limit`` is what
    the figure is bound by, as a profile showed it.
    """

    name: str
    value: float
    unit: str
    baseline: float
    baseline_name: str
    target: str = ""
    met: bool | None = None
    cost: dict[str, float] = field(default_factory=dict)
    baseline_cost: dict[str, float] = field(default_factory=dict)
    limit: str = ""
    more: dict[str, float] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        """``value`` as a part of ``baseline``."""
        return self.value / self.baseline

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self) | {"ratio": self.ratio}


def show(console: Console, title: str, figures: Sequence[Figure]) -> None:
    """Print one group of figures."""
    table = Table(title=title, title_justify="left", title_style="bold", pad_edge=False)
    table.add_column("", overflow="fold", min_width=34)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("baseline", justify="right", no_wrap=True)
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("target")
    table.add_column("processor µs each")
    for figure in figures:
        table.add_row(
            figure.name,
            f"{_number(figure.value)} {figure.unit}",
            _number(figure.baseline),
            f"{figure.ratio:.2f}",
            _verdict(figure),
            _cost(figure.cost),
        )
    console.print(table)
    notes = dict.fromkeys((figure.baseline_name, figure.limit) for figure in figures)
    for baseline, limit in notes:
        console.print(f"baseline: {baseline}", highlight=False, style="dim")
        if limit:
            console.print(f"limited by {limit}", highlight=False, style="dim")
    console.print()


def memory_figure(megabytes: Mapping[str, float], *, events: int) -> Figure:
    """Resident memory of API and worker together, after the events of this run."""
    total = sum(megabytes.values())
    return Figure(
        name=f"API and worker after {events:,} entries",
        value=total,
        unit="MB",
        baseline=_MEMORY_TARGET_MB,
        baseline_name="what they may take after a million events",
        target=f"< {_MEMORY_TARGET_MB} MB",
        met=total < _MEMORY_TARGET_MB,
        limit="libraries, and caches of a fixed size; what waits to be written is bounded",
        more=dict(megabytes),
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.3g}"


def _cost(parts: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {cost:,.0f}" for name, cost in parts.items() if cost >= _SHOWN_US)


def _verdict(figure: Figure) -> str:
    if figure.met is None:
        return figure.target
    return (
        f"[green]{figure.target}[/green]" if figure.met else f"[red]missed: {figure.target}[/red]"
    )
