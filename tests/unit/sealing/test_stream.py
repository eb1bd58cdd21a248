"""The sealed object: what was sealed comes back, and nothing else does."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from provenance.sealing.errors import AlteredError
from provenance.sealing.stream import (
    CHUNK,
    HEADER_SIZE,
    SEALED_CHUNK,
    DataKey,
    Opener,
    Sealer,
    Span,
    seal,
    sealed_size,
    unseal,
)

KEY = DataKey(bytes(range(32)))
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 5, 3 * CHUNK)

sizes = st.sampled_from(SIZES) | st.integers(0, 4 * CHUNK)


def plain(size: int) -> bytes:
    return (b"0123456789abcdefghijklmnopqrstuvw" * (size // 33 + 1))[:size]


def sealed(size: int) -> bytes:
    return seal(plain(size), KEY, random_bytes=os.urandom)


def chunks(data: bytes) -> list[bytes]:
    body = data[HEADER_SIZE:]
    return [body[at : at + SEALED_CHUNK] for at in range(0, len(body), SEALED_CHUNK)]


def read(data: bytes, size: int, start: int = 0, stop: int | None = None) -> bytes:
    """What a reader gets who believes the object to have ``size`` bytes."""
    span = Span.of(size, start=start, stop=stop)
    opener = Opener(KEY, data[:HEADER_SIZE], span)
    part = data[span.start : None if span.has_end else span.end]
    return b"".join(opener.update(part)) + opener.finish()


@settings(deadline=None)
@given(size=sizes, cuts=st.lists(st.integers(1, 3 * CHUNK), max_size=6))
def test_what_is_sealed_in_pieces_comes_back_whole(size: int, cuts: list[int]) -> None:
    data, sealer = plain(size), Sealer(KEY, random_bytes=os.urandom)
    made = sealer.header
    for cut in cuts:
        made += sealer.update(data[:cut])
        data = data[cut:]
    made += sealer.update(data) + sealer.finish()
    assert len(made) == sealed_size(size)
    assert unseal(made, KEY) == plain(size)


@settings(deadline=None)
@given(data=st.data(), size=sizes)
def test_any_range_is_what_lies_there(data: st.DataObject, size: int) -> None:
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    assert read(sealed(size), size, start, stop) == plain(size)[start:stop]


@settings(deadline=None)
@given(data=st.data(), size=sizes)
def test_any_changed_bit_is_found(data: st.DataObject, size: int) -> None:
    made = bytearray(sealed(size))
    bit = data.draw(st.integers(0, len(made) * 8 - 1))
    made[bit // 8] ^= 1 << bit % 8
    with pytest.raises(AlteredError):
        unseal(bytes(made), KEY)


@settings(deadline=None)
@given(data=st.data(), size=sizes)
def test_any_cut_is_found_even_by_a_reader_who_believes_the_shorter_length(
    data: st.DataObject, size: int
) -> None:
    made = sealed(size)
    cut = made[: data.draw(st.integers(0, len(made) - 1))]
    with pytest.raises(AlteredError):
        unseal(cut, KEY)
    with pytest.raises(AlteredError):
        read(cut, size)


@pytest.mark.parametrize("count", [1, 2])
def test_whole_chunks_cut_from_the_end_are_found(count: int) -> None:
    made = sealed(3 * CHUNK)
    shorter = made[:HEADER_SIZE] + b"".join(chunks(made)[:-count])
    with pytest.raises(AlteredError):
        unseal(shorter, KEY)


@settings(deadline=None)
@given(order=st.permutations(range(4)).filter(lambda order: order != [0, 1, 2, 3]))
def test_chunks_in_another_order_are_found(order: list[int]) -> None:
    made = sealed(4 * CHUNK)
    parts = chunks(made)
    with pytest.raises(AlteredError):
        unseal(made[:HEADER_SIZE] + b"".join(parts[at] for at in order), KEY)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("more", [1, 15, 16, 17, SEALED_CHUNK])
def test_bytes_behind_the_end_are_found(size: int, more: int) -> None:
    made = sealed(size) + bytes(more)
    with pytest.raises(AlteredError):
        unseal(made, KEY)
    with pytest.raises(AlteredError):
        read(made, size)


def test_a_chunk_of_another_object_under_the_same_key_is_found() -> None:
    one, other = sealed(3 * CHUNK), sealed(3 * CHUNK)
    mixed = chunks(one)[:1] + chunks(other)[1:2] + chunks(one)[2:]
    with pytest.raises(AlteredError, match="chunk 1"):
        unseal(one[:HEADER_SIZE] + b"".join(mixed), KEY)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(AlteredError):
        unseal(sealed(10), DataKey(bytes(32)))


def test_a_range_reads_its_own_chunks_alone() -> None:
    size = 100 * CHUNK
    span = Span.of(size, start=50 * CHUNK + 3, stop=51 * CHUNK + 1)
    assert (span.first, span.last, span.has_end) == (50, 51, False)
    assert span.end - span.start == 2 * SEALED_CHUNK


def test_the_plaintext_is_nowhere_in_the_sealed_object() -> None:
    assert b"0123456789abcdef" not in sealed(2 * CHUNK)
