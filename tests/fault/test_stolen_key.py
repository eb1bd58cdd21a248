"""Somebody anchors garbage with the stolen key: it is noticed, nothing more is signed, and a
succession carries the log on."""

from pathlib import Path

import pytest

from fault.commands import provenance
from fault.harness import Harness
from fault.stores import Stores
from fault.submitters import HEADERS, documents
from provenance.anchor.deployment import load_deployment
from provenance.anchor.session import connect
from provenance.chain.abi import log_id as registry_log_id
from provenance.chain.client import ChainClient
from provenance.chain.registry import registry_at
from provenance.chain.transactions import address_of, sign_transaction
from provenance.core.digests import LeafHash, sha256
from provenance.core.tree import Frontier, cover_nodes
from provenance.wiring.chain import anchorer

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]

NEW_ORIGIN = "provenance.localhost/log-2"


async def test_garbage_closes_the_log_and_a_succession_carries_it_on(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        harness.capture(documents(5, events=10))
        harness.service.wait_for_anchor(harness.promised)
        subject = harness.subject_of(harness.promised - 1)
        receipts = [harness.receipt(promise.first_index) for promise in harness.promises[:3]]

        stores = harness.stores
        garbage = await anchor_garbage(stores, harness.promised, 40)
        harness.wait_until(lambda: '"state": "forked"' in harness.log_of("worker"))
        harness.wait_until(lambda: not harness.is_ready())
        assert harness.metric("provenance_anchor_fence_state") == 2
        signed = signatures(stores)
        with harness.service.client() as client:
            answer = client.post(
                "/epcis/capture", content=documents(1, events=1)[0].body, headers=HEADERS
            )
            assert (answer.status_code, "forked" in answer.text) == (503, True)
            head = client.get("/v1/trails/head", params={"subject": subject})
            assert (head.status_code, "log-distrusted" in head.text) == (503, True)
            again = client.get(f"/v1/receipts/{harness.promised - 2}")
            assert again.status_code == 200
            assert "trail_head" not in again.json()
        assert signatures(stores) == signed

    said = provenance(
        "log", "succeed", NEW_ORIGIN, "--reason", "the anchoring key was stolen", "--yes",
        data=harness.data_dir,
    )  # fmt: skip
    assert f"abandoned anchors: {garbage}" in said
    with harness.running():
        harness.capture(documents(3, events=10))
        # A repeated key is answered in the successor's name: the same places, another signature.
        await harness.check(repeat=0)
        assert harness.metric("provenance_anchor_fence_state") == 0
        assert harness.stores.origin == NEW_ORIGIN
        for number, receipt in enumerate(receipts):
            path = tmp_path / f"{number}.receipt.json"
            path.write_bytes(receipt)
            assert "INVALID" not in harness.verify(path)


def signatures(stores: Stores) -> list[tuple[object, ...]]:
    """Everything that was signed and stored: transactions and checkpoints."""
    return stores.query(
        "SELECT (SELECT count(*) FROM chain_transactions), (SELECT count(*) FROM anchors)"
    )


async def anchor_garbage(stores: Stores, old: int, count: int) -> int:
    """Anchor a tree with foreign leaves on top of the log's ``old`` ones; its size."""
    leaves = [
        LeafHash(bytes(leaf))  # type: ignore[call-overload]
        for (leaf,) in stores.query("SELECT leaf_hash FROM entries ORDER BY index")
    ]
    assert len(leaves) == old
    foreign = [LeafHash(sha256(b"garbage %d" % number)) for number in range(count)]
    subtrees = [
        Frontier.empty().extend(foreign[(n << level) - old :][: 1 << level]).frontier.peaks[0]
        for level, n in cover_nodes(old, old + count)
    ]
    [(log_id,)] = stores.query("SELECT log_id FROM logs")
    assert isinstance(log_id, int)
    async with connect(stores.database_url) as connection:
        deployment = (await load_deployment(connection, log_id)).complete()
    thief = anchorer(stores.keys, stores.origin)
    node = ChainClient(stores.credentials.rpc_url)
    try:
        registry = registry_at(node, deployment.contract, start_block=deployment.start_block)
        signed = sign_transaction(
            thief,
            chain_id=deployment.identity.chain_id,
            nonce=await node.nonce(address_of(thief)),
            to=registry.address,
            call_data=registry.anchor(
                registry_log_id(stores.origin),
                new_size=old + count,
                peaks=Frontier.empty().extend(leaves).frontier.peaks,
                subtrees=subtrees,
            ),
            gas=2_000_000,
            fees=await node.fees(),
        )
        await node.send_raw(signed.raw)
        receipt = await node.wait_for_receipt(signed.tx_hash, seconds=10, poll=0.02)
        assert receipt.succeeded
    finally:
        await node.aclose()
    return old + count
