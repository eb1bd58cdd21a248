"""A working API key for each role, made at the first start of a service on one's own machine."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from provenance.db.accounts import ROLES, AccountStore

ORGANISATION: Final = "This machine"
"""Whose keys the first ones are."""
FILE_NAME: Final = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One token for each role; they are shown once, so that the caller must keep them."""

    tokens: Mapping[str, str]
    is_renewed: bool = False
    """Whether they take the place of keys that were there before."""

    def encode(self, *, api_url: str, rpc_url: str) -> bytes:
        """Return the content of the credentials file."""
        value = {"api_url": api_url, "rpc_url": rpc_url, "keys": dict(self.tokens)}
        return json.dumps(value, indent=2).encode() + b"\n"


async def ensure_credentials(engine: AsyncEngine, *, data_dir: Path) -> Credentials:
    """Return the keys in the credentials file if they still work, else a new set.

    Keys that are replaced are revoked, so that a lost file costs nothing but its loss.
    """
    accounts = AccountStore(
        engine, random_bytes=os.urandom, now_ms=lambda: time.time_ns() // 1_000_000
    )
    kept = _read(data_dir / FILE_NAME)
    if kept is not None:
        found = {role: await accounts.authenticate(token) for role, token in kept.tokens.items()}
        if all(found.get(role) is not None for role in ROLES):
            return kept
    label = f"made by the service for {FILE_NAME}"
    before = [key for key in await accounts.keys() if key.label == label]
    tokens = {
        role: (await accounts.create(organisation=ORGANISATION, role=role, label=label))[1]
        for role in ROLES
    }
    # The last admin key is never revoked, so that the new one has to be there first.
    for key in before:
        if key.revoked_at is None:
            await accounts.revoke(key.key_id)
    return Credentials(tokens=tokens, is_renewed=bool(before))


def _read(path: Path) -> Credentials | None:
    try:
        tokens = json.loads(path.read_text(encoding="utf-8"))["keys"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return Credentials(tokens=tokens) if isinstance(tokens, dict) else None
