"""Opening a log on chain: once, wherever it is cut off, and again on a chain that forgot it."""

from dataclasses import replace

import psycopg
import pytest

from fixtures.embedded import ChainFixture
from fixtures.opening import CutOff, CutOffError, client, deploy, make_keys, make_log
from provenance.anchor.bootstrap import ensure_deployed
from provenance.anchor.errors import DeploymentLostError, NotDeployedError
from provenance.anchor.session import connect
from provenance.anchor.steps import BootstrapStep
from provenance.chain.abi import anchor_role, recovery_role
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.errors import WrongChainError
from provenance.chain.registry import registry_at
from provenance.chain.transactions import address_of
from provenance.chain.types import LogState

pytestmark = pytest.mark.services


async def journal(database_url: str) -> list[tuple[str, bytes]]:
    async with connect(database_url) as connection:
        cursor = await connection.execute(
            "SELECT purpose, tx_hash FROM chain_transactions ORDER BY created_at, nonce"
        )
        return await cursor.fetchall()


async def test_a_log_is_opened_and_its_keys_have_their_roles(
    database_url: str, chain: ChainFixture
) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    async with client(chain.rpc_url) as node:
        deployment = await deploy(database_url, node, log, keys)
        registry = registry_at(node, deployment.contract)
        on_chain = registry_log_id(log.origin)
        info = await registry.log_info(on_chain)
        assert (info.state, info.origin) == (LogState.OPEN, log.origin)
        assert await registry.has_role(anchor_role(on_chain), address_of(keys.anchorer))
        assert await registry.has_role(recovery_role(), address_of(keys.recovery))
        assert not await registry.has_role(recovery_role(), address_of(keys.administrator))
        opened = await node.block(deployment.start_block)
        assert opened is not None
        assert opened.time == deployment.start_time
        assert await node.code_hash(deployment.contract) == deployment.code_hash


async def test_a_second_start_sends_nothing(database_url: str, chain: ChainFixture) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    async with client(chain.rpc_url) as node:
        first = await deploy(database_url, node, log, keys)
        height = (await node.latest()).number
        assert await deploy(database_url, node, log, keys) == first
        assert (await node.latest()).number == height


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", list(BootstrapStep), ids=lambda step: step.name.lower())
async def test_cut_off_at_any_step_the_next_start_finishes_the_one_deployment(
    database_url: str, chain: ChainFixture, step: BootstrapStep, after_effect: bool
) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    async with client(chain.rpc_url) as node:
        before = (await node.latest()).number
        with pytest.raises(CutOffError):
            await deploy(
                database_url, node, log, keys, observer=CutOff(step, after_effect=after_effect)
            )
        deployment = await deploy(database_url, node, log, keys)
        info = await registry_at(node, deployment.contract).log_info(registry_log_id(log.origin))
        assert info.state is LogState.OPEN
        assert (await node.latest()).number == before + 3
    assert [purpose for purpose, _ in await journal(database_url)] == ["deploy", "open", "role"]


async def test_a_chain_that_lost_everything_gets_the_same_transactions_back(
    database_url: str, chain: ChainFixture
) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    empty = chain.administer("evm_snapshot")
    async with client(chain.rpc_url) as node:
        first = await deploy(database_url, node, log, keys)
        sent = await journal(database_url)
        chain.administer("evm_revert", empty)
        # The stored bytes are enough; the administrator's key is not asked for.
        roles = replace(keys.roles, administrator=None)
        again = await ensure_deployed(database_url=database_url, chain=node, log=log, roles=roles)
        assert again.contract == first.contract
        for _, tx_hash in sent:
            assert await node.receipt(tx_hash) is not None
    assert await journal(database_url) == sent


async def test_a_registry_that_cannot_come_back_to_its_address_is_not_replaced(
    database_url: str, chain: ChainFixture
) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    empty = chain.administer("evm_snapshot")
    async with client(chain.rpc_url) as node:
        await deploy(database_url, node, log, keys)
        chain.administer("evm_revert", empty)
        async with connect(database_url) as connection:
            await connection.execute("DELETE FROM chain_transactions")
        with pytest.raises(DeploymentLostError):
            await deploy(database_url, node, log, keys)


async def test_without_the_administrators_key_what_is_missing_is_named(
    database_url: str, chain: ChainFixture
) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    async with client(chain.rpc_url) as node:
        with pytest.raises(NotDeployedError, match="administrator"):
            await ensure_deployed(
                database_url=database_url,
                chain=node,
                log=log,
                roles=replace(keys.roles, administrator=None),
            )


async def test_another_chain_is_refused_by_name(database_url: str, chain: ChainFixture) -> None:
    keys = make_keys(chain)
    log = await make_log(database_url)
    async with client(chain.rpc_url) as node:
        await deploy(database_url, node, log, keys)
        async with await psycopg.AsyncConnection.connect(
            database_url.replace("+psycopg", ""), autocommit=True
        ) as connection:
            await connection.execute("UPDATE logs SET genesis_hash = sha256('another')")
        with pytest.raises(WrongChainError, match="set RPC_URL"):
            await deploy(database_url, node, log, keys)
