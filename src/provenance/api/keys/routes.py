"""Handlers of API keys."""

import structlog
from starlette.requests import Request
from starlette.responses import Response

from provenance.api.answers import json_answer
from provenance.api.authentication import Authenticator, Principal
from provenance.api.bodies import decode_json, decoder, read_body
from provenance.api.errors import MissingError
from provenance.api.keys.answers import Key, KeyRequest, Keys
from provenance.api.parameters import Parameters, path_text
from provenance.api.services import Services
from provenance.db.accounts import ApiKey

_request = decoder(KeyRequest)
_log = structlog.get_logger(__name__)


class KeyRing:
    """The operations on keys."""

    def __init__(self, services: Services, authenticator: Authenticator) -> None:
        self._services = services
        self._authenticator = authenticator

    async def create(self, request: Request, principal: Principal) -> Response:
        """POST /v1/keys."""
        Parameters.of(request, known=())
        body = await read_body(
            request,
            limit=self._services.limits.max_request_bytes,
            accepted=("application/json",),
        )
        asked: KeyRequest = decode_json(body, _request)
        key, token = await self._services.accounts.create(
            organisation=asked.organisation, role=asked.role, label=asked.label
        )
        _log.info("key created", key_id=key.key_id, role=key.role, by=principal.key_id)
        return json_answer(_answer(key, token=token), status=201)

    async def keys(self, request: Request, _principal: Principal) -> Response:
        """GET /v1/keys."""
        Parameters.of(request, known=())
        found = await self._services.accounts.keys()
        return json_answer(Keys(keys=[_answer(key) for key in found]))

    async def revoke(self, request: Request, principal: Principal) -> Response:
        """DELETE /v1/keys/{key_id}."""
        Parameters.of(request, known=())
        key = await self._services.accounts.revoke(path_text(request, "key_id", maximum=64))
        if key is None:
            raise MissingError("there is no such key")
        self._authenticator.forget(key.key_id)
        _log.info("key revoked", key_id=key.key_id, role=key.role, by=principal.key_id)
        return json_answer(_answer(key))


def _answer(key: ApiKey, *, token: str | None = None) -> Key:
    return Key(
        key_id=key.key_id,
        organisation_id=str(key.organisation_id),
        organisation=key.organisation,
        role=key.role,
        label=key.label,
        created_at=key.created_at,
        revoked_at=key.revoked_at,
        token=token,
    )
