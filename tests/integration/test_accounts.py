"""API keys: shown once, stored as a hash, revocable."""

import os

import pytest
from sqlalchemy import select

from provenance.core.digests import sha256
from provenance.core.errors import BadValueError
from provenance.db.accounts import AccountStore
from provenance.db.engine import create_engine
from provenance.db.tables import api_keys

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
