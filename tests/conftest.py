"""Fixtures that every kind of test may ask for."""

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = [
    "fixtures.embedded",
    "fixtures.anchoring",
    "fixtures.application",
    "fixtures.left",
    "fixtures.verifying",
    "fixtures.auditing",
    "fixtures.token",
    "fixtures.objectstore",
    "fixtures.dossiers",
    "fixtures.forged_dossiers",
    "fixtures.forged_cases",
    "fixtures.strange_cases",
    "fixtures.browser",
    "fixtures.tsa",
]


@pytest.fixture(autouse=True)
def logging_is_not_passed_on() -> Iterator[None]:
    """Logging that a test, or a command that it ran in this process, has set up ends with it."""
    yield
    structlog.reset_defaults()
