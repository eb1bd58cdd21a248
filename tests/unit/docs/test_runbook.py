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
