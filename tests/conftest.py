"""Fixtures that every kind of test may ask for."""

pytest_plugins = [
    "fixtures.embedded",
    "fixtures.anchoring",
    "fixtures.application",
    "fixtures.verifying",
    "fixtures.auditing",
]
