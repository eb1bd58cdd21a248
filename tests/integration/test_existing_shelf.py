"""A key shelf that is gone is not taken for an erased one, whatever was erased."""

import shutil
import uuid

import pytest

from fixtures.application import open_services, parcel, running_service
from fixtures.documents import pdf, upload
from fixtures.left import Left, start
from fixtures.waiting import eventually
from provenance.core.digests import LeafHash
from provenance.erasure.orders import Event, Order
from provenance.keys.errors import KeyMissingError
from provenance.wiring.sealing import erasure_list

pytestmark = pytest.mark.services

SEALED = (
    "UPDATE records SET sealed_path = 'sealed/1', sealed_segment = '20260722/' || repeat('0', 32),"
    " sealed_slot = 0, sealed_opening = decode(repeat('00', 48), 'hex'), payload = NULL"
)


async def order(left: Left, leaf: bytes, *events: Event) -> None:
    one = Order(
        id="ab" * 16,
        at=1,
        ground="no_longer_necessary",
        submitter=uuid.UUID(int=1),
        leaves=(LeafHash(leaf),),
        payload=None,
    )
    orders = erasure_list(left.settings)
    await orders.add(one)
    for event in events:
        await orders.mark(event, [one])


async def lose_the_shelf(left: Left) -> bytes:
    """Seal the one record, lose every key; returns the leaf hash of its first entry."""
    left.rows(SEALED)
    shutil.rmtree(left.key("sealed"))
    left.key("sealing-1.master").unlink()
    [(leaf,)] = left.rows("SELECT leaf_hash FROM entries WHERE index = 0")
    return bytes(leaf)


@pytest.mark.parametrize("events", [["recorded"], ["recorded", "purged"]], ids=["open", "purged"])
async def test_an_erasure_of_something_else_does_not_excuse_a_shelf_that_is_gone(
    left: Left, events: list[Event]
) -> None:
    await lose_the_shelf(left)
    await order(left, bytes(32), *events)
    before = left.files()
    with pytest.raises(KeyMissingError, match=r"keys/sealed has no key.*from a backup"):
        await start(left.settings, left.chain)
    assert left.files() == before


@pytest.mark.parametrize("events", [[], ["withdrawn"]], ids=["requested", "withdrawn"])
async def test_an_order_that_destroyed_nothing_does_not_excuse_it_either(
    left: Left, events: list[Event]
) -> None:
    await order(left, await lose_the_shelf(left), *events)
    with pytest.raises(KeyMissingError, match="keys/sealed has no key"):
        await start(left.settings, left.chain)


@pytest.mark.parametrize("events", [["recorded"], ["recorded", "purged"]], ids=["open", "purged"])
async def test_rows_that_an_order_names_need_no_key(left: Left, events: list[Event]) -> None:
    """The order was cut off before it emptied them, or an older database brought them back."""
    await order(left, await lose_the_shelf(left), *events)
    await start(left.settings, left.chain)


async def test_a_refill_that_brings_back_sealed_payloads_is_not_opened_without_their_keys(
    left: Left,
) -> None:
    async with running_service(left.settings) as service:
        carrier = await service.new_carrier()
        assert (await upload(carrier, pdf(), parcel())).status_code == 201
        await service.anchor()
    shelf, master = left.key("sealed"), left.key("sealing-1.master")
    shelf.rename(shelf.with_name("elsewhere"))
    master.rename(master.with_name("sealing-1.elsewhere"))
    settings = left.with_an_empty_database()
    await start(settings, left.chain)
    await left.refill(settings)

    async with open_services(settings) as services, services.running():

        async def is_told() -> bool:
            checks = await services.readiness.checks()
            return any("keys/sealed has no key" in check.reason for check in checks)

        await eventually(is_told)
        assert not services.writer.is_open
        assert not master.exists()
        shutil.rmtree(shelf)
        shelf.with_name("elsewhere").rename(shelf)
        master.with_name("sealing-1.elsewhere").rename(master)
        await eventually(lambda: services.writer.is_open)
