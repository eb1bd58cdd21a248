"""The objects inside an event: quantities, transactions, parties, sensors, errors, locations."""

from collections.abc import Mapping
from typing import Final

from provenance.core.errors import FormatError, MissingMemberError, TooLargeError, WrongTypeError
from provenance.intake.epcis import fields, vocabulary
from provenance.intake.epcis.fields import Check, list_of, object_of, word
from provenance.intake.epcis.reading import Reading
from provenance.intake.errors import StructureError

WAYBILL: Final = "bol"
"""CBV's word for a bill of lading or waybill."""
MAX_WAYBILL: Final = 128
"""Characters of a waybill number that is not a URI."""

location: Final = object_of({"id": fields.uri}, required=("id",))
"""Read point or business location."""

quantities: Final = list_of(
    object_of(
        {"epcClass": fields.uri, "quantity": fields.amount, "uom": fields.unit},
        required=("epcClass",),
    )
)

_transaction_type: Final = word(vocabulary.BIZ_TRANSACTION)
_party_type: Final = word(vocabulary.SOURCE_DESTINATION)


def _transaction_number(value: object, at: str, reading: Reading) -> None:
    """Check a waybill's number, which may be bare where any other transaction has a URI."""
    if type(value) is not str or not value.strip():
        reading.refuse(WrongTypeError, "expected a waybill number or a URI", at)
    elif len(value) > (fields.MAX_URI if ":" in value else MAX_WAYBILL):
        reading.refuse(TooLargeError, f"a waybill number has at most {MAX_WAYBILL} characters", at)


_waybill: Final = object_of(
    {"type": _transaction_type, "bizTransaction": _transaction_number},
    required=("bizTransaction",),
)
_other_transaction: Final = object_of(
    {"type": _transaction_type, "bizTransaction": fields.uri}, required=("bizTransaction",)
)


def is_waybill(transaction: object, prefixes: Mapping[str, str]) -> bool:
    """Whether a business transaction is a waybill, however its type is written."""
    if not isinstance(transaction, dict):
        return False
    kind = transaction.get("type")
    if kind == WAYBILL:
        return True
    if not isinstance(kind, str) or not kind.endswith(WAYBILL):
        return False
    return _spelled(kind, prefixes) == WAYBILL


def _spelled(kind: str, prefixes: Mapping[str, str]) -> str | None:
    try:
        return vocabulary.spell(kind, vocabulary.BIZ_TRANSACTION, prefixes)
    except FormatError:
        return None


def _transaction(value: object, at: str, reading: Reading) -> None:
    (_waybill if is_waybill(value, reading.prefixes) else _other_transaction)(value, at, reading)


transactions: Final = list_of(_transaction)


def parties(name: str) -> Check:
    """Check a source list or destination list, whose items are closed in the standard."""
    return list_of(
        object_of({"type": _party_type, name: fields.uri}, required=("type", name), is_open=False)
    )


_disposition: Final = word(vocabulary.DISPOSITION)
_disposition_sets: Final = object_of({"set": list_of(_disposition), "unset": list_of(_disposition)})


def persistent_disposition(value: object, at: str, reading: Reading) -> None:
    """Check the dispositions that an event sets and unsets."""
    _disposition_sets(value, at, reading)
    if isinstance(value, dict) and not ("set" in value or "unset" in value):
        reading.refuse(MissingMemberError, "has neither set nor unset; add one", at)


error_declaration: Final = object_of(
    {
        "declarationTime": fields.time,
        "reason": word(vocabulary.ERROR_REASON),
        "correctiveEventIDs": fields.uris,
    },
    required=("declarationTime",),
)

ilmd: Final = object_of({})
"""Instance or lot master data: extensions only."""

_sensor_metadata: Final = object_of(
    {
        "time": fields.time,
        "startTime": fields.time,
        "endTime": fields.time,
        "deviceID": fields.uri,
        "deviceMetadata": fields.uri,
        "rawData": fields.uri,
        "dataProcessingMethod": fields.uri,
        "bizRules": fields.uri,
    }
)


def _measurement(value: object, at: str, reading: Reading) -> None:
    """Check what was measured: a word of GS1's web vocabulary, which grows apart from CBV."""
    fields.text(value, at, reading)


_report_members: Final = object_of(
    {
        "type": _measurement,
        "exception": word(vocabulary.SENSOR_ALERT),
        "deviceID": fields.uri,
        "deviceMetadata": fields.uri,
        "rawData": fields.uri,
        "dataProcessingMethod": fields.uri,
        "bizRules": fields.uri,
        "time": fields.time,
        "microorganism": fields.uri,
        "chemicalSubstance": fields.uri,
        "coordinateReferenceSystem": fields.uri,
        "value": fields.number,
        "component": word(vocabulary.COMPONENT),
        "stringValue": fields.text,
        "booleanValue": fields.boolean,
        "hexBinaryValue": fields.hex_binary,
        "uriValue": fields.uri,
        "minValue": fields.number,
        "maxValue": fields.number,
        "meanValue": fields.number,
        "sDev": fields.number,
        "percRank": fields.number,
        "percValue": fields.number,
        "uom": fields.text,
    }
)


def _sensor_report(value: object, at: str, reading: Reading) -> None:
    _report_members(value, at, reading)
    if isinstance(value, dict) and "type" not in value and "exception" not in value:
        reading.refuse(
            StructureError, "a sensor report says what was measured; add type", f"{at}/type"
        )


sensor_elements: Final = list_of(
    object_of(
        {
            "sensorMetadata": _sensor_metadata,
            "sensorReport": list_of(_sensor_report, at_least=1),
        },
        required=("sensorReport",),
    )
)
