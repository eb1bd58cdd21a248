"""The query language of ``GET /epcis/events`` as far as it is supported (EPCIS 2.0, 8.2.7.1)."""

from dataclasses import dataclass, replace
from typing import Final

from starlette.requests import Request

from provenance.api.authentication import Principal
from provenance.api.epcis.store import EventFilter, OrderBy
from provenance.api.errors import ForbiddenError, ParameterError
from provenance.api.operations import TIME, Parameter, choice, integer, query, several
from provenance.api.paging import TOKEN
from provenance.api.parameters import Parameters
from provenance.api.roles import NAMES_SUBJECT, Role
from provenance.core.errors import FormatError
from provenance.core.statement import MAX_SUBJECT
from provenance.intake.epcis.context import BUILT_IN
from provenance.intake.epcis.models import MODELS
from provenance.intake.epcis.values import is_uri, milliseconds
from provenance.intake.epcis.vocabulary import BIZ_STEP, DISPOSITION, Vocabulary, spell
from provenance.intake.subjects import spelled, spelled_place

ACTIONS: Final = ("ADD", "OBSERVE", "DELETE")
_TIMES: Final = ("GE_eventTime", "LT_eventTime", "GE_recordTime", "LT_recordTime")

PARAMETERS: Final[tuple[Parameter, ...]] = (
    *(query(name, "Time with zone: at or after (GE), before (LT)", TIME) for name in _TIMES),
    query("eventType", "Event types", several(choice(*MODELS))),
    query("EQ_action", "Actions", several(choice(*ACTIONS))),
    query("EQ_bizStep", "Business steps, bare or as URI", several()),
    query("EQ_disposition", "Dispositions, bare or as URI", several()),
    query("EQ_readPoint", "Read points", several()),
    query("EQ_bizLocation", "Business locations", several()),
    query("EQ_eventID", "Event ids", several()),
    query("MATCH_epc", "Identifiers in epcList or childEPCs, in any spelling", several()),
    query("MATCH_anyEPC", "Identifiers anywhere in the event, in any spelling", several()),
    query(
        "orderBy", "Order; by default as recorded, oldest first", choice("eventTime", "recordTime")
    ),
    query("orderDirection", "Only with orderBy; DESC by default", choice("ASC", "DESC")),
    query("perPage", "Events of a page", integer(minimum=1, maximum=1_000)),
    query(TOKEN, "From the Link header of the page before"),
)
"""What the operation takes; anything else is refused by name."""


@dataclass(frozen=True, slots=True)
class EventQuery:
    """A query: its filter, what must be looked for in the events themselves, and the paging.

    An event must name one of ``epcs``, if there are any, and one of each group of ``any_epcs``.
    ``text`` identifies the query in page tokens.
    """

    filter: EventFilter
    epcs: frozenset[str]
    any_epcs: tuple[frozenset[str], ...]
    per_page: int
    token: str | None
    text: str

    def narrowed(self, principal: Principal) -> "EventQuery":
        """Return the query with what the caller's role may see.

        Raises:
            ForbiddenError: the role must name an identifier and has not.

        """
        if principal.role is Role.CARRIER:
            return replace(self, filter=replace(self.filter, submitter=principal.organisation))
        if principal.role in NAMES_SUBJECT and not self.filter.subjects:
            raise ForbiddenError(
                f"a key of role {principal.role} reads events of identifiers that it names; add "
                "MATCH_anyEPC or MATCH_epc, or ask for the timeline of a waybill"
            )
        return self


