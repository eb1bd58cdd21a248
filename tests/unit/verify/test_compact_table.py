"""The table that keeps a million trails in memory."""

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from provenance.core.digests import sha256
from provenance.verify.audit.compact import CompactTable

keys = st.integers(0, 40).map(lambda number: sha256(b"%d" % number))


@given(st.lists(st.tuples(keys, st.integers(0, 2**64 - 1), st.binary(min_size=3, max_size=3))))
def test_it_is_a_dictionary(pairs: list[tuple[bytes, int, bytes]]) -> None:
    table, dictionary = CompactTable("Q3s"), {}
    for key, number, text in pairs:
        table.put(key, number, text)
        dictionary[key] = (number, text)
    assert len(table) == len(dictionary)
    assert list(table.values()) == list(dictionary.values())
    for number in range(41):
        key = sha256(b"%d" % number)
        assert table.get(key) == dictionary.get(key)


def test_it_grows_and_forgets_nothing() -> None:
    table = CompactTable("Q")
    for number in range(40_000):
        table.put(sha256(b"%d" % number), number)
    assert len(table) == 40_000
    assert all(table.get(sha256(b"%d" % number)) == (number,) for number in range(40_000))
    assert table.get(bytes(32)) is None


def test_a_trail_takes_some_ninety_bytes() -> None:
    count = 100_000
    tracemalloc.start()
    table = CompactTable("QQ32s")
    for number in range(count):
        table.put(sha256(b"%d" % number), number, 1, bytes(32))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # A hundred thousand leave the last chunk half empty.
    assert used / count < 110
