"""``provenance document add``: a description is looked at before anything is sent."""

import json
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands import Done, provenance
from fixtures.documents import PDF

NOBODY = ("--url", "http://127.0.0.1:1", "--key", "k")
"""A service that nobody is: what gets there fails otherwise."""


def add(folder: Path, said: str) -> Done:
    (folder / "file.pdf").write_bytes(PDF)
    (folder / "said.json").write_text(said, encoding="utf-8")
    return provenance(
        *("document", "add", "file.pdf", "--subject", "WB1", "--type", "380"),
        *("--description", "said.json", *NOBODY),
        cwd=folder,
    )


@pytest.mark.parametrize(
    ("members", "told"),
    [
        (
            {"dates": [{"role": "issue", "at": "2026-03-29"}]},
            "/dates/0/role: Invalid enum value 'issue'; it is one of",
        ),
        ({"color": "red"}, "color"),
        ({"pieces": None}, "leave out what does not apply"),
        ({"document": {"first_index": 3, "sha256": "00" * 32}}, "/document/sha256"),
    ],
)
def test_a_description_that_would_be_refused_stops_the_upload(
    tmp_path: Path, members: dict[str, Any], told: str
) -> None:
    done = add(tmp_path, json.dumps(members))
    assert done.code == 4
    assert "said.json" in done.err
    assert told in done.err
    assert "nothing was recorded" in done.err


@pytest.mark.parametrize("said", ["{", "[]"])
def test_what_is_no_object_stops_the_upload(tmp_path: Path, said: str) -> None:
    assert add(tmp_path, said).code == 4
