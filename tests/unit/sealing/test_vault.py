"""Vault and sweep: what is recorded stays, what is not goes, and a failure leaves nothing."""

import os
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from provenance.blobs import BlobStore
from provenance.keys.files import FileKeys
from provenance.sealing import (
    AlteredError,
    KeyGoneError,
    KeyShelf,
    OpenPayload,
    SealedRef,
    SealedRow,
    Vault,
)
from provenance.sealing.stream import seal
from provenance.sealing.sweep import GRACE_MS, Sweeper, Swept
from provenance.wiring.sealing import SealedObjects

NOW = 1_764_000_000_000
DAY_MS = 86_400_000


@dataclass(slots=True)
class Place:
    """A store and a shelf in one folder, at a time that a test sets."""

    folder: Path
    now: int = NOW
    recorded: list[SealedRef] = field(default_factory=list)
    oldest: int | None = 0

    @property
    def objects(self) -> SealedObjects:
        return SealedObjects(BlobStore.in_folder(self.folder / "blobs"))

    @property
    def shelf(self) -> KeyShelf:
        return KeyShelf(
            self.folder / "keys" / "sealed",
            FileKeys(self.folder / "keys"),
            random_bytes=os.urandom,
            now_ms=lambda: self.now,
        )

    @property
    def vault(self) -> Vault:
        return Vault(self.objects, self.shelf, random_bytes=os.urandom, now_ms=lambda: self.now)

    @property
    def sweeper(self) -> Sweeper:
        return Sweeper(self.objects, self.shelf, self, now_ms=lambda: self.now)

    async def begun(self) -> int | None:
        return self.oldest

    async def slots(self, segments: Collection[str]) -> Mapping[str, Collection[int]]:
        return {one.segment: {one.slot} for one in self.recorded if one.segment in segments}

    async def paths(self, paths: Collection[str]) -> Collection[str]:
        return [one.path for one in self.recorded if one.path in paths]

    async def seal(self, data: bytes, *, age_ms: int = 0) -> SealedRef:
        self.now = NOW - age_ms
        stored = await self.vault.store(pieces(data))
        sealed = await self.vault.shelve(stored, payload_salt=bytes(32))
        self.now = NOW
        self.age(age_ms, self.folder / "blobs" / sealed.path)
        self.age(age_ms, self.folder / "keys" / "sealed" / sealed.segment)
        return sealed

    def age(self, age_ms: int, path: Path) -> None:
        seconds = (NOW - age_ms) / 1000
        os.utime(path, (seconds, seconds))

    def files(self) -> set[str]:
        """Objects, segments, and whatever else lies beside them."""
        return {
            path.relative_to(self.folder).as_posix()
            for path in self.folder.rglob("*")
            if path.is_file() and path.name not in {".lock", "sealing-1.master"}
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


def files_of(*refs: SealedRef) -> set[str]:
    return {f"blobs/{ref.path}" for ref in refs} | {f"keys/sealed/{ref.segment}" for ref in refs}


async def test_what_a_source_raises_comes_out_and_leaves_nothing(place: Place) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(12):
            yield bytes(1 << 20)
        raise RuntimeError("the sender went away")

    with pytest.raises(RuntimeError, match="went away"):
        await place.vault.store(broken())
    assert place.files() == set()


async def test_an_opening_is_bound_to_its_key(place: Place) -> None:
    one, other = await place.seal(b"one"), await place.seal(b"other")
    mixed = SealedRef(one.path, one.segment, one.slot, other.opening)
    with pytest.raises(AlteredError):
        await place.vault.opening(mixed)
    swapped = SealedRef(other.path, one.segment, one.slot, one.opening)
    with pytest.raises(AlteredError):
        await place.vault.measure(swapped, size=5)


@pytest.mark.parametrize("size", [0, 2, 4, 70_000])
async def test_a_size_that_is_not_the_true_one_is_found(place: Place, size: int) -> None:
    sealed = await place.seal(b"one")
    with pytest.raises(AlteredError):
        await place.vault.measure(sealed, size=size)


async def test_an_erased_payload_is_gone_for_good(place: Place) -> None:
    sealed, kept = await place.seal(b"one"), await place.seal(b"two")
    await place.vault.erase(sealed)
    with pytest.raises(KeyGoneError):
        await place.vault.opening(sealed)
    assert place.files() == files_of(kept)


async def test_a_sweep_removes_what_no_record_refers_to_after_an_hour(place: Place) -> None:
    recorded = await place.seal(b"recorded", age_ms=2 * GRACE_MS)
    lost = await place.seal(b"lost", age_ms=2 * GRACE_MS)
    young = await place.seal(b"young", age_ms=GRACE_MS // 2)
    place.recorded.append(recorded)
    assert await place.sweeper.sweep() == Swept(keys=1, objects=1)
    assert place.files() == files_of(recorded, young)
    with pytest.raises(KeyGoneError):
        await place.vault.opening(lost)
    assert await place.vault.measure(recorded, size=8)


async def test_the_first_sweep_looks_at_all_days_and_the_next_ones_at_the_last(
    place: Place,
) -> None:
    old = await place.seal(b"old", age_ms=30 * DAY_MS)
    sweeper = place.sweeper
    assert await sweeper.sweep() == Swept(keys=1, objects=1)
    assert not files_of(old) & place.files()
    await place.seal(b"older than is looked at", age_ms=30 * DAY_MS)
    yesterday = await place.seal(b"yesterday", age_ms=DAY_MS)
    assert await sweeper.sweep() == Swept(keys=1, objects=1)
    assert not files_of(yesterday) & place.files()


@pytest.mark.parametrize("begun_ms", [2 * GRACE_MS, 30 * DAY_MS])
async def test_a_sweep_leaves_what_is_older_than_the_oldest_log(
    place: Place, begun_ms: int
) -> None:
    older = await place.seal(b"older", age_ms=begun_ms + 1_000)
    newer = await place.seal(b"newer", age_ms=begun_ms - 1_000)
    place.oldest = NOW - begun_ms
    assert await place.sweeper.sweep() == Swept(keys=1, objects=1)
    assert place.files() == files_of(older)
    assert not files_of(newer) & place.files()


async def test_nothing_is_swept_where_no_log_is_known(place: Place) -> None:
    lost = await place.seal(b"lost", age_ms=2 * GRACE_MS)
    place.oldest = None
    assert await place.sweeper.sweep() == Swept()
    assert place.files() == files_of(lost)


async def test_keys_of_one_segment_are_swept_one_by_one(place: Place) -> None:
    stored = [await place.vault.store(pieces(b"one")) for _ in range(3)]
    segment = await place.shelf.put([one.key for one in stored])
    place.age(2 * GRACE_MS, place.folder / "keys" / "sealed" / segment)
    place.recorded.append(SealedRef(stored[1].path, segment, 1, b""))
    assert (await place.sweeper.sweep()).keys == 2
    assert await place.shelf.present(segment) == {1}


async def test_a_sweep_removes_uploads_that_never_ended(place: Place) -> None:
    sealed = await place.seal(b"one")
    place.recorded.append(sealed)
    folder = (place.folder / "blobs" / sealed.path).parent
    for name, age in (("0123#1", 2 * GRACE_MS), ("4567#1", GRACE_MS // 2)):
        (folder / name).write_bytes(b"half")
        place.age(age, folder / name)
    assert await place.sweeper.sweep() == Swept(parts=1)
    assert {path for path in place.files() if "#" in path} == {
        f"blobs/{sealed.path.rpartition('/')[0]}/4567#1"
    }


async def test_payloads_for_rows_share_a_segment_and_go_one_by_one(tmp_path: Path) -> None:
    vault = Place(tmp_path).vault
    payloads = [
        OpenPayload(f"payload {number}".encode(), bytes([number]) * 32, bytes(32))
        for number in range(3)
    ]
    sealed = await vault.seal_rows(payloads)
    assert len({ref.segment for ref, _ in sealed}) == 1
    rows = [SealedRow(ref.segment, ref.slot, data, ref.opening) for ref, data in sealed]
    assert await vault.open_rows(rows) == [one.data for one in payloads]
    opening = await vault.opening(sealed[2][0])
    assert (opening.payload_salt, opening.fields_salt) == (bytes([2]) * 32, bytes(32))
    await vault.erase_all([sealed[0][0], sealed[2][0]])
    assert await vault.open_rows(rows) == [None, b"payload 1", None]


async def test_a_row_that_was_altered_or_has_anothers_opening_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    [(ref, data)] = await place.vault.seal_rows([OpenPayload(b"one", bytes(32))])
    key = await place.shelf.get(ref.segment, ref.slot)
    flipped = data[:-1] + bytes([data[-1] ^ 1])
    other = seal(b"another", key, random_bytes=os.urandom)
    for altered in (flipped, other):
        with pytest.raises(AlteredError):
            await place.vault.open_rows([SealedRow(ref.segment, ref.slot, altered, ref.opening)])
    with pytest.raises(AlteredError):
        await place.vault.measure(ref, size=3)
