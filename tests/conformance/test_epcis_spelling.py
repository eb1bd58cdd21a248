"""The published pairs of identifier and canonical GS1 Digital Link."""

import json

from fixtures.shared_data import shared_data
from provenance.intake.gs1 import canonical


def pairs() -> list[tuple[object, str | None]]:
    path = shared_data("epcis-event-hash-generator") / "dl_normaliser_pairs.json"
    found = json.loads(path.read_bytes())
    assert len(found) == 71
    return [(given, expected) for given, expected in found]


def test_every_identifier_gets_the_published_link() -> None:
    for given, expected in pairs():
        if isinstance(given, str) and expected is not None:
            assert canonical(given) == expected


def test_what_is_no_gs1_identifier_stays_as_it_is() -> None:
    others = [given for given, expected in pairs() if expected is None]
    assert len(others) == 9
    for given in others:
        if isinstance(given, str):
            assert canonical(given) == given


def test_a_canonical_link_is_its_own_spelling() -> None:
    for _, expected in pairs():
        if expected is not None:
            assert canonical(expected) == expected
