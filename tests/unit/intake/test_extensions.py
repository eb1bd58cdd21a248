"""Which events hold anything but the standard's own fields."""

import json
from typing import Any

import pytest

from fixtures.application import event
from provenance.intake.event import Submission, parse_event
from provenance.intake.repetition import EventKeys

PREFIXES = {"example": "https://example.com/voc/", "master": "urn:epcglobal:cbv:mda:"}


def has_extensions(**fields: Any) -> bool:
    """Whether the draft of a parcel's event with ``fields`` says so."""
    said = event("urn:epc:id:sscc:9521141.1234567895", **{"action": "ADD", **fields})
    said["@context"].append(PREFIXES)
    submission = Submission(submitter="one", keys=EventKeys(b"k" * 32), carrier="carrier")
    return parse_event(json.dumps(said).encode(), submission=submission).has_extensions


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bizLocation": {"id": "urn:epc:id:sgln:9521141.00401.0"}},
        {"ilmd": {"cbvmda:lotNumber": "1", "master:itemExpirationDate": "2027-01-01"}},
        {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 26.0}]}]},
        {"bizTransactionList": [{"type": "bol", "bizTransaction": "WB-1"}]},
        {"epcList": [], "quantityList": [{"epcClass": "urn:epc:idpat:sgtin:9521141.0.*"}]},
    ],
)
def test_the_standards_own_fields_are_none(fields: dict[str, Any]) -> None:
    assert not has_extensions(**fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"example:signer": "A. Muster"},
        {"https://example.com/voc/signer": "A. Muster"},
        {"gs1:telephone": "+41"},
        {"ilmd": {"cbvmda:lotNumber": "1", "example:owner": "A. Muster"}},
        {"ilmd": {"cbvmda:lotNumber": [{"of": {"example:owner": "A. Muster"}}]}},
        {"readPoint": {"id": "urn:example:here", "example:clerk": "A. Muster"}},
        {"errorDeclaration": {"declarationTime": "2026-07-22T06:45:00Z", "example:who": "A"}},
        {
            "sensorElementList": [
                {"sensorReport": [{"type": "Image"}, {"type": "Image", "example:face": "A"}]}
            ]
        },
    ],
)
def test_a_member_of_another_namespace_is_found_however_deep_it_lies(
    fields: dict[str, Any],
) -> None:
    assert has_extensions(**fields)
