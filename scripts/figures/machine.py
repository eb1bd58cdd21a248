"""The machine that the figures belong to."""

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor, cores that this process may use, memory, system and load at the start."""

    cpu: str
    cores: int
    memory_gb: float
    system: str
    python: str
    load_before: float

    def to_json(self) -> dict[str, Any]:
        """JSON form."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"{self.cores} cores of {self.cpu}, {self.memory_gb:.0f} GB, {self.system}, "
            f"Python {self.python}, load {self.load_before:.1f} before"
        )


def this_machine() -> Machine:
    """Describe the machine that this runs on."""
    return Machine(
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=psutil.virtual_memory().total / 2**30,
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        load_before=os.getloadavg()[0],
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()
