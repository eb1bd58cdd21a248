"""RLP and trie proofs read by hand, against the packages that write them."""

import contextlib

import pytest
import rlp  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st
from trie.hexary import HexaryTrie

from provenance.core.errors import ProofError
from provenance.verify.dossier import patricia
from provenance.verify.dossier.blocks import MAX_HEADER, read_header
from provenance.verify.dossier.errors import BlockProofError, RlpError, TrieProofError
from provenance.verify.dossier.rlp import MAX_DEPTH, decode, encode_integer

items = st.recursive(
    st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12
).filter(lambda item: depth(item) <= MAX_DEPTH)
values = st.lists(st.binary(min_size=1, max_size=90), min_size=1, max_size=40)


def depth(item: object) -> int:
    return 1 + max(map(depth, item), default=0) if isinstance(item, list) else 0


def proof(trie: HexaryTrie, key: bytes) -> list[bytes]:
    nodes = [rlp.encode(node) for node in trie.get_proof(key)]  # type: ignore[no-untyped-call]
    return [node for at, node in enumerate(nodes) if at == 0 or len(node) >= 32]


@given(items)
def test_what_the_package_writes_is_read(item: object) -> None:
    assert decode(rlp.encode(item)) == item


@given(st.binary(max_size=80))
def test_bytes_are_read_as_the_package_reads_them_or_refused(data: bytes) -> None:
    try:
        expected = rlp.decode(data, strict=True)
    except rlp.exceptions.DecodingError:
        with pytest.raises(RlpError):
            decode(data)
        return
    found = decode(data)
    assert rlp.encode(found) == data
    assert found == (expected if isinstance(expected, bytes) else _lists(expected))


def _lists(item: object) -> object:
    return [_lists(part) for part in item] if isinstance(item, list | tuple) else item


@given(st.integers(min_value=0, max_value=2**60))
def test_keys_are_those_of_the_package(value: int) -> None:
    assert encode_integer(value) == rlp.encode(value)


def test_nesting_is_bounded_before_it_recurses() -> None:
    with pytest.raises(RlpError, match="nested deeper"):
        decode(rlp.encode([[[[[[[[[[]]]]]]]]]]))
    deep = b""
    for _ in range(20_000):
        deep = rlp.codec.length_prefix(len(deep), 0xC0) + deep
    with pytest.raises(RlpError):
        decode(deep)


@given(values, st.data())
def test_every_value_of_a_trie_is_proven_and_no_other(
    stored: list[bytes], data: st.DataObject
) -> None:
    trie = HexaryTrie({})
    for index, value in enumerate(stored):
        trie[rlp.encode(index)] = value
    index = data.draw(st.integers(min_value=0, max_value=len(stored) - 1))
    key = encode_integer(index)
    nodes = proof(trie, key)
    assert patricia.prove(trie.root_hash, key, nodes) == stored[index]
    for wrong in (nodes[:-1], [*nodes, nodes[-1]], nodes[1:]):
        with pytest.raises(ProofError):
            patricia.prove(trie.root_hash, key, wrong)
    # A proof of absence leads to no value; one of another key only to that of this key.
    absent = encode_integer(len(stored))
    absence = proof(trie, absent)
    with pytest.raises(TrieProofError):
        patricia.prove(trie.root_hash, absent, absence)
    other = encode_integer(data.draw(st.integers(min_value=0, max_value=2 * len(stored))))
    with contextlib.suppress(ProofError):
        found = patricia.prove(trie.root_hash, other, nodes)
        assert found == trie[other]


@given(values, st.data())
def test_a_changed_bit_of_a_proof_is_found(stored: list[bytes], data: st.DataObject) -> None:
    trie = HexaryTrie({})
    for index, value in enumerate(stored):
        trie[rlp.encode(index)] = value
    nodes = proof(trie, encode_integer(0))
    at = data.draw(st.integers(min_value=0, max_value=len(nodes) - 1))
    bit = data.draw(st.integers(min_value=0, max_value=8 * len(nodes[at]) - 1))
    changed = bytearray(nodes[at])
    changed[bit // 8] ^= 1 << bit % 8
    nodes[at] = bytes(changed)
    with pytest.raises(TrieProofError, match="another hash"):
        patricia.prove(trie.root_hash, encode_integer(0), nodes)


@given(st.binary(max_size=200) | items.map(rlp.encode))
def test_hostile_headers_end_in_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(ProofError):
        read_header(data)


def test_a_header_is_bounded() -> None:
    with pytest.raises(BlockProofError, match="at most"):
        read_header(bytes(MAX_HEADER + 1))
