"""The operations on API keys."""

from typing import Final

from provenance.api.authentication import Authenticator
from provenance.api.keys.answers import Key, KeyRequest, Keys
from provenance.api.keys.routes import KeyRing
from provenance.api.operations import Answer, Body, Operation, path, struct
from provenance.api.roles import Permission
from provenance.api.services import Services

TAG: Final = "API keys"


def operations(services: Services, authenticator: Authenticator) -> list[Operation]:
    """Make, list and revoke keys."""
    ring = KeyRing(services, authenticator)
    return [
        Operation(
            name="create_key",
            method="POST",
            path="/v1/keys",
            summary="Make a key; its token is shown this once",
            tag=TAG,
            permission=Permission.MANAGE_KEYS,
            secured=ring.create,
            body=Body(struct(KeyRequest)),
            answers={201: Answer("The key with its token", struct(Key))},
        ),
        Operation(
            name="list_keys",
            method="GET",
            path="/v1/keys",
            summary="All keys, without secrets",
            tag=TAG,
            permission=Permission.MANAGE_KEYS,
            secured=ring.keys,
            answers={200: Answer("Keys", struct(Keys))},
            problems=(400,),
        ),
        Operation(
            name="revoke_key",
            method="DELETE",
            path="/v1/keys/{key_id}",
            summary="Revoke a key for good",
            tag=TAG,
            permission=Permission.MANAGE_KEYS,
            secured=ring.revoke,
            parameters=(path("key_id", "The 16 hex digits after prov_"),),
            answers={200: Answer("The key", struct(Key))},
            problems=(404, 409),
        ),
    ]
