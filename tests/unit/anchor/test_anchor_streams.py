"""Objects of a batch come in pieces of any size."""

from collections.abc import AsyncIterator

import pytest

from provenance.anchor.batch import Part
from provenance.anchor.errors import BatchError
from provenance.anchor.streams import BundleReader, LineReader
from provenance.core.digests import sha256
from provenance.core.tiles import encode_bundle

ENTRIES = [b"a" * 300, b"", b"bc", b"d" * 512]
LINES = b"[1,2]\n[]\n[3]\n"


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 301, 5000])
def test_entries_are_found_wherever_a_piece_ends(size: int) -> None:
    bundle, reader = encode_bundle(ENTRIES), BundleReader()
    found = [
        entry
        for start in range(0, len(bundle), size)
        for entry in reader.feed(bundle[start : start + size])
    ]
    assert found == ENTRIES
    assert reader.pending == b""


def test_an_entry_longer_than_entries_are_is_refused_at_its_length() -> None:
    with pytest.raises(BatchError):
        list(BundleReader().feed(b"\x02\x01"))


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_lines_are_cut_by_table_and_the_whole_is_hashed(size: int) -> None:
    reader = LineReader(pieces(LINES, size))
    assert [line async for line in reader.lines(9)] == [b"[1,2]", b"[]"]
    assert [line async for line in reader.lines(4)] == [b"[3]"]
    await reader.finish(Part(bytes=len(LINES), sha256=sha256(LINES).hex()), "rows")


async def test_rows_that_are_cut_off_or_go_on_are_refused() -> None:
    with pytest.raises(BatchError, match="cut off"):
        [line async for line in LineReader(pieces(LINES, 4)).lines(99)]
    with pytest.raises(BatchError, match="cut off"):
        [line async for line in LineReader(pieces(LINES, 4)).lines(8)]
    reader = LineReader(pieces(LINES, 4))
    assert len([line async for line in reader.lines(9)]) == 2
    with pytest.raises(BatchError, match="damaged"):
        await reader.finish(Part(bytes=9, sha256=sha256(LINES[:9]).hex()), "rows")
