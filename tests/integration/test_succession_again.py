"""``log succeed`` run again: after a cut, when all is done, and on a database that forgot it."""

import shutil
from dataclasses import dataclass

import pytest
import pytest_asyncio

from fixtures.application import document, event, parcel, running_service
from fixtures.left import EVERYTHING, LD_JSON, NEW_ORIGIN, ORIGIN, Left, start
from fixtures.opening import client
from fixtures.rotation import rotated
from provenance.anchor.errors import SuccessionError
from provenance.chain.abi import anchor_role
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.registry import registry_at
from provenance.chain.transactions import address_of
from provenance.chain.types import Address, LogState
from provenance.core.trustfile import TrustFile
from provenance.keys.errors import KeyMissingError
from provenance.settings import Settings
from provenance.wiring.chain import anchorer_name
from provenance.wiring.keyring import WrongKeyError, make_anchoring_key
from provenance.wiring.logs import signer_name
from provenance.wiring.succession import carry_on
from provenance.wiring.trust import trust_path

pytestmark = pytest.mark.services

SIGNER, ANCHORER = f"{signer_name(NEW_ORIGIN)}.ed25519", f"{anchorer_name(NEW_ORIGIN)}.secp256k1"
MARK = f"{signer_name(NEW_ORIGIN)}.checkpoint"


@dataclass(frozen=True)
class Forgotten:
    """A dump from before a succession, beside the chain that knows it."""

    settings: Settings
    trust: TrustFile
    """As it was published after the succession."""


@pytest_asyncio.fixture
async def forgotten(left: Left) -> Forgotten:
    dump = left.copied_database()
    await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    made = await start(left.settings, left.chain)
    async with running_service(left.settings) as service:
        carrier = await service.new_carrier()
        sent = await carrier.post("/epcis/capture", json=document(event(parcel())), headers=LD_JSON)
        assert sent.status_code == 202, sent.text
        await service.anchor()
    return Forgotten(dump, made.trust)


async def has_role(left: Left, holder: Address) -> bool:
    async with client(left.chain.rpc_url) as node:
        registry = registry_at(node, Address(left.trust.logs[0].contract))
        return await registry.has_role(anchor_role(registry_log_id(NEW_ORIGIN)), holder)


@pytest.mark.parametrize(
    ("missing", "told_by"), rotated([SIGNER, ANCHORER], ["trust", "chain", "mark-and-copies"])
)
async def test_a_successors_key_is_not_made_anew(
    left: Left, forgotten: Forgotten, told_by: str, missing: str
) -> None:
    left.key(missing).unlink()
    if told_by != "trust":
        trust_path(left.settings).write_bytes(left.trust.encode())
    if told_by == "chain":
        left.key(MARK).unlink(missing_ok=True)
        shutil.rmtree(left.settings.data_dir / "blobs")
    before, rows = left.files(), left.rows(EVERYTHING, forgotten.settings)

    with pytest.raises(KeyMissingError, match=rf"keys/{missing} is missing.*from a backup"):
        await carry_on(forgotten.settings, new_origin=NEW_ORIGIN, reason="again")

    assert left.files() == before
    assert left.rows(EVERYTHING, forgotten.settings) == rows


async def test_another_key_than_the_published_one_does_not_carry_on(
    left: Left, forgotten: Forgotten
) -> None:
    left.key(SIGNER).write_text("11" * 32)
    rows = left.rows(EVERYTHING, forgotten.settings)
    with pytest.raises(WrongKeyError):
        await carry_on(forgotten.settings, new_origin=NEW_ORIGIN, reason="again")
    assert left.rows(EVERYTHING, forgotten.settings) == rows


async def test_with_its_keys_the_successor_is_found_again(left: Left, forgotten: Forgotten) -> None:
    await start(forgotten.settings, left.chain)
    await carry_on(forgotten.settings, new_origin=NEW_ORIGIN, reason="again")
    assert (await start(forgotten.settings, left.chain)).trust == forgotten.trust


async def test_a_successors_anchoring_key_is_replaced_when_it_is_asked_for_and_told(
    left: Left, forgotten: Forgotten, capsys: pytest.CaptureFixture[str]
) -> None:
    left.key(ANCHORER).unlink()
    made = make_anchoring_key(forgotten.settings, origin=NEW_ORIGIN)
    await carry_on(forgotten.settings, new_origin=NEW_ORIGIN, reason="again")
    assert await has_role(left, address_of(made))
    captured = capsys.readouterr()
    assert "new_anchoring_key" in captured.out + captured.err


async def test_a_succession_that_was_cut_off_after_the_rows_moved_is_finished(left: Left) -> None:
    done, _ = await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    left.rows("UPDATE logs SET start_block = NULL WHERE predecessor_id IS NOT NULL")
    trust_path(left.settings).write_bytes(left.trust.encode())

    again, path = await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")

    assert again == done
    assert left.rows("SELECT count(*) FROM logs WHERE start_block IS NULL") == [(0,)]
    trust = TrustFile.decode(path.read_bytes())
    assert trust.lineage(ORIGIN) == (ORIGIN, NEW_ORIGIN)


async def test_a_succession_that_is_done_is_told_without_the_recovery_key(left: Left) -> None:
    done, path = await carry_on(left.settings, new_origin=NEW_ORIGIN, reason="a test")
    published = path.read_bytes()
    left.key("recovery.secp256k1").unlink()
    rows = left.rows(EVERYTHING)
    for origin in (ORIGIN, NEW_ORIGIN):
        settings = left.settings.model_copy(update={"origin": origin})
        again, _ = await carry_on(settings, new_origin=NEW_ORIGIN, reason="a test")
        assert (again.log, again.size) == (done.log, done.size)
    assert left.rows(EVERYTHING) == rows
    assert path.read_bytes() == published


async def test_the_name_of_another_log_closes_nothing(left: Left) -> None:
    without_it = left.copied_database()
    await start(left.settings.model_copy(update={"origin": NEW_ORIGIN}), left.chain)
    for settings, name in (
        (left.settings, ORIGIN),
        (left.settings, NEW_ORIGIN),
        (without_it, NEW_ORIGIN),
    ):
        with pytest.raises(SuccessionError, match="name another"):
            await carry_on(settings, new_origin=name, reason="a test")
    async with client(left.chain.rpc_url) as node:
        registry = registry_at(node, Address(left.trust.logs[0].contract))
        assert (await registry.log_info(registry_log_id(ORIGIN))).state is LogState.OPEN
