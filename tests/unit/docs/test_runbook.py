"""The runbook names what there is, and leaves out nothing that may ring."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
SOURCES = {path: path.read_text(encoding="utf-8") for path in (ROOT / "src").rglob("*.py")}
CODE = "\n".join(SOURCES.values())
_ALARMING = re.compile(r'_log\.(?:warning|error|critical|exception)\(\s*"([a-z_]+)"')
_SUFFIX = re.compile(r"_(total|bucket|sum|count)$")


def quoted() -> Iterator[str]:
    """Everything between backticks, and the words of expressions."""
    for text in re.findall(r"`([^`]+)`", RUNBOOK):
        yield from re.findall(r"[a-zA-Z0-9_\-]+", text)


@pytest.mark.parametrize(
    "name", sorted({word for word in quoted() if word.startswith("provenance_")})
)
def test_each_metric_exists(name: str) -> None:
    if not name.endswith("_"):
        assert f'"{_SUFFIX.sub("", name)}"' in CODE


@pytest.mark.parametrize("name", sorted(set(_ALARMING.findall(CODE))))
def test_each_event_that_is_logged_as_a_warning_or_worse_is_explained(name: str) -> None:
    assert f"`{name}`" in RUNBOOK


@pytest.mark.parametrize(
    "code", sorted({word for word in quoted() if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)})
)
def test_each_error_code_exists(code: str) -> None:
    commands = {"worker-metrics", "new-anchoring-key"}
    assert code in commands or re.search(rf'\bcode ?= ?"{code}"', CODE)


def in_the_guard() -> Iterator[str]:
    """Events that the runbook sends one to the output of ``provenance run`` for."""
    for row in RUNBOOK.splitlines():
        cells = row.split("|")
        if len(cells) > 3 and "standard error of `provenance run`" in cells[2]:
            yield from re.findall(r"`([a-z]+(?:_[a-z]+)+)`", cells[1])


@pytest.mark.parametrize("event", sorted(set(in_the_guard())))
def test_what_is_looked_for_in_the_output_of_the_guard_is_logged_by_it(event: str) -> None:
    its_own = re.compile(r"/(?:launch|embedded)/|/anchor/bootstrap\.py$")
    logging = [path.as_posix() for path, text in SOURCES.items() if f'"{event}"' in text]
    assert logging
    assert all(its_own.search(path) for path in logging)
