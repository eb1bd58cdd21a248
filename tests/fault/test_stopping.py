"""A graceful stop under load: what was accepted is finished and answered."""

from pathlib import Path

import pytest

from fault.harness import Harness
from fault.submitters import documents

pytestmark = [pytest.mark.soak, pytest.mark.services, pytest.mark.timeout(600)]


async def test_a_stop_answers_everything_that_it_logs(tmp_path: Path) -> None:
    harness = Harness(tmp_path / "data")
    with harness.running():
        with harness.submitters.send(documents(400, events=10), clients=8) as sending:
            sending.wait_for(30)
            assert harness.stop() == 0
            assert not sending.is_done
            harness.submitters.give_up.set()
        answered = list(harness.promises)
        harness.submitters.give_up.clear()

        harness.start()
        # Nothing was committed without an answer, and nothing answered without a commit.
        [(size,)] = harness.stores.query("SELECT max(size) FROM log_heads")
        assert size == sum(promise.count for promise in answered)
        await harness.check()
    assert "Traceback" not in harness.log_of("api") + harness.log_of("worker")
