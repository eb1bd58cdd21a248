"""Names and manifests of batches, and what counts as missing."""

import msgspec
import pytest

from provenance.anchor.batch import BatchName, Manifest, Part, decode_manifest
from provenance.anchor.errors import BatchError
from provenance.anchor.refill import missing
from provenance.anchor.states import MOVES, AnchorState

PART = Part(bytes=3, sha256="00" * 32)
MANIFEST = Manifest(
    v=1,
    origin="log.example",
    old_size=0,
    size=5,
    root="11" * 32,
    schema="0001",
    entries=PART,
    leaves=PART,
    places=PART,
    rows=PART,
    tables=(),
    contexts=(),
)


def test_a_manifest_is_read_as_it_was_written() -> None:
    assert decode_manifest(MANIFEST.encode()) == MANIFEST


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"v":1}',
        MANIFEST.encode().replace(b'"v": 1', b'"v": 2'),
        MANIFEST.encode().replace(b'"size": 5', b'"size": "5"'),
        MANIFEST.encode().replace(b'"size"', b'"more": 1, "size"'),
        b" " * (1 << 20) + MANIFEST.encode(),
    ],
    ids=["nothing", "list", "no text", "little", "version", "type", "unknown", "long"],
)
def test_what_is_no_manifest_is_refused_by_name(data: bytes) -> None:
    with pytest.raises(BatchError):
        decode_manifest(data)


def test_a_manifest_is_json_for_people() -> None:
    assert msgspec.json.decode(MANIFEST.encode())["old_size"] == 0


def test_names_sort_by_size_and_are_read_back() -> None:
    names = [BatchName(old_size=0, size=9), BatchName(old_size=9, size=100)]
    assert sorted(map(str, names)) == [str(name) for name in names]
    assert [BatchName.parse(str(name)) for name in names] == names


@pytest.mark.parametrize(
    "name", ["", "1-2", "0" * 16, f"{'0' * 16}-{'x' * 16}", f"{'٣' * 16}-{'0' * 16}"]
)
def test_other_folders_are_no_batches(name: str) -> None:
    assert BatchName.parse(name) is None


@pytest.mark.parametrize(
    ("batches", "expected"),
    [
        ([], ((10, 50),)),
        ([(0, 10), (10, 50)], ()),
        ([(0, 20), (20, 30)], ((30, 50),)),
        ([(0, 20), (30, 60)], ((20, 30),)),
        ([(60, 70)], ((10, 50),)),
    ],
)
def test_what_no_batch_covers_is_missing(
    batches: list[tuple[int, int]], expected: tuple[tuple[int, int], ...]
) -> None:
    names = [BatchName(old_size=old, size=size) for old, size in batches]
    assert missing(names, 10, 50) == expected


def test_every_state_of_an_anchor_has_a_way_forward_and_a_way_back() -> None:
    order = list(AnchorState)
    for state in order:
        reachable = {state}
        while True:
            more = reachable | {target for one in reachable for target in MOVES[one]}
            if more == reachable:
                break
            reachable = more
        assert reachable == set(order)
