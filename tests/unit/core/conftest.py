"""A small log for the tests of ``core``."""

import pytest

from fixtures.small_log import OTHER, PARCEL, SmallLog


@pytest.fixture
def log() -> SmallLog:
    log = SmallLog().fill(12, PARCEL, OTHER)
    log.anchor(3)
    log.anchor(8)
    log.anchor(12)
    return log
