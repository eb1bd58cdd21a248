"""Handler of timelines."""

from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Principal
from provenance.api.errors import MissingError
from provenance.api.parameters import Parameters, path_text
from provenance.api.services import Services
from provenance.api.shipments.timeline import TimelineMaker
from provenance.api.subjects import carrier_of, subject_of
from provenance.evidence.timelines.contexts import Contexts


class Shipments:
    """The operation on shipments."""

    def __init__(self, services: Services, contexts: Contexts) -> None:
        self._services = services
        self._maker = TimelineMaker(services, contexts, limits=services.limits)

    async def timeline(self, request: Request, principal: Principal) -> Response:
        """GET /v1/shipments/{shipment}/timeline."""
        found = Parameters.of(request, known=("carrier", "payloads"))
        payloads = found.choice("payloads", ("include", "omit"))
        carrier = carrier_of(found.text("carrier"), default=self._services.carrier)
        subject = subject_of(path_text(request, "shipment"), carrier=carrier, name="shipment")
        timeline = await self._maker.make(subject, principal, with_payloads=payloads == "include")
        if timeline is None:
            raise MissingError("nothing is recorded about it, or it is not for this key")
        return json_answer(timeline)
