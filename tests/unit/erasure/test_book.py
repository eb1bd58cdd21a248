"""The erasure list: durable, shared, and bound line by line."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from provenance.core.digests import LeafHash, sha256
from provenance.erasure.book import ErasureList
from provenance.erasure.errors import ErasureListError
from provenance.erasure.orders import Order, Payload
from provenance.sealing import SealedRef

SUBMITTER = UUID("5d2f7c0e-6f0e-4f35-9d3b-4a1f0f1de1a5")


def order(number: int, *, leaves: int = 2) -> Order:
    return Order(
        id=f"{number:032x}",
        at=1_764_000_000_000 + number,
        ground="objection",
        submitter=SUBMITTER,
        leaves=tuple(LeafHash(sha256(f"{number} {at}".encode())) for at in range(leaves)),
        payload=Payload(SealedRef("sealed/20261126/aa", "20261126/bb", 3, b"opening"), 40),
    )


def opened(path: Path) -> ErasureList:
    return ErasureList(path, now_ms=lambda: 1_764_000_100_000)


async def test_orders_come_back_as_they_were_and_with_what_happened(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    book = opened(path)
    assert await book.orders() == {}
    for number in range(3):
        await book.add(order(number))
    [noted] = await book.mark("recorded", [order(0)])
    assert (noted.state, noted.is_open) == ("erased", True)
    await book.mark("purged", [order(0)])
    await book.mark("withdrawn", [order(1)])
    found = await opened(path).orders()
    assert [one.state for one in found.values()] == ["purged", "withdrawn", "requested"]
    assert found[order(0).id].purged_at == 1_764_000_100_000
    assert found[order(2).id] == order(2)
    await book.mark("reopened", [order(0)])
    assert (await opened(path).orders())[order(0).id].state == "erased"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_two_processes_append_to_one_list(tmp_path: Path) -> None:
    one, other = opened(tmp_path / "erasures"), opened(tmp_path / "erasures")
    await one.add(order(0))
    await other.add(order(1))
    await one.add(order(2))
    assert list(await other.orders()) == [order(number).id for number in range(3)]


async def test_a_last_line_that_was_cut_off_is_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "erasures"
    book = opened(path)
    await book.add(order(0))
    whole = path.read_bytes()
    await book.add(order(1))
    path.write_bytes(path.read_bytes()[:-20])
    again = opened(path)
    assert list(await again.orders()) == [order(0).id]
    await again.add(order(2))
    assert path.read_bytes().startswith(whole)
    assert list(await opened(path).orders()) == [order(0).id, order(2).id]


def flipped(data: bytes) -> bytes:
    return data.replace(b"objection", b"retention", 1)


def without_a_line(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([lines[0], *lines[2:]])


def swapped(data: bytes) -> bytes:
    lines = data.splitlines(keepends=True)
    return b"".join([lines[1], lines[0], *lines[2:]])


def with_a_new_leaf(data: bytes) -> bytes:
    lines = data.splitlines()
    value = json.loads(lines[0])
    value["leaves"][0] = "00" * 32
    lines[0] = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
    return b"\n".join([*lines, b""])


@pytest.mark.parametrize(
    "alter", [flipped, without_a_line, swapped, with_a_new_leaf], ids=lambda one: one.__name__
)
async def test_a_list_that_was_altered_is_refused_and_says_where(
    tmp_path: Path, alter: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "erasures"
    for number in range(3):
        await opened(path).add(order(number))
    path.write_bytes(alter(path.read_bytes()))
    with pytest.raises(ErasureListError, match=r"line [12] of the erasure list"):
        await opened(path).orders()


async def test_a_list_that_became_shorter_or_went_is_noticed_by_whoever_read_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "erasures"
    book = opened(path)
    await book.add(order(0))
    await book.add(order(1))
    whole = path.read_bytes()
    path.write_bytes(whole.splitlines(keepends=True)[0])
    with pytest.raises(ErasureListError, match="shorter"):
        await book.orders()
    path.unlink()
    with pytest.raises(ErasureListError, match="gone"):
        await book.orders()
    path.write_bytes(whole)
    assert len(await book.orders()) == 2


async def test_orders_of_another_list_are_taken_over_once(tmp_path: Path) -> None:
    newer, older = opened(tmp_path / "newer"), opened(tmp_path / "older")
    for number in range(4):
        await newer.add(order(number))
    await newer.mark("recorded", [order(1), order(2)])
    await newer.mark("purged", [order(1)])
    await newer.mark("withdrawn", [order(3)])
    await older.add(order(0))
    assert await older.take_over(tmp_path / "newer") == 3
    assert await older.take_over(tmp_path / "newer") == 0
    states = [one.state for one in (await older.orders()).values()]
    # What was purged elsewhere is still to be done here.
    assert states == ["requested", "erased", "erased", "withdrawn"]
    with pytest.raises(ErasureListError, match="no erasure list"):
        await older.take_over(tmp_path / "nothing")


async def test_what_the_other_list_decided_of_an_order_is_taken_over(tmp_path: Path) -> None:
    newer, older = opened(tmp_path / "newer"), opened(tmp_path / "older")
    for book in (newer, older):
        await book.add(order(0), order(1), order(2))
    await newer.mark("withdrawn", [order(0)])
    await newer.mark("recorded", [order(1)])
    await older.take_over(tmp_path / "newer")
    lines = (tmp_path / "older").read_bytes()
    await older.take_over(tmp_path / "newer")
    assert (tmp_path / "older").read_bytes() == lines
    states = [one.state for one in (await opened(tmp_path / "older").orders()).values()]
    assert states == ["withdrawn", "erased", "requested"]


async def test_what_the_log_has_is_not_withdrawn_any_more(tmp_path: Path) -> None:
    book = opened(tmp_path / "erasures")
    await book.add(order(0))
    await book.mark("recorded", [order(0)])
    [kept] = await book.mark("withdrawn", [order(0)])
    assert (kept.state, (await book.orders())[kept.id].state) == ("erased", "erased")
