"""A database connection that is slow, silent or cut: nothing acknowledged is lost or doubled."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fault.harness import Harness
from fault.submitters import documents
from fault.wire import Wire, wire_to
from fixtures.embedded import LoopThread, PostgresFixture
from provenance.embedded import PostgresAddress

pytestmark = [pytest.mark.services, pytest.mark.timeout(600)]


class WiredHarness:
    """A service whose database lies behind a wire, and the loop in which the wire is served."""

    def __init__(self, harness: Harness, wire: Wire, thread: LoopThread) -> None:
        self.harness = harness
        self.wire = wire
        self._thread = thread

    def do(self, what: Callable[[], object]) -> None:
        """Do something to the wire, in its own loop."""

        async def done() -> None:
            what()

        self._thread.run(done())

    def cut_at(self, text: bytes, *, after: bool) -> None:
        """Cut the writer's connection when it sends ``text`` while documents are captured."""
        promised = len(self.harness.promises)
        trap = self.wire.trap(text, once=b"COPY entries", after=after)
        with self.harness.submitters.send(documents(12, events=10)):
            self._thread.run(trap.sprung.wait())
        assert len(self.harness.promises) == promised + 12


@pytest.fixture
def wired(
    postgres: PostgresFixture, embedded_thread: LoopThread, tmp_path: Path
) -> Iterator[WiredHarness]:
    address: PostgresAddress = postgres.create_database()
    context = wire_to(address.host, address.port)
    wire = embedded_thread.run(context.__aenter__())
    url = address.url.replace(f":{address.port}/", f":{wire.port}/")
    harness = Harness(tmp_path / "data", {"DATABASE_URL": url})
    try:
        with harness.running():
            yield WiredHarness(harness, wire, embedded_thread)
    finally:
        embedded_thread.run(context.__aexit__(None, None, None))
        postgres.drop_database(address.database)


@pytest.mark.soak
async def test_whatever_happens_on_the_way_to_the_database(wired: WiredHarness) -> None:
    harness, wire = wired.harness, wired.wire

    # Lost before and after the server got the COMMIT: only the second is in the log, and both
    # are answered when they are repeated.
    wired.cut_at(b"COMMIT", after=False)
    wired.cut_at(b"COMMIT", after=True)
    assert harness.submitters.outcomes["503"] >= 2
    wired.cut_at(b"COPY entries", after=True)
    await harness.check()

    # Gone for a while, for API and worker alike.
    with harness.submitters.send(documents(20, events=10)) as sending:
        sending.wait_for(len(harness.promises) + 5)
        refused = harness.submitters.outcomes["503"]
        wired.do(wire.cut)
        harness.wait_until(lambda: harness.submitters.outcomes["503"] > refused)
        wired.do(wire.mend)
    await harness.check()

    # Slow, then silent in the middle of whatever goes on, then as before.
    wire.delay = 0.02
    with harness.submitters.send(documents(20, events=10)) as sending:
        sending.wait_for(len(harness.promises) + 3)
        wired.do(wire.flowing.clear)
        harness.wait_until(lambda: harness.http_in_flight() >= 4)
        wired.do(wire.flowing.set)
        wire.delay = 0.0
    checked = await harness.check()
    assert checked.promises == len(harness.promises)
