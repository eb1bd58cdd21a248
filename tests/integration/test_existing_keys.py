"""The keys of a log that exists: none is made in the place of one that is missing."""

import shutil
from pathlib import Path

import pytest

from fixtures.application import service_settings
from fixtures.embedded import ChainFixture
from fixtures.left import EVERYTHING, NEW_ORIGIN, ORIGIN, Left, start
from fixtures.opening import CutOff, CutOffError, client
from fixtures.rotation import rotated
from provenance.anchor.bootstrap import ensure_deployed
from provenance.anchor.steps import BootstrapStep
from provenance.chain.abi import anchor_role, recovery_role
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.registry import registry_at
from provenance.chain.transactions import address_of
from provenance.chain.types import Address
from provenance.db.engine import create_engine
from provenance.keys.errors import KeyFileError, KeyMissingError
from provenance.log.identity import create_log
from provenance.wiring.chain import (
    account,
    account_addresses,
    anchorer,
    anchorer_name,
    checkpoint_mark,
    file_keys,
    first_keys,
    roles,
)
from provenance.wiring.keyring import WrongKeyError, make_anchoring_key, make_keys
from provenance.wiring.logs import signer_name
from provenance.wiring.trust import trust_path

pytestmark = pytest.mark.services


@pytest.mark.parametrize(
    "missing",
    [
        [f"{signer_name(ORIGIN)}.ed25519"],
        [f"{signer_name(ORIGIN)}.ed25519", f"{signer_name(ORIGIN)}.checkpoint"],
        ["repetition.secret"],
        ["sealing-1.master"],
        [f"{anchorer_name(ORIGIN)}.secp256k1"],
    ],
    ids=["log-key", "log-key-and-mark", "repetition", "master", "anchoring-key"],
)
async def test_a_missing_key_of_an_existing_log_stops_the_start_before_any_write(
    left: Left, missing: list[str]
) -> None:
    checkpoint_mark(left.settings, ORIGIN).write("any")
    for name in missing:
        left.key(name).unlink()
    before, rows = left.files(), left.rows(EVERYTHING)

    with pytest.raises(KeyMissingError, match=rf"keys/{missing[0]} is missing.*from a backup"):
        await start(left.settings, left.chain)

    assert left.files() == before
    assert left.rows(EVERYTHING) == rows


async def test_a_key_shelf_that_is_gone_does_not_pass_for_erased(left: Left) -> None:
    left.rows(
        "UPDATE records SET sealed_path = 'sealed/1', sealed_segment = '20260722/' || repeat('0', 32),"
        " sealed_slot = 0, sealed_opening = decode(repeat('00', 48), 'hex'), payload = NULL"
    )
    shutil.rmtree(left.key("sealed"))
    before = left.files()
    with pytest.raises(KeyMissingError, match=r"keys/sealed has no key.*from a backup"):
        await start(left.settings, left.chain)
    assert left.files() == before


async def test_a_missing_key_stops_the_start_on_an_empty_database_too(left: Left) -> None:
    left.key(f"{signer_name(ORIGIN)}.ed25519").unlink()
    with pytest.raises(KeyMissingError):
        await start(left.with_an_empty_database(), left.chain)


async def test_another_signing_key_than_the_published_one_stops_the_start(left: Left) -> None:
    left.key(f"{signer_name(ORIGIN)}.ed25519").write_text("11" * 32)
    before = left.files()
    with pytest.raises(WrongKeyError, match=r"is not the key that .*trust\.json names"):
        await start(left.settings, left.chain)
    assert left.files() == before


async def test_a_lost_anchoring_key_is_replaced_when_it_is_asked_for(left: Left) -> None:
    with pytest.raises(KeyFileError, match="move it away first"):
        make_anchoring_key(left.settings, origin=ORIGIN)
    left.key(f"{anchorer_name(ORIGIN)}.secp256k1").unlink()

    made = make_anchoring_key(left.settings, origin=ORIGIN)
    await start(left.settings, left.chain)

    async with client(left.chain.rpc_url) as node:
        registry = registry_at(node, Address(left.trust.logs[0].contract))
        assert await registry.has_role(anchor_role(registry_log_id(ORIGIN)), address_of(made))


async def test_recovery_and_administrators_keys_that_were_moved_away_are_not_made_anew(
    left: Left,
) -> None:
    kept = [left.key("recovery.secp256k1"), left.key("administrator.secp256k1")]
    for path in kept:
        path.unlink()
    await start(left.settings, left.chain)
    assert not any(path.exists() for path in kept)


@pytest.mark.parametrize(
    ("missing", "told_by"),
    rotated(
        ["recovery.secp256k1", "administrator.secp256k1", "repetition.secret"],
        ["trust", "keys", "copies"],
    ),
)
async def test_another_log_of_the_folder_makes_no_key_anew_that_they_share(
    left: Left, missing: str, told_by: str
) -> None:
    if told_by != "trust":
        trust_path(left.settings).unlink()
    if told_by == "copies":
        left.key(f"{signer_name(ORIGIN)}.ed25519").unlink()
        left.key(f"{signer_name(ORIGIN)}.checkpoint").unlink(missing_ok=True)
    path = left.key(missing)
    kept = path.read_text()
    path.unlink()
    other = left.settings.model_copy(update={"origin": NEW_ORIGIN})
    before, rows = left.files(), left.rows(EVERYTHING)

    with pytest.raises(KeyMissingError, match=rf"keys/{missing} is missing"):
        await start(other, left.chain)

    assert left.files() == before
    assert left.rows(EVERYTHING) == rows
    path.write_text(kept)
    path.chmod(0o600)
    await start(other, left.chain)
    assert path.read_text() == kept


@pytest.mark.parametrize("after_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", list(BootstrapStep), ids=lambda step: step.name.lower())
async def test_a_first_start_that_was_cut_off_goes_on_with_its_own_keys(
    database_url: str, chain: ChainFixture, tmp_path: Path, step: BootstrapStep, after_effect: bool
) -> None:
    settings = service_settings(tmp_path, database_url=database_url, rpc_url=chain.rpc_url)
    keys = make_keys(settings, origin=ORIGIN)
    for address in account_addresses(keys, ORIGIN):
        chain.fund(address)
    engine = create_engine(database_url)
    log = await create_log(engine, origin=ORIGIN, now_ms=1)
    await engine.dispose()
    before = {path: path.read_bytes() for path in (tmp_path / "keys").iterdir()}
    async with client(chain.rpc_url) as node:
        with pytest.raises(CutOffError):
            await ensure_deployed(
                database_url=database_url,
                chain=node,
                log=log,
                roles=roles(keys, ORIGIN),
                observer=CutOff(step, after_effect=after_effect),
            )

    made = await start(settings, chain)

    assert [log.origin for log in made.trust.logs] == [ORIGIN]
    assert {path: path.read_bytes() for path in before} == before
    async with client(chain.rpc_url) as node:
        registry = registry_at(node, Address(made.trust.logs[0].contract))
        recovery = address_of(account(keys, "recovery"))
        assert await registry.has_role(recovery_role(), recovery)


async def test_a_first_start_that_made_some_keys_only_makes_the_rest(
    database_url: str, chain: ChainFixture, tmp_path: Path
) -> None:
    settings = service_settings(tmp_path, database_url=database_url, rpc_url=chain.rpc_url)
    made = anchorer(first_keys(settings), ORIGIN)
    await start(settings, chain)
    assert anchorer(file_keys(settings), ORIGIN).address == made.address
