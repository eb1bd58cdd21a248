"""The key shelf: keys that last, and that are gone once they were erased."""

import os
from pathlib import Path

import pytest

from provenance.keys.errors import KeyMissingError
from provenance.keys.files import FileKeys
from provenance.sealing import shelf as shelves
from provenance.sealing.errors import AlteredError, KeyGoneError, ShelfError
from provenance.sealing.shelf import KeyShelf
from provenance.sealing.stream import DataKey

HOUR_MS = 3_600_000
NOW = 1_764_000_000_000
KEYS = [DataKey(bytes([number]) * 32) for number in range(1, 4)]


def shelf(tmp_path: Path, *, now_ms: int = NOW) -> KeyShelf:
    return KeyShelf(
        tmp_path / "keys" / "sealed",
        FileKeys(tmp_path / "keys"),
        random_bytes=os.urandom,
        now_ms=lambda: now_ms,
    )


def file_of(tmp_path: Path, segment: str) -> Path:
    return tmp_path / "keys" / "sealed" / segment


def everything(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


async def test_keys_come_back_from_a_shelf_that_was_opened_anew(tmp_path: Path) -> None:
    segment = await shelf(tmp_path).put(KEYS)
    again = shelf(tmp_path)
    assert [await again.get(segment, slot) for slot in range(3)] == KEYS
    data = file_of(tmp_path, segment).read_bytes()
    assert not any(key in data for key in KEYS)
    assert file_of(tmp_path, segment).stat().st_mode & 0o777 == 0o600


async def test_an_erased_key_is_gone_and_its_neighbours_are_not(tmp_path: Path) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    before = file_of(tmp_path, segment).read_bytes()
    await keys.erase(segment, [1])
    with pytest.raises(KeyGoneError):
        await keys.get(segment, 1)
    assert [await keys.get(segment, slot) for slot in (0, 2)] == [KEYS[0], KEYS[2]]
    assert await keys.present(segment) == {0, 2}
    wrapped = before[-96:-48]
    assert not any(wrapped in data for data in everything(tmp_path))


async def test_the_old_bytes_of_an_erased_key_are_overwritten_where_they_lay(
    tmp_path: Path,
) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    with file_of(tmp_path, segment).open("rb") as old:
        await keys.erase(segment, [0])
        assert not any(old.read())


async def test_a_segment_whose_keys_are_all_erased_is_removed(tmp_path: Path) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    await keys.erase(segment, [0, 1])
    await keys.erase(segment, [2])
    await keys.erase(segment, [2])
    assert not file_of(tmp_path, segment).exists()
    with pytest.raises(KeyGoneError):
        await keys.get(segment, 2)


@pytest.mark.parametrize("step", ["_replace", "_overwrite"])
async def test_an_erasure_that_was_cut_off_leaves_nothing_after_the_next_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    with monkeypatch.context() as patched:
        patched.setattr(shelves, step, _power_cut)
        with pytest.raises(ShelfError):
            await keys.erase(segment, [0])
    await keys.finish_erasures()
    assert [path.name for path in file_of(tmp_path, segment).parent.iterdir()] == [
        segment.partition("/")[2]
    ]
    await keys.erase(segment, [0])
    assert await keys.present(segment) == {1, 2}


def _power_cut(*_: object) -> None:
    raise OSError("the power was cut")


@pytest.mark.parametrize("slot", [0, 1], ids=["the same key", "another one"])
async def test_an_erasure_after_one_that_was_cut_off_overwrites_what_that_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, slot: int
) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    whole = file_of(tmp_path, segment).read_bytes()
    with file_of(tmp_path, segment).open("rb") as disk:
        with monkeypatch.context() as patched:
            patched.setattr(shelves, "_overwrite", _power_cut)
            with pytest.raises(ShelfError):
                await keys.erase(segment, [0])
        assert disk.read() == whole
        await keys.erase(segment, [slot])
        disk.seek(0)
        assert not any(disk.read())


@pytest.mark.parametrize("at", [0, 12, 14, 40, 90, 110, 160])
async def test_a_changed_byte_of_a_segment_opens_no_other_key(tmp_path: Path, at: int) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    path = file_of(tmp_path, segment)
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)
    found = []
    for slot, key in enumerate(KEYS):
        try:
            assert await keys.get(segment, slot) == key
        except (shelves.ProvenanceError, AlteredError) as error:
            found.append(error)
    assert found


async def test_a_segment_under_another_name_opens_nothing(tmp_path: Path) -> None:
    keys = shelf(tmp_path)
    segment = await keys.put(KEYS)
    other = segment[:-1] + ("0" if segment[-1] != "0" else "1")
    file_of(tmp_path, segment).rename(file_of(tmp_path, other))
    with pytest.raises(shelves.ProvenanceError, match="not wrapped by the master key"):
        await keys.get(other, 0)


@pytest.mark.parametrize("name", ["", "../sealing-1.master", "20251124/..", "20251124/abc"])
async def test_what_is_no_segment_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ShelfError):
        await shelf(tmp_path).get(name, 0)


async def test_segments_are_listed_by_day_and_age(tmp_path: Path) -> None:
    old = await shelf(tmp_path, now_ms=NOW - 48 * HOUR_MS).put(KEYS)
    new = await shelf(tmp_path).put(KEYS)
    for segment, age in ((old, 48), (new, 0)):
        seconds = (NOW - age * HOUR_MS) / 1000
        os.utime(file_of(tmp_path, segment), (seconds, seconds))
    keys = shelf(tmp_path)
    assert [one async for one in keys.older(before_ms=NOW - HOUR_MS)] == [old]
    assert {one async for one in keys.older(before_ms=NOW + 1)} == {old, new}
    recent = [one async for one in keys.older(before_ms=NOW + 1, since_ms=NOW - 24 * HOUR_MS)]
    assert recent == [new]


async def test_a_shelf_with_keys_does_not_go_on_under_another_master_key(tmp_path: Path) -> None:
    await shelf(tmp_path).put(KEYS)
    (tmp_path / "keys" / f"{shelves.MASTER}.master").unlink()
    before = everything(tmp_path)
    with pytest.raises(KeyMissingError, match=shelves.MASTER):
        await shelf(tmp_path).put(KEYS)
    assert everything(tmp_path) == before
