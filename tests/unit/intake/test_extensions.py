"""Which events hold anything but the standard's own fields."""

from typing import Any

import pytest

from fixtures.application import event
from provenance.intake.epcis.context import BUILT_IN
from provenance.intake.epcis.extensions import has_extensions

PREFIXES = {
    **BUILT_IN,
    "example": "https://example.com/voc/",
    "master": "urn:epcglobal:cbv:mda:",
}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"bizLocation": {"id": "urn:epc:id:sgln:9521141.00401.0"}},
        {"ilmd": {"cbvmda:lotNumber": "1", "master:itemExpirationDate": "2027-01-01"}},
        {"sensorElementList": [{"sensorReport": [{"type": "Temperature", "value": 26.0}]}]},
        {"bizTransactionList": [{"type": "bol", "bizTransaction": "WB-1"}]},
        {"epcList": []},
    ],
)
def test_the_standards_own_fields_are_none(fields: dict[str, Any]) -> None:
    assert not has_extensions(event("urn:example:one", **fields), PREFIXES)


@pytest.mark.parametrize(
    "fields",
    [
        {"example:signer": "A. Muster"},
        {"https://example.com/voc/signer": "A. Muster"},
        {"gs1:telephone": "+41"},
        {"ilmd": {"cbvmda:lotNumber": "1", "example:owner": "A. Muster"}},
        {"readPoint": {"id": "urn:example:here", "example:clerk": "A. Muster"}},
        {"errorDeclaration": {"declarationTime": "2026-07-22T06:45:00Z", "example:who": "A"}},
        {"sensorElementList": [{"sensorReport": [{"type": "Image"}, {"example:face": "A"}]}]},
    ],
)
def test_a_member_of_another_namespace_is_found_however_deep_it_lies(
    fields: dict[str, Any],
) -> None:
    assert has_extensions(event("urn:example:one", **fields), PREFIXES)
