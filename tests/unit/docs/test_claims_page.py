"""docs/claims.md: its tables are the code's, and its example is a file that is taken."""

import re
from pathlib import Path

from provenance.evidence.cases.bodies import BODIES
from provenance.evidence.cases.states import MOVES
from provenance.evidence.invoices.xml import MAX_BYTES, MAX_DEPTH
from provenance.evidence.rules import built_in_rules
from provenance.evidence.rules.loading import read_terms
from provenance.evidence.rules.model import CLAIM_TYPES

PAGE = (Path(__file__).parents[3] / "docs" / "claims.md").read_text(encoding="utf-8")


def rows(title: str) -> list[list[str]]:
    """Cells of the table under a heading."""
    section = PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]
    found = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found]


def test_the_types_are_those_of_the_rules() -> None:
    assert [row[0].strip("`") for row in rows("Types")] == list(CLAIM_TYPES)


def test_the_required_documents_are_as_many_as_the_rules_have() -> None:
    rules = built_in_rules()
    for name, required, *_ in rows("Types"):
        lines = rules.claims[name.strip("`")].lines  # type: ignore[index] # a claim type
        assert len(required.split(", ")) == sum(line.need == "required" for line in lines), name


def test_the_states_are_those_of_the_table() -> None:
    told = {state: tuple(filter(None, to.split(", "))) for state, to in rows("States")}
    assert told == dict(MOVES)
    acts = re.search(r"^Acts: (.*?)\. A closed", PAGE, re.MULTILINE)
    assert acts is not None
    assert re.findall(r"`(\w+)`", acts[1]) == list(BODIES)


def test_the_milestones_are_those_of_the_rules() -> None:
    named = set(re.findall(r"(?:milestone|…):([a-z-]+)`", PAGE))
    matches = [match for kind in built_in_rules().events.values() for match in kind.match]
    words = {
        (match.biz_step or "").rpartition(":")[2]
        for match in matches
        if ":" in (match.biz_step or "")
    }
    assert named == words


def test_the_example_of_terms_is_taken() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    rules = read_terms(example, built_in_rules(), path="example.toml")
    assert rules.clock("terms-notice").rolls
    assert rules.places


def test_the_bounds_are_the_codes() -> None:
    assert f"larger than {MAX_BYTES >> 20} MiB or nested deeper than {MAX_DEPTH}" in PAGE
