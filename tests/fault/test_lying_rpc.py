"""The whole service behind a node that lies: it waits, says so, and goes on when told the truth.

What each single lie does to the worker is tested in ``tests/integration/test_anchor_lying_node``.
"""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fault.harness import Harness
from fault.killing import Part, kill
from fault.submitters import documents
from fixtures.embedded import ChainFixture
from fixtures.lying_node import Lie, RawAnswerError, RefusalError, lying_node, truthful
from provenance.settings import Settings
from provenance.wiring.chain import account_addresses, first_keys

pytestmark = [pytest.mark.services, pytest.mark.soak, pytest.mark.timeout(600)]


class Liar:
    """Tells the lie of the moment. ``told`` is set once it was."""

    def __init__(self) -> None:
        self.lie: Lie = truthful
        self.told = threading.Event()

    def __call__(self, method: str, params: Any, result: Any) -> Any:
        return self.lie(method, params, result)

    def on_another_chain(self, method: str, _params: Any, result: Any) -> Any:
        return "0x1" if method == "eth_chainId" else result

    def with_another_genesis(self, method: str, params: Any, result: Any) -> Any:
        if method == "eth_getBlockByNumber" and params[0] == "0x0":
            return {**result, "hash": "0x" + "ab" * 32}
        return result

    def behind_a_bad_gateway(self, _method: str, _params: Any, _result: Any) -> Any:
        raise RawAnswerError(b"<html>bad gateway</html>", status=502)

    def refusing_what_it_took(self, method: str, _params: Any, result: Any) -> Any:
        if method == "eth_sendRawTransaction" and not self.told.is_set():
            self.told.set()
            raise RefusalError("internal error")
        return result


@pytest.fixture
def liar() -> Liar:
    return Liar()


@pytest.fixture
def harness(chain: ChainFixture, liar: Liar, tmp_path: Path) -> Iterator[Harness]:
    """A service on a chain of the operator's own, as far as it knows."""
    settings = Settings(data_dir=tmp_path / "data")
    for address in account_addresses(first_keys(settings), settings.origin):
        chain.fund(address)
    with lying_node(chain.rpc_url, liar) as url:
        environment = {
            "RPC_URL": url,
            "PROVENANCE_CONFIRMATIONS": "1",
            "PROVENANCE_LOCAL_CHAIN": "true",
        }
        yield Harness(tmp_path / "data", environment)


async def test_it_waits_for_the_truth_and_loses_nothing(harness: Harness, liar: Liar) -> None:
    with harness.running():
        for lie, sign in (
            (liar.on_another_chain, "wrong-chain"),
            (liar.with_another_genesis, "wrong-chain"),
            (liar.behind_a_bad_gateway, "chain-unavailable"),
        ):
            # What is acknowledged is kept meanwhile; only anchoring has to wait.
            failures = failed(harness, sign)
            liar.lie = lie
            harness.capture(documents(4, events=5))
            harness.wait_until(lambda: failed(harness, sign) > failures)  # noqa: B023 - called here
            assert harness.metric("provenance_anchor_fence_state") == 4
            # A process that starts now cannot compare log and chain, so it takes nothing.
            kill(harness.service, Part.API)
            with harness.submitters.send(documents(4, events=5)) as sending:
                refused = harness.submitters.outcomes["503"]
                harness.wait_until(lambda: harness.submitters.outcomes["503"] > refused + 8)  # noqa: B023
                assert not sending.submitters.unexpected
                liar.lie = truthful
            await harness.check()

        liar.lie = liar.refusing_what_it_took
        harness.capture(documents(4, events=5))
        assert liar.told.wait(60)
        await harness.check()
        [(sent, anchored)] = harness.stores.query(
            "SELECT (SELECT count(*) FROM chain_transactions WHERE purpose = 'anchor'),"
            " (SELECT count(*) FROM anchors)"
        )
        assert sent == anchored, "one transaction for each anchor, whatever the node said"


def failed(harness: Harness, code: str) -> float:
    return harness.metric(f'provenance_anchor_failures_total{{code="{code}"}}')
