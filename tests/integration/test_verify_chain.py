"""What the verifier's own chain reader says, against a real chain and against a lying node."""

from dataclasses import replace

import pytest
from eth_abi.abi import decode
from eth_hash.auto import keccak
from eth_utils.abi import abi_to_signature

from fixtures.verifying import ARTIFACT, SmallLog
from provenance.core.trustfile import Successor
from provenance.verify import registry
from provenance.verify.chain import ChainFactsReader
from provenance.verify.errors import ChainReadError

pytestmark = pytest.mark.services
PARCEL = "https://id.gs1.org/00/340123450000000018"


@pytest.fixture
def log(small_log: SmallLog) -> SmallLog:
    for number in range(3):
        small_log.add(PARCEL, b'{"n":%d}' % number)
    small_log.anchor()
    for number in range(4):
        small_log.add(PARCEL, b'{"m":%d}' % number)
    small_log.anchor()
    return small_log


def test_the_selectors_and_topics_are_those_of_the_compiled_contract() -> None:
    signatures = {
        item["name"]: keccak(abi_to_signature(item).encode())
        for item in ARTIFACT.abi
        if "name" in item
    }  # type: ignore[arg-type]
    for name, selector in [
        ("rootAt", registry.ROOT_AT),
        ("logInfo", registry.LOG_INFO),
        ("head", registry.HEAD),
    ]:
        assert "0x" + signatures[name][:4].hex() == selector
    assert "0x" + signatures["Anchored"].hex() == registry.ANCHORED
    assert "0x" + signatures["LogOpened"].hex() == registry.LOG_OPENED


async def test_facts_are_what_the_transactions_receipts_said(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        for size in (3, 7):
            for hint in (None, log.anchors[size]):
                facts = await reader.facts(log.trusted(), size, hint=hint)
                assert facts.record == log.anchors[size]
                assert facts.root is not None
                assert facts.final
                assert facts.abandoned_above is None


async def test_a_size_that_was_never_anchored_has_no_root(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        facts = await reader.facts(log.trusted(), 5)
        assert (facts.root, facts.record, facts.final) == (None, None, False)


async def test_a_hint_that_points_elsewhere_is_only_a_hint(log: SmallLog) -> None:
    wrong = [
        replace(log.anchors[7], block_hash=bytes(32)),
        replace(log.anchors[7], block_hash=log.anchors[3].block_hash),
    ]
    async with ChainFactsReader(log.node.url) as reader:
        for hint in wrong:
            assert (await reader.facts(log.trusted(), 7, hint=hint)).record == log.anchors[7]


async def test_confirmations_decide_where_the_trust_file_names_a_number(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        near = await reader.facts(log.trusted(confirmations=2), 7)
        deep = await reader.facts(log.trusted(confirmations=2), 3)
    assert (near.final, near.finality) == (False, "1 confirmations; 2 make it final")
    assert deep.final


async def test_other_code_than_the_trusted_is_reported_and_not_called(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        facts = await reader.facts(log.trusted(code_hash=bytes(32)), 7)
        assert facts.code_hash == ARTIFACT.runtime_code_hash
        assert facts.root is None


async def test_another_chain_is_reported_and_not_asked(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        facts = await reader.facts(log.trusted(genesis_hash=bytes(32)), 7)
        assert facts.genesis_hash != bytes(32)
        assert facts.record is None


async def test_a_node_that_is_behind_the_opening_says_so(log: SmallLog) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        with pytest.raises(ChainReadError, match="wait until it has caught up"):
            await reader.facts(log.trusted(start=10_000), 7)


async def test_a_succession_abandons_what_lies_above_it_and_carries_on(log: SmallLog) -> None:
    following = log.succeed(3, origin="carrier.example/log-2")
    following.add(PARCEL + "9", b"{}")
    size = following.anchor()
    trusted = log.trusted(successor=Successor(origin=following.origin, size=3))
    async with ChainFactsReader(log.node.url) as reader:
        old = await reader.facts(trusted, 7)
        new = await reader.facts(following.trusted(), size)
    assert old.abandoned_above == 3
    assert new.record == following.anchors[size]
    assert new.record is not None
    # The time from which the new window is counted is that of the anchor which was taken over.
    assert new.record.old_time == log.anchors[3].block_time


async def test_a_trust_file_with_a_wrong_opening_block_is_no_ground_for_a_time(
    log: SmallLog,
) -> None:
    async with ChainFactsReader(log.node.url) as reader:
        with pytest.raises(ChainReadError, match="not opened in block"):
            await reader.facts(log.trusted(start=log.start - 1), 3)


async def test_nobody_at_the_url_is_an_error_of_ours_that_keeps_the_path_secret(
    log: SmallLog,
) -> None:
    async with ChainFactsReader("http://127.0.0.1:9/secret-key") as reader:
        with pytest.raises(ChainReadError) as caught:
            await reader.facts(log.trusted(), 3)
    assert "secret-key" not in str(caught.value)


def test_the_hand_written_decoding_of_log_info_is_that_of_the_abi() -> None:
    words = [192, 2, 5, 7, 9, 11, 3]
    raw = b"".join(word.to_bytes(32, "big") for word in words) + b"abc".ljust(32, b"\0")
    kinds = ["string", "uint8", "uint64", "bytes32", "uint64", "bytes32"]
    _, state, start, predecessor, closed, _ = decode(kinds, raw)
    info = registry.read_log_info("0x" + raw.hex())
    assert state == 2
    assert (info.start_size, info.predecessor, info.closed_size) == (start, predecessor, closed)
