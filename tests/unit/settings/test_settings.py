"""Settings that contradict each other are refused with what to do."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from provenance.settings import Settings


@pytest.mark.parametrize(
    "given",
    [
        {"timestamp_url": "https://tsa.example/tsr"},
        {"timestamp_certificate": Path("root.pem")},
    ],
)
def test_an_authority_is_named_with_its_certificate(given: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="PROVENANCE_TIMESTAMP_CERTIFICATE go together"):
        Settings.model_validate(given)


def test_an_authority_is_an_http_address() -> None:
    with pytest.raises(ValidationError, match="timestamp_url"):
        Settings.model_validate(
            {"timestamp_url": "ftp://tsa.example", "timestamp_certificate": "root.pem"}
        )


def test_without_one_nothing_is_stamped() -> None:
    settings = Settings.model_validate({})
    assert settings.timestamp_url is None
