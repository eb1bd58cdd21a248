"""Why something was not erased, as people read it."""

from provenance.erasure.errors import HeldError


def test_a_refusal_tells_the_beginning_of_a_long_reason_and_always_the_remedy() -> None:
    error = HeldError(first_index=7, case="urn:case", reason="x" * 3_000, author="A. Judge")
    assert "xxx ... (shortened, 3000 characters in all), by A. Judge); nothing was" in str(error)
    assert "release the hold" in str(error)
    assert len(str(error)) < 450
