"""Document types are found by what people call them."""

import pytest

from provenance.intake.documents.types import document_types, search_types, synonyms


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("photo", "858"),
        ("Photographs", "858"),
        ("picture", "858"),
        ("signature", "737"),
        ("CMR", "730"),
        ("airway", "740"),
        ("airway bill", "740"),
        ("SAD", "960"),
        ("image", "858"),
        ("737", "737"),
    ],
)
def test_a_type_is_found_by_what_people_call_it(query: str, code: str) -> None:
    assert search_types(query)[0].code == code


@pytest.mark.parametrize("word", sorted(synonyms()))
def test_every_synonym_leads_to_a_type(word: str) -> None:
    assert search_types(word)


def test_synonyms_leave_the_code_list_as_it_is() -> None:
    assert document_types()["858"] == "Image"
    assert search_types("no such thing") == []
