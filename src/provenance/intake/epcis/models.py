"""The five event types of EPCIS 2.0: their fields and the rules between them.

Sources: GS1 EPCIS 2.0, section 7.4, and its published JSON schema. Where the two differ, or the
published samples go past the schema, ``docs/epcis.md`` says what is done here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from provenance.intake.epcis import fields, parts, vocabulary
from provenance.intake.epcis.fields import Check
from provenance.intake.epcis.reading import Reading
from provenance.intake.errors import StructureError

Event = Mapping[str, object]
Rule = Callable[[Event, Reading], None]


@dataclass(frozen=True, slots=True)
class EventModel:
    """One event type: the check of each field, the required fields, the rules between fields."""

    name: str
    checks: Mapping[str, tuple[Check, str]]
    """Check and pointer of each field."""
    required: tuple[str, ...]
    rules: tuple[Rule, ...]

    @classmethod
    def of(
        cls,
        name: str,
        checks: Mapping[str, Check],
        *,
        required: tuple[str, ...],
        rules: tuple[Rule, ...],
    ) -> Self:
        """Model with the fields ``checks``."""
        pointed = {field: (check, f"/{field}") for field, check in checks.items()}
        return cls(name=name, checks=pointed, required=required, rules=rules)

    def check(self, event: dict[str, object], reading: Reading) -> None:
        """Note in ``reading`` everything that is wrong with ``event``."""
        for name in self.required:
            if name not in event:
                fields.missing(name, "", reading)
        checks = self.checks
        for name, value in event.items():
            if (known := checks.get(name)) is not None:
                known[0](value, known[1], reading)
            else:
                fields.extension(name, value, "", reading)
        for rule in self.rules:
            rule(event, reading)


def _names_something(event: Event, reading: Reading) -> None:
    if event.get("epcList") or event.get("quantityList"):
        return
    if event.get("sensorElementList"):
        if "readPoint" not in event and "bizLocation" not in event:
            reading.refuse(
                StructureError,
                "a sensor event without objects needs a place; add readPoint",
                "/readPoint",
            )
        return
    reading.refuse(
        StructureError,
        "the event names nothing; add epcList or quantityList",
        "/epcList",
    )


def _ilmd_at_birth(event: Event, reading: Reading) -> None:
    if "ilmd" in event and event.get("action") in ("OBSERVE", "DELETE"):
        reading.refuse(
            StructureError,
            "master data belongs to the event that creates an object; leave it out unless "
            "action is ADD",
            "/ilmd",
        )


def _parent(event: Event, reading: Reading) -> None:
    if "parentID" not in event and event.get("action") in ("ADD", "DELETE"):
        reading.refuse(
            StructureError, "action ADD or DELETE needs a parent; add parentID", "/parentID"
        )


def _children(event: Event, reading: Reading) -> None:
    # DELETE without children separates all of them from the parent (section 7.4.3).
    if event.get("childEPCs") or event.get("childQuantityList"):
        return
    if event.get("action") in ("ADD", "OBSERVE"):
        reading.refuse(
            StructureError,
            "the event names no children; add childEPCs or childQuantityList",
            "/childEPCs",
        )


def _transaction_objects(event: Event, reading: Reading) -> None:
    if not event.get("bizTransactionList") and "bizTransactionList" in event:
        reading.refuse(
            StructureError, "names no business transaction; add one", "/bizTransactionList"
        )
    if event.get("action") in ("ADD", "OBSERVE") and not (
        event.get("epcList") or event.get("quantityList")
    ):
        reading.refuse(
            StructureError, "the event names nothing; add epcList or quantityList", "/epcList"
        )


def _input_and_output(event: Event, reading: Reading) -> None:
    has_input = event.get("inputEPCList") or event.get("inputQuantityList")
    has_output = event.get("outputEPCList") or event.get("outputQuantityList")
    if has_input and has_output:
        return
    if not has_input and not has_output:
        reading.refuse(
            StructureError,
            "the event names neither input nor output; add inputEPCList and outputEPCList",
            "/inputEPCList",
        )
    elif "transformationID" not in event:
        name = "outputEPCList" if has_input else "inputEPCList"
        reading.refuse(
            StructureError,
            f"an event with one side only needs a transformationID; add it or {name}",
            f"/{name}",
        )


def _nothing(_value: object, _at: str, _reading: Reading) -> None:
    """``type`` and ``@context`` are read before the model is chosen."""


_COMMON: Final[Mapping[str, Check]] = {
    "@context": _nothing,
    "type": _nothing,
    "eventID": fields.uri,
    "eventTime": fields.event_time,
    "eventTimeZoneOffset": fields.zone_offset,
    "recordTime": fields.time,
    "certificationInfo": fields.uri_or_uris,
    "errorDeclaration": parts.error_declaration,
    "bizStep": fields.word(vocabulary.BIZ_STEP),
    "disposition": fields.word(vocabulary.DISPOSITION),
    "persistentDisposition": parts.persistent_disposition,
    "readPoint": parts.location,
    "bizLocation": parts.location,
    "bizTransactionList": parts.transactions,
    "sourceList": parts.parties("source"),
    "destinationList": parts.parties("destination"),
    "sensorElementList": parts.sensor_elements,
}
_OBJECTS: Final[Mapping[str, Check]] = {
    "action": fields.action,
    "epcList": fields.uris,
    "quantityList": parts.quantities,
}
_FAMILY: Final[Mapping[str, Check]] = {
    "action": fields.action,
    "parentID": fields.uri,
    "childEPCs": fields.uris,
    "childQuantityList": parts.quantities,
}
_WHEN: Final = ("eventTime", "eventTimeZoneOffset")

MODELS: Final[Mapping[str, EventModel]] = {
    model.name: model
    for model in (
        EventModel.of(
            "ObjectEvent",
            {**_COMMON, **_OBJECTS, "ilmd": parts.ilmd},
            required=(*_WHEN, "action"),
            rules=(_names_something, _ilmd_at_birth),
        ),
        EventModel.of(
            "AggregationEvent",
            {**_COMMON, **_FAMILY},
            required=(*_WHEN, "action"),
            rules=(_parent, _children),
        ),
        EventModel.of(
            "TransactionEvent",
            {**_COMMON, **_OBJECTS, "parentID": fields.uri},
            required=(*_WHEN, "action", "bizTransactionList"),
            rules=(_transaction_objects,),
        ),
        EventModel.of(
            "TransformationEvent",
            {
                **_COMMON,
                "inputEPCList": fields.uris,
                "inputQuantityList": parts.quantities,
                "outputEPCList": fields.uris,
                "outputQuantityList": parts.quantities,
                "transformationID": fields.uri,
                "ilmd": parts.ilmd,
            },
            required=_WHEN,
            rules=(_input_and_output,),
        ),
        EventModel.of(
            "AssociationEvent",
            {**_COMMON, **_FAMILY},
            required=(*_WHEN, "action", "parentID"),
            rules=(_children,),
        ),
    )
}
"""The event models by the event's ``type``."""
