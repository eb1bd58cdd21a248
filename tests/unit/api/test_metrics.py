"""Metrics of the API that are looked up when they are asked for."""

import shutil
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from provenance.api.metrics import watch_free_space


def test_the_room_that_the_data_folder_has_is_told_at_each_scrape(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    watch_free_space(tmp_path, registry)
    told = registry.get_sample_value("provenance_data_free_bytes")
    assert told == pytest.approx(shutil.disk_usage(tmp_path).free, rel=0.2)
