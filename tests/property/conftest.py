"""How hard the properties are tried: some examples in every run, many with ``-m soak``."""

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "quick", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("soak", settings.get_profile("quick"), max_examples=5_000)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("soak" if config.getoption("-m") == "soak" else "quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("-m") == "soak":
        for item in items:
            if "property" in item.path.parts:
                item.add_marker(pytest.mark.soak)
