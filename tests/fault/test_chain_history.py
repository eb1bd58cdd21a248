"""A chain that forgets: blocks that are replaced, and a restart from an older snapshot."""

import shutil
from pathlib import Path

import httpx
import psutil
import pytest

from fault.harness import Harness
from fault.killing import Part, find
from fault.submitters import documents

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


def administer(harness: Harness, method: str, *params: object) -> object:
    """Call the node itself, past the proxy that would not let this through."""
    pid = find(harness.service, Part.ANVIL)
    assert pid is not None
    command = psutil.Process(pid).cmdline()
    url = f"http://127.0.0.1:{command[command.index('--port') + 1]}"
    request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    answer = httpx.post(url, json=request, timeout=30).json()
    assert "error" not in answer, answer
    return answer["result"]


def anchors(harness: Harness) -> list[tuple[int, bytes]]:
    """Sizes and transactions of all anchors."""
    rows = harness.stores.query("SELECT size, tx_hash FROM anchors ORDER BY size")
    return [(int(str(size)), bytes(tx_hash)) for size, tx_hash in rows]  # type: ignore[call-overload]


@pytest.mark.soak
async def test_blocks_are_replaced_while_documents_are_captured(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data", {"PROVENANCE_ANCHOR_INTERVAL_MS": "200"})
    with harness.running():
        for depth in (1, 3):
            before = len(anchors(harness))
            with harness.submitters.send(documents(200, events=2), clients=2) as sending:
                sending.wait_for(len(harness.promises) + 10)
                harness.wait_until(lambda: len(anchors(harness)) > before + 3)  # noqa: B023
                assert not sending.is_done
                administer(harness, "anvil_reorg", depth, [])
            await harness.check()
        harness.wait_until(lambda: harness.metric("provenance_anchor_reorganised_total") >= 1)
        assert "anchor_reorganised" in harness.log_of("worker")


@pytest.mark.soak
async def test_a_restart_from_an_older_snapshot_gets_everything_back(tmp_path: Path) -> None:
    """The same transactions, so that every root and transaction hash is what receipts say."""
    harness = Harness(tmp_path / "data")
    snapshots = harness.data_dir / "chain" / "snapshots"
    with harness.running():
        harness.capture(documents(3, events=10))
        harness.service.wait_for_anchor(harness.promised)
    older = tmp_path / "older"
    shutil.copytree(snapshots, older)
    with harness.running():
        for _ in range(3):
            harness.capture(documents(3, events=10))
            harness.service.wait_for_anchor(harness.promised)
        receipt = harness.receipt(harness.promised - 1)
        before = anchors(harness)
    shutil.rmtree(snapshots)
    shutil.copytree(older, snapshots)
    with harness.running():
        harness.capture(documents(1, events=10))
        await harness.check()
        assert "head_below_anchors" in harness.log_of("worker")
        assert harness.metric("provenance_anchor_replayed_total") >= 3
        after = anchors(harness)
        assert after[: len(before)] == before
        path = tmp_path / "receipt.json"
        path.write_bytes(receipt)
        # The blocks are others now: the old receipt says so and is not refuted.
        assert "INVALID" not in harness.verify(path, code=3)
        path.write_bytes(harness.receipt(before[-1][0] - 1))
        harness.verify(path)
