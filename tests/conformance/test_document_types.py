"""The document types are those of the published code list."""

import json

from fixtures.shared_data import shared_data
from provenance.intake.documents.types import document_types


def test_codes_and_names_are_those_of_directory_d21b() -> None:
    path = shared_data("uncefact-uncl1001") / "uncl1001.json"
    published = json.loads(path.read_text(encoding="utf-8"))
    # Three of the published names hold an apostrophe in another encoding.
    expected = {code: name.strip().replace("\x92", "'") for code, name in published.items()}
    assert dict(document_types()) == expected