def read_query(request: Request, *, epc: str | None, default: int, maximum: int) -> EventQuery:
    """Read the query of a request for events; ``epc`` is one that its path names.

    Raises:
        ParameterError: a parameter is unknown or wrong.

    """
    names = [parameter.name for parameter in PARAMETERS]
    found = Parameters.of(request, known=names)
    epcs = frozenset(_identifiers(found, "MATCH_epc"))
    any_epcs = [frozenset(_identifiers(found, "MATCH_anyEPC"))]
    if epc is not None:
        any_epcs.append(frozenset({identifier(epc, name="epc")}))
    groups = tuple(group for group in any_epcs if group)
    order_by, is_descending = _order(found)
    asked = EventFilter(
        ge_event_time=_time(found, "GE_eventTime"),
        lt_event_time=_time(found, "LT_eventTime"),
        ge_record_time=_time(found, "GE_recordTime"),
        lt_record_time=_time(found, "LT_recordTime"),
        event_types=_words(found, "eventType", tuple(MODELS)),
        actions=_words(found, "EQ_action", ACTIONS),
        biz_steps=_vocabulary(found, "EQ_bizStep", BIZ_STEP),
        dispositions=_vocabulary(found, "EQ_disposition", DISPOSITION),
        read_points=_places(found, "EQ_readPoint"),
        biz_locations=_places(found, "EQ_bizLocation"),
        event_ids=_event_ids(found),
        subjects=tuple(tuple(sorted(group)) for group in (epcs, *groups) if group),
        order_by=order_by,
        is_descending=is_descending,
    )
    return EventQuery(
        filter=asked,
        epcs=epcs,
        any_epcs=groups,
        per_page=found.integer("perPage", minimum=1, maximum=maximum) or default,
        token=found.text(TOKEN),
        text=repr(asked),
    )


def identifier(uri: str, *, name: str) -> str:
    """Canonical spelling of an identifier, whether URN, Digital Link or CURIE.

    Raises:
        ParameterError: it is no URI, or a pattern.

    """
    if len(uri) > MAX_SUBJECT or not is_uri(uri):
        raise ParameterError(
            f"{uri[:80]!a} is not a URI; percent-encode what its place reserves", name=name
        )
    if (uri.lower().startswith("urn:epc:idpat:") and "*" in uri) or uri.endswith("*"):
        raise ParameterError("patterns are not supported; name each identifier", name=name)
    try:
        return spelled(uri, BUILT_IN)
    except FormatError as error:
        raise ParameterError(str(error), name=name) from None


def _identifiers(found: Parameters, name: str) -> list[str]:
    return [identifier(uri, name=name) for uri in found.items(name)]


def _time(found: Parameters, name: str) -> int | None:
    value = found.text(name)
    if value is None:
        return None
    # A plus sign that was not percent-encoded arrives as a space.
    time = milliseconds(value.replace(" ", "+"))
    if time is None:
        raise ParameterError("is a time like 2026-07-22T06:45:00.000+02:00 or …Z", name=name)
    return time


def _words(found: Parameters, name: str, words: tuple[str, ...]) -> tuple[str, ...]:
    values = found.items(name)
    for value in values:
        if value not in words:
            raise ParameterError(f"is one of {', '.join(words)}", name=name)
    return values


def _vocabulary(found: Parameters, name: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    try:
        return tuple(spell(value, vocabulary, BUILT_IN) for value in found.items(name))
    except FormatError as error:
        raise ParameterError(str(error), name=name) from None


def _places(found: Parameters, name: str) -> tuple[str, ...]:
    for value in (values := found.items(name)):
        if len(value) > MAX_SUBJECT or not is_uri(value):
            raise ParameterError(f"{value[:80]!a} is not a URI", name=name)
    return tuple(spelled_place(value, BUILT_IN) for value in values)


def _event_ids(found: Parameters) -> tuple[str, ...]:
    for value in (values := found.items("EQ_eventID")):
        if len(value) > MAX_SUBJECT or not is_uri(value):
            raise ParameterError(f"{value[:80]!a} is not a URI", name="EQ_eventID")
    return values


def _order(found: Parameters) -> tuple[OrderBy, bool]:
    order_by = found.choice("orderBy", ("eventTime", "recordTime"))
    direction = found.choice("orderDirection", ("ASC", "DESC"))
    if order_by is None:
        if direction is not None:
            raise ParameterError("goes with orderBy only", name="orderDirection")
        return "recordTime", False
    return ("eventTime" if order_by == "eventTime" else "recordTime"), direction != "ASC"
