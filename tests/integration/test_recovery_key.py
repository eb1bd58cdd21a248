"""A succession asks for the recovery key that the registry knows, before it closes anything."""

import pytest

from fixtures.left import NEW_ORIGIN, ORIGIN, Left
from fixtures.opening import client
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.errors import MissingRoleError
from provenance.chain.registry import registry_at
from provenance.chain.types import Address, LogState
from provenance.keys.errors import KeyMissingError
from provenance.wiring.chain import (
    account,
    file_keys,
)
from provenance.wiring.succession import carry_on

pytestmark = pytest.mark.services


async def test_a_succession_names_the_recovery_key_that_it_needs(left: Left) -> None:
    path = left.key("recovery.secp256k1")
    real, wanted = path.read_text(), account(file_keys(left.settings), "recovery").address.lower()
    path.unlink()
    with pytest.raises(KeyMissingError, match=f"{path} is missing: bring .* that of {wanted}"):
        await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    path.write_text("22" * 32)
    path.chmod(0o600)
    with pytest.raises(MissingRoleError, match=f"{path} is not the recovery key.* {wanted}"):
        await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    assert left.rows("SELECT origin FROM logs") == [(ORIGIN,)]

    path.write_text(real)
    done, _ = await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    assert done.log.origin == NEW_ORIGIN


async def test_a_succession_without_the_administrators_key_does_not_close_the_log(
    left: Left,
) -> None:
    left.key("administrator.secp256k1").unlink()
    with pytest.raises(KeyMissingError, match="administrator"):
        await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    async with client(left.chain.rpc_url) as node:
        registry = registry_at(node, Address(left.trust.logs[0].contract))
        assert (await registry.log_info(registry_log_id(ORIGIN))).state is LogState.OPEN
