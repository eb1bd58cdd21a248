"""Organisations and API keys.

A token is ``prov_<key id>_<secret>``. The secret has 256 random bits, so that one SHA-256 protects
it as well as any slow hash would; only that is stored, and the token is shown once.
"""

import hmac
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, Select, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.db.errors import LastAdminKeyError
from provenance.db.tables import api_keys, organisations

ROLES: Final = ("admin", "carrier", "member", "claims", "customs", "auditor")
"""What a key can be for."""
MAX_NAME: Final = 200
"""Characters of an organisation's name and of a label."""

_TOKEN = re.compile(r"prov_([0-9a-f]{16})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key as it is stored, without its secret; times in milliseconds since the epoch."""

    key_id: str
    organisation_id: UUID
    organisation: str
    role: str
    label: str
    created_at: int
    revoked_at: int | None


class AccountStore:
    """Organisations and API keys of one database."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        random_bytes: Callable[[int], bytes],
        now_ms: Callable[[], int],
    ) -> None:
        self._engine = engine
        self._random_bytes = random_bytes
        self._now_ms = now_ms

    async def organisation(self, name: str) -> UUID:
        """Return the id of the organisation of this name, which is made if there is none.

        Raises:
            BadValueError: the name is empty, too long or not printable.

        """
        async with self._engine.begin() as connection:
            return await self._organisation(connection, name)

    async def create(self, *, organisation: str, role: str, label: str) -> tuple[ApiKey, str]:
        """Make a key; returns it with its token, which is not stored and not shown again.

        Raises:
            BadValueError: an unknown role, or a name or label that cannot be one.

        """
        check_key(organisation=organisation, role=role, label=label)
        key_id, secret = self._random_bytes(8).hex(), self._random_bytes(32).hex()
        async with self._engine.begin() as connection:
            organisation_id = await self._organisation(connection, organisation)
            key = ApiKey(
                key_id=key_id,
                organisation_id=organisation_id,
                organisation=organisation,
                role=role,
                label=label,
                created_at=self._now_ms(),
                revoked_at=None,
            )
            await connection.execute(
                insert(api_keys).values(
                    key_id=key.key_id,
                    organisation_id=key.organisation_id,
                    role=key.role,
                    secret_hash=sha256(secret.encode()),
                    label=key.label,
                    created_at=key.created_at,
                )
            )
        return key, f"prov_{key_id}_{secret}"

    async def authenticate(self, token: str) -> ApiKey | None:
        """Return the key that ``token`` is, unless it is unknown or revoked."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            return None
        query = _keys().add_columns(api_keys.c.secret_hash).where(api_keys.c.key_id == match[1])
        async with self._engine.connect() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or not hmac.compare_digest(row.secret_hash, sha256(match[2].encode())):
            return None
        return None if row.revoked_at is not None else _key(row)

    async def keys(self) -> list[ApiKey]:
        """Return all keys, revoked ones included, oldest first."""
        query = _keys().order_by(api_keys.c.created_at, api_keys.c.key_id)
        async with self._engine.connect() as connection:
            return [_key(row) for row in await connection.execute(query)]

    async def revoke(self, key_id: str) -> ApiKey | None:
        """Revoke a key for good; None if there is none of this id.

        Raises:
            LastAdminKeyError: nobody could make keys any more.

        """
        async with self._engine.begin() as connection:
            # Locked, so that two that revoke each other come one after the other.
            admins = await connection.execute(
                select(api_keys.c.key_id)
                .where(api_keys.c.role == "admin", api_keys.c.revoked_at.is_(None))
                .order_by(api_keys.c.key_id)
                .with_for_update()
            )
            if list(admins.scalars()) == [key_id]:
                raise LastAdminKeyError
            await connection.execute(
                update(api_keys)
                .where(api_keys.c.key_id == key_id, api_keys.c.revoked_at.is_(None))
                .values(revoked_at=self._now_ms())
            )
            row = (
                await connection.execute(_keys().where(api_keys.c.key_id == key_id))
            ).one_or_none()
        return None if row is None else _key(row)

    async def _organisation(self, connection: AsyncConnection, name: str) -> UUID:
        _check_name(name, where="/organisation")
        await connection.execute(
            insert(organisations)
            .values(
                organisation_id=UUID(bytes=self._random_bytes(16), version=4),
                name=name,
                created_at=self._now_ms(),
            )
            .on_conflict_do_nothing()
        )
        query = select(organisations.c.organisation_id).where(organisations.c.name == name)
        found: UUID = (await connection.execute(query)).scalar_one()
        return found


def _keys() -> Select[Any]:
    return select(
        api_keys.c.key_id,
        api_keys.c.organisation_id,
        organisations.c.name.label("organisation"),
        api_keys.c.role,
        api_keys.c.label,
        api_keys.c.created_at,
        api_keys.c.revoked_at,
    ).join(organisations, organisations.c.organisation_id == api_keys.c.organisation_id)


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        key_id=row.key_id,
        organisation_id=row.organisation_id,
        organisation=row.organisation,
        role=row.role,
        label=row.label,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def check_key(*, organisation: str, role: str, label: str) -> None:
    """Whether a key can be like this.

    Raises:
        BadValueError: an unknown role, or a name or label that cannot be one.

    """
    if role not in ROLES:
        raise BadValueError(f"expected one of {', '.join(ROLES)}", where="/role")
    _check_name(label, where="/label")
    _check_name(organisation, where="/organisation")


def _check_name(name: str, *, where: str) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise BadValueError(f"has 1 to {MAX_NAME} printable characters", where=where)
