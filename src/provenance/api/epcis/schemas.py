"""OpenAPI schemas of what EPCIS itself defines; ``intake`` checks much more than they say."""

from typing import Any, Final

from provenance.intake.epcis.models import MODELS

_CONTEXT: Final = {
    "description": "GS1's EPCIS context, and objects that map prefixes to namespaces",
    "oneOf": [{"type": "string"}, {"type": "array", "minItems": 1}],
}
_EVENT: Final[dict[str, Any]] = {
    "type": "object",
    "description": "An EPCIS 2.0 event; fields of other namespaces carry a declared prefix",
    "properties": {
        "@context": _CONTEXT,
        "type": {"type": "string", "enum": list(MODELS)},
        "eventID": {"type": "string", "maxLength": 2048},
        "eventTime": {"type": "string", "format": "date-time"},
        "eventTimeZoneOffset": {"type": "string", "pattern": r"^[+-](0\d|1[0-4]):[0-5]\d$"},
        "recordTime": {"type": "string", "format": "date-time"},
        "action": {"type": "string", "enum": ["ADD", "OBSERVE", "DELETE"]},
        "bizStep": {"type": "string"},
        "disposition": {"type": "string"},
        "epcList": {"type": "array", "items": {"type": "string"}},
        "parentID": {"type": "string"},
        "childEPCs": {"type": "array", "items": {"type": "string"}},
        "inputEPCList": {"type": "array", "items": {"type": "string"}},
        "outputEPCList": {"type": "array", "items": {"type": "string"}},
        "quantityList": {"type": "array", "items": {"type": "object"}},
        "readPoint": {"$ref": "#/components/schemas/EPCISPlace"},
        "bizLocation": {"$ref": "#/components/schemas/EPCISPlace"},
        "bizTransactionList": {"type": "array", "items": {"type": "object"}},
        "sourceList": {"type": "array", "items": {"type": "object"}},
        "destinationList": {"type": "array", "items": {"type": "object"}},
        "sensorElementList": {"type": "array", "items": {"type": "object"}},
        "errorDeclaration": {"type": "object"},
    },
    "required": ["type", "eventTime", "eventTimeZoneOffset"],
}

SCHEMAS: Final[dict[str, Any]] = {
    "EPCISPlace": {
        "type": "object",
        "properties": {"id": {"type": "string"}},
        "required": ["id"],
    },
    "EPCISEvent": _EVENT,
    "EPCISDocument": {
        "type": "object",
        "properties": {
            "@context": _CONTEXT,
            "type": {"const": "EPCISDocument"},
            "schemaVersion": {"type": "string", "pattern": r"^2(\.\d+){0,2}$"},
            "creationDate": {"type": "string", "format": "date-time"},
            "epcisBody": {
                "type": "object",
                "properties": {
                    "eventList": {
                        "type": "array",
                        "minItems": 1,
                        "items": {"$ref": "#/components/schemas/EPCISEvent"},
                    }
                },
                "required": ["eventList"],
            },
        },
        "required": ["@context", "type", "schemaVersion", "creationDate", "epcisBody"],
    },
    "EPCISQueryDocument": {
        "type": "object",
        "properties": {
            "@context": {"type": "array"},
            "type": {"const": "EPCISQueryDocument"},
            "schemaVersion": {"type": "string"},
            "creationDate": {"type": "string", "format": "date-time"},
            "epcisBody": {
                "type": "object",
                "properties": {
                    "queryResults": {
                        "type": "object",
                        "properties": {
                            "queryName": {"const": "SimpleEventQuery"},
                            "resultsBody": {
                                "type": "object",
                                "properties": {
                                    "eventList": {
                                        "type": "array",
                                        "items": {"$ref": "#/components/schemas/EPCISEvent"},
                                    }
                                },
                                "required": ["eventList"],
                            },
                        },
                        "required": ["queryName", "resultsBody"],
                    }
                },
                "required": ["queryResults"],
            },
        },
        "required": ["@context", "type", "schemaVersion", "creationDate", "epcisBody"],
    },
}
"""By name in ``components/schemas``."""
