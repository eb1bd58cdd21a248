"""A start on what is left of a log: nothing that receipts name is made a second time."""

import shutil
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from fixtures.application import service_settings
from fixtures.embedded import ChainFixture, PostgresFixture
from fixtures.left import NEW_ORIGIN, ORIGIN, Left, start
from provenance.anchor.errors import DeploymentLostError
from provenance.chain.errors import WrongChainError
from provenance.core.verdict import Outcome
from provenance.verify.chain import ChainFactsReader
from provenance.verify.service import ReceiptInput, verify_receipts
from provenance.wiring.chain import checkpoint_mark
from provenance.wiring.succession import carry_on
from provenance.wiring.trust import TrustFileError, trust_path

pytestmark = pytest.mark.services


async def test_an_empty_database_takes_the_published_registry_and_is_filled_again(
    left: Left,
) -> None:
    settings = left.with_an_empty_database()

    made = await start(settings, left.chain)

    assert made.trust == left.trust
    await left.refill(settings)
    async with ChainFactsReader(left.chain.rpc_url) as facts:
        report = await verify_receipts(
            [ReceiptInput(left.receipt.encode())], trust=made.trust, facts=facts
        )
    assert report.outcome is Outcome.VALID


async def test_an_empty_database_and_a_chain_without_the_registry_make_no_second_one(
    postgres: PostgresFixture, migrated_template: str, chain: ChainFixture, tmp_path: Path
) -> None:
    address = postgres.create_database(template=migrated_template)
    settings = service_settings(tmp_path, database_url=address.url, rpc_url=chain.rpc_url)
    empty = chain.administer("evm_snapshot")
    await start(settings, chain)
    published = trust_path(settings).read_bytes()
    chain.administer("evm_revert", empty)
    address = postgres.create_database(template=migrated_template)
    emptied = settings.model_copy(update={"database_url": address.url})

    for _ in range(2):
        with pytest.raises(DeploymentLostError, match=r"trust\.json names.*restore the chain"):
            await start(emptied, chain)

    assert trust_path(settings).read_bytes() == published
    with psycopg.connect(address.url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT contract, chain_id FROM logs").fetchall() == [
            (None, None)
        ]
        assert connection.execute("SELECT count(*) FROM chain_transactions").fetchone() == (0,)


async def test_an_empty_database_does_not_take_another_chain(left: Left) -> None:
    [log] = left.trust.logs
    other = replace(left.trust, logs=(replace(log, genesis_hash=bytes(32)),))
    trust_path(left.settings).write_bytes(other.encode())
    with pytest.raises(WrongChainError):
        await start(left.with_an_empty_database(), left.chain)


@pytest.mark.parametrize("trace", ["copy", "mark"])
async def test_copies_or_checkpoint_without_a_trust_file_refuse_an_empty_database(
    left: Left, trace: str
) -> None:
    trust_path(left.settings).unlink()
    if trace == "mark":
        shutil.rmtree(left.settings.data_dir / "blobs")
        checkpoint_mark(left.settings, ORIGIN).write("any")
    settings = left.with_an_empty_database()
    before = left.files()

    said = "the copy logs/" if trace == "copy" else "the checkpoint "
    with pytest.raises(DeploymentLostError, match=rf"{said}.*Put .*trust\.json back"):
        await start(settings, left.chain)

    assert left.files() == before
    assert left.rows("SELECT * FROM logs", settings) == []


async def test_a_log_that_was_carried_on_is_not_begun_again_on_an_empty_database(
    left: Left,
) -> None:
    await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    for origin in (ORIGIN, NEW_ORIGIN):
        emptied = left.with_an_empty_database().model_copy(update={"origin": origin})
        with pytest.raises(DeploymentLostError, match="restore the database from a dump"):
            await start(emptied, left.chain)


async def test_a_database_with_another_registry_does_not_replace_the_published_one(
    left: Left,
) -> None:
    left.rows("UPDATE logs SET contract = decode(repeat('11', 20), 'hex')")
    before = left.files()
    with pytest.raises(TrustFileError, match=r"names the contract .* the database 1111"):
        await start(left.settings, left.chain)
    assert left.files() == before


async def test_a_trust_file_that_cannot_be_read_stops_the_start(left: Left) -> None:
    trust_path(left.settings).write_text("{}")
    with pytest.raises(TrustFileError, match="put back the one that was published"):
        await start(left.settings, left.chain)


async def test_a_succession_adds_to_the_trust_file(left: Left) -> None:
    await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    trust = (await start(left.settings, left.chain)).trust
    assert [log.origin for log in trust.logs] == [ORIGIN, NEW_ORIGIN]
    assert trust.logs[0].keys == left.trust.logs[0].keys
    assert trust.lineage(ORIGIN) == (ORIGIN, NEW_ORIGIN)
