"""What a bench counts for which part of the service."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"


class Process:
    def __init__(self, *command: str) -> None:
        self._command = command

    def cmdline(self) -> tuple[str, ...]:
        return self._command


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(SCRIPTS))
    return importlib.import_module("figures.service")


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("provenance.api", "API"),
        ("provenance.api.dossiers", "API"),
        ("provenance.intake", "readers"),
        ("provenance.worker", "worker"),
        ("figures.load", "load"),
    ],
)
def test_each_process_is_counted_for_its_part(service: ModuleType, module: str, part: str) -> None:
    assert service.part_of(Process("python", "-m", module)) == part
    assert part in service._PARTS
