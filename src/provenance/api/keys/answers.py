"""API keys as they are asked for and shown."""

from typing import Literal

import msgspec


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key that shall be made; the organisation is made too if there is none of this name."""

    organisation: str
    role: Literal["admin", "carrier", "member", "claims", "customs", "auditor"]
    label: str


class Key(msgspec.Struct, frozen=True, omit_defaults=True):
    """A key without its secret; times in milliseconds since the epoch.

    ``token`` is there once, in the answer to the request that made the key.
    """

    key_id: str
    organisation_id: str
    organisation: str
    role: str
    label: str
    created_at: int
    revoked_at: int | None = None
    token: str | None = None


class Keys(msgspec.Struct, frozen=True):
    """All keys, revoked ones included."""

    keys: list[Key]
