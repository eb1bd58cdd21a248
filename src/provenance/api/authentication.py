"""API keys: who is calling, remembered for a few seconds.

A key that was found good is not looked up again for ``key_cache_s``; after a revocation it stops
working at once in the process that revoked it, and within that time in every other. Tokens are
remembered by their hash, and unknown ones not at all: guessing costs the guesser a query each.

While the log is closed, a refill may give the organisation of a key the id that it had before the
database was lost. So nothing that was found then is used once the log is open, and what would be
recorded is refused before its body is read: it would be recorded in the name of an id that is gone.
Where a dry run may be asked for meanwhile, it is refused before anything is recorded.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from starlette.requests import Request

from provenance.api.errors import ForbiddenError, UnauthenticatedError
from provenance.api.roles import ALLOWED, RECORDING, Permission, Role
from provenance.core.digests import sha256
from provenance.db.accounts import AccountStore
from provenance.log.errors import UnavailableError
from provenance.log.writer import LogWriter

MAX_TOKEN = 256
"""Characters of a token; ours have fewer than half."""
_Asked = tuple[bytes, bool]
"""SHA-256 of a token, and whether the log was open when it came."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Whose key came with a request; ``was_open``: the log was open when it was asked for."""

    key_id: str
    organisation: UUID
    role: Role
    was_open: bool = True

    def require_lasting(self) -> None:
        """Refuse what would be recorded under an id that may be gone.

        Raises:
            UnavailableError: the log was closed when the key was asked for.

        """
        if not self.was_open:
            raise UnavailableError("the log takes writes again, repeat it", retry_after=1)


class Authenticator:
    """Finds the principal of a request and asks whether its role may do what it wants."""

    def __init__(
        self,
        accounts: AccountStore,
        *,
        writer: LogWriter,
        seconds: Callable[[], float],
        cache_s: float,
        max_cached: int,
    ) -> None:
        self._accounts = accounts
        self._writer = writer
        self._seconds = seconds
        self._cache_s = cache_s
        self._max_cached = max_cached
        self._known: OrderedDict[_Asked, tuple[Principal, float]] = OrderedDict()
        self._asking: dict[_Asked, asyncio.Task[Principal | None]] = {}

    async def require(self, request: Request, permission: Permission) -> Principal:
        """Return the caller if its role holds ``permission``.

        Raises:
            UnauthenticatedError: no key, or an unknown or revoked one.
            ForbiddenError: the key's role may not.
            LogReadOnlyError: it would be recorded, and the log takes no writes.
            UnavailableError: the same, because the service starts or stops.

        """
        is_open = self._writer.is_open
        principal = await self._principal(request, is_open=is_open)
        request.scope["state"]["principal"] = principal
        if principal.role not in ALLOWED[permission]:
            roles = ", ".join(sorted(ALLOWED[permission]))
            raise ForbiddenError(
                f"a key of role {principal.role} may not do this; it takes one of {roles}"
            )
        if permission in RECORDING and not is_open:
            self._writer.require_open()
            principal.require_lasting()
        return principal

    def forget(self, key_id: str) -> None:
        """Forget a key that was revoked."""
        for asked in [asked for asked, (known, _) in self._known.items() if known.key_id == key_id]:
            del self._known[asked]

    async def _principal(self, request: Request, *, is_open: bool) -> Principal:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN or not token.isascii():
            raise UnauthenticatedError
        asked = sha256(token.encode()), is_open
        known = self._known.get(asked)
        if known is not None and self._seconds() < known[1]:
            return known[0]
        principal = await self._ask(asked, token)
        if principal is None:
            raise UnauthenticatedError
        return principal

    async def _ask(self, asked: _Asked, token: str) -> Principal | None:
        """Ask once for all requests that wait for the same key."""
        task = self._asking.get(asked)
        if task is None:
            task = asyncio.create_task(self._look_up(asked, token))
            self._asking[asked] = task
            task.add_done_callback(lambda _: self._asking.pop(asked, None))
        return await asyncio.shield(task)

    async def _look_up(self, asked: _Asked, token: str) -> Principal | None:
        asked_at = self._seconds()
        key = await self._accounts.authenticate(token)
        if key is None:
            self._known.pop(asked, None)
            return None
        principal = Principal(
            key_id=key.key_id,
            organisation=key.organisation_id,
            role=Role(key.role),
            was_open=asked[1],
        )
        self._known[asked] = (principal, asked_at + self._cache_s)
        self._known.move_to_end(asked)
        while len(self._known) > self._max_cached:
            self._known.popitem(last=False)
        return principal
