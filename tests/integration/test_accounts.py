"""API keys: shown once, stored as a hash, revocable."""

import asyncio
import os
from pathlib import Path

import pytest
from sqlalchemy import select

from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.db.accounts import ROLES, AccountStore
from provenance.db.engine import create_engine
from provenance.db.errors import LastAdminKeyError
from provenance.db.tables import api_keys
from provenance.wiring.credentials import FILE_NAME, ensure_credentials

pytestmark = pytest.mark.services


async def test_a_key_authenticates_until_it_is_revoked(database_url: str) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    key, token = await accounts.create(organisation="Carrier", role="carrier", label="hub")
    assert await accounts.authenticate(token) == key
    revoked = await accounts.revoke(key.key_id)
    assert revoked is not None
    assert revoked.revoked_at == 7
    assert await accounts.authenticate(token) is None
    assert await accounts.keys() == [revoked]
    await engine.dispose()


async def test_only_a_hash_of_the_secret_is_stored(database_url: str) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    _, token = await accounts.create(organisation="Carrier", role="carrier", label="hub")
    secret = token.rpartition("_")[2]
    async with engine.connect() as connection:
        row = (await connection.execute(select(api_keys))).one()
    assert row.secret_hash == sha256(secret.encode())
    assert secret not in repr(row)
    await engine.dispose()


async def test_keys_of_one_organisation_share_its_id(database_url: str) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    first, _ = await accounts.create(organisation="Carrier", role="carrier", label="a")
    second, _ = await accounts.create(organisation="Carrier", role="auditor", label="b")
    assert first.organisation_id == second.organisation_id == await accounts.organisation("Carrier")
    assert await accounts.organisation("Another") != first.organisation_id
    await engine.dispose()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1] + ("0" if token[-1] != "0" else "1"),
        lambda token: token.upper(),
        lambda token: token.replace("prov_", "prov-"),
        lambda token: token + "0",
        lambda token: "prov_" + "0" * 16 + token[21:],
        lambda _: "",
    ],
    ids=["other-secret", "upper-case", "other-prefix", "longer", "other-id", "empty"],
)
async def test_another_token_is_nobodys(database_url: str, spoil: object) -> None:
    assert callable(spoil)
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    _, token = await accounts.create(organisation="Carrier", role="carrier", label="hub")
    assert await accounts.authenticate(spoil(token)) is None
    assert await accounts.revoke("unknown") is None
    await engine.dispose()


@pytest.mark.parametrize(
    ("organisation", "role", "label"),
    [("Carrier", "root", "x"), ("", "admin", "x"), ("Carrier", "admin", "x" * 201)],
)
async def test_what_cannot_be_a_key_is_refused(
    database_url: str, organisation: str, role: str, label: str
) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    with pytest.raises(BadValueError):
        await accounts.create(organisation=organisation, role=role, label=label)
    assert await accounts.keys() == []
    await engine.dispose()


async def test_the_last_admin_key_is_not_revoked(database_url: str) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    last, _ = await accounts.create(organisation="Operator", role="admin", label="a")
    await accounts.create(organisation="Operator", role="auditor", label="b")
    with pytest.raises(LastAdminKeyError, match="make another one first"):
        await accounts.revoke(last.key_id)
    other, _ = await accounts.create(organisation="Operator", role="admin", label="c")
    found = await asyncio.gather(
        *(accounts.revoke(key.key_id) for key in (last, other)), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in found) == ["ApiKey", "LastAdminKeyError"]
    left = [key for key in await accounts.keys() if key.role == "admin" and key.revoked_at is None]
    assert len(left) == 1
    await engine.dispose()


async def test_keys_that_are_lost_are_renewed_which_is_told(
    database_url: str, tmp_path: Path
) -> None:
    engine = create_engine(database_url)
    accounts = AccountStore(engine, random_bytes=os.urandom, now_ms=lambda: 7)
    first = await ensure_credentials(engine, data_dir=tmp_path)
    assert not first.is_renewed
    (tmp_path / FILE_NAME).write_bytes(first.encode(api_url="http://a", rpc_url="http://b"))
    assert await ensure_credentials(engine, data_dir=tmp_path) == first
    (tmp_path / FILE_NAME).unlink()
    second = await ensure_credentials(engine, data_dir=tmp_path)
    assert second.is_renewed
    for role in ROLES:
        assert await accounts.authenticate(first.tokens[role]) is None
        assert await accounts.authenticate(second.tokens[role]) is not None
    await engine.dispose()
