"""The EPCIS operations."""

from typing import Final

from provenance.api.bodies import JSON_TYPES
from provenance.api.epcis.answers import CaptureJobAnswer, EventAnswer
from provenance.api.epcis.capture import Capture
from provenance.api.epcis.filters import PARAMETERS
from provenance.api.epcis.headers import CAPTURE_HEADERS, ON_ERROR_HEADER
from provenance.api.epcis.jobs import LIST_PARAMETERS, Jobs
from provenance.api.epcis.reading import LD_JSON, Reading
from provenance.api.epcis.store import EventStore, JobStore
from provenance.api.operations import Answer, Body, Operation, path, struct
from provenance.api.roles import Permission
from provenance.api.services import Services
from provenance.evidence.timelines.contexts import Contexts

TAG: Final = "EPCIS 2.0"
_EVENT: Final = {"$ref": "#/components/schemas/EPCISEvent"}
_DOCUMENT: Final = {"$ref": "#/components/schemas/EPCISDocument"}
_QUERY_DOCUMENT: Final = {"$ref": "#/components/schemas/EPCISQueryDocument"}
_LIMITS: Final = ("GS1-EPCIS-Capture-Limit", "GS1-EPCIS-Capture-File-Size-Limit")
_WRITTEN: Final = ("Location", "Idempotency-Replayed", *_LIMITS)
_JSON: Final = ("application/json", LD_JSON)


def operations(services: Services, events: EventStore, contexts: Contexts) -> list[Operation]:
    """Capture, jobs, queries and contexts."""
    return [*_writes(services), *_reads(services, events, contexts)]


def _writes(services: Services) -> list[Operation]:
    capture = Capture(services)
    return [
        Operation(
            name="capture_document",
            method="POST",
            path="/epcis/capture",
            summary="Capture an EPCIS document",
            description=(
                "Answers after job and events are committed, with the log's signed "
                "acknowledgement. With rollback (the default) a document is taken as a whole or "
                "not at all."
            ),
            tag=TAG,
            permission=Permission.CAPTURE,
            secured=capture.document,
            parameters=(*CAPTURE_HEADERS, ON_ERROR_HEADER),
            body=Body(_DOCUMENT, JSON_TYPES),
            answers={202: Answer("Committed", struct(CaptureJobAnswer), headers=_WRITTEN)},
            problems=(409, 422),
        ),
        Operation(
            name="capture_event",
            method="POST",
            path="/epcis/events",
            summary="Capture one event, which carries its own @context",
            tag=TAG,
            permission=Permission.CAPTURE,
            secured=capture.event,
            parameters=CAPTURE_HEADERS,
            body=Body(_EVENT, JSON_TYPES),
            answers={201: Answer("Committed", struct(EventAnswer), headers=_WRITTEN)},
            problems=(409, 422),
        ),
    ]


def _reads(services: Services, events: EventStore, contexts: Contexts) -> list[Operation]:
    jobs = Jobs(services, JobStore(services.engine, log_id=services.log.log_id))
    reading = Reading(services, events, contexts)
    page = {200: Answer("One page of events", _QUERY_DOCUMENT, _JSON, headers=("Link",))}
    allowed = {204: Answer("Methods and limits", headers=("Allow", *_LIMITS))}
    job = struct(CaptureJobAnswer)
    return [
        Operation(
            name="list_capture_jobs",
            method="GET",
            path="/epcis/capture",
            summary="Capture jobs, newest first",
            tag=TAG,
            permission=Permission.READ_JOBS,
            secured=jobs.jobs,
            parameters=LIST_PARAMETERS,
            answers={200: Answer("Jobs", {"type": "array", "items": job}, headers=("Link",))},
        ),
        Operation(
            name="read_capture_job",
            method="GET",
            path="/epcis/capture/{capture_id}",
            summary="One capture job",
            tag=TAG,
            permission=Permission.READ_JOBS,
            secured=jobs.job,
            parameters=(path("capture_id", "From the Location header of the capture"),),
            answers={200: Answer("The job", job)},
            problems=(404,),
        ),
        Operation(
            name="query_events",
            method="GET",
            path="/epcis/events",
            summary="Events by time, step, place, identifier and more",
            description=(
                "Lists are separated by commas. A page ends early where the next event's "
                "@context gives a prefix another meaning; follow the Link header."
            ),
            tag=TAG,
            permission=Permission.READ_EVENTS,
            secured=reading.events,
            parameters=PARAMETERS,
            answers=page,
        ),
        Operation(
            name="read_event",
            method="GET",
            path="/epcis/events/{event_id:path}",
            summary="One event, byte for byte as it came",
            description=(
                "Where a correction re-uses the eventID this is the first event with it; the "
                "Link header leads to all of them."
            ),
            tag=TAG,
            permission=Permission.READ_EVENT_BY_ID,
            secured=reading.event,
            parameters=(path("event_id", "The eventID, or the one given to an event without"),),
            answers={200: Answer("The event", _EVENT, _JSON, headers=("Link",))},
            problems=(404,),
        ),
        Operation(
            name="query_events_of_epc",
            method="GET",
            path="/epcis/epcs/{epc:path}/events",
            summary="Events that name an identifier, however it is spelled",
            tag=TAG,
            permission=Permission.READ_EVENTS,
            secured=reading.events_of_epc,
            parameters=(path("epc", "EPC URN, Digital Link or other URI"), *PARAMETERS),
            answers=page,
        ),
        Operation(
            name="read_context",
            method="GET",
            path="/v1/contexts/{sha256}",
            summary="The @context bytes that an event's statement commits to",
            tag=TAG,
            permission=Permission.READ_CONTEXTS,
            secured=reading.context,
            parameters=(path("sha256", "context_sha256 of a statement"),),
            answers={
                200: Answer(
                    "The document's @context, then the event's",
                    {"type": "string", "format": "binary"},
                    ("application/octet-stream",),
                )
            },
            problems=(404,),
        ),
        *(
            Operation(
                name=f"{name}_options",
                method="OPTIONS",
                path=f"/epcis/{name}",
                summary="Methods, versions and limits",
                tag=TAG,
                handler=reading.options,
                answers=allowed,
            )
            for name in ("capture", "events")
        ),
    ]
