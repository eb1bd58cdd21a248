"""What is large, hostile or out of reach: the page gives a verdict, and the command line's."""

from pathlib import Path

import pytest

from fixtures.browser import VerifierPage, agree
from fixtures.dossiers import Case, rebuilt, resigned
from fixtures.unanswered import unanswered

pytestmark = [pytest.mark.soak, pytest.mark.services]
PAYLOADS = "evidence/payloads.jsonl"


def with_part(case: Case, name: str, data: bytes) -> bytes:
    """The dossier with one part replaced, signed anew by the operator."""
    made = rebuilt(case.data, lambda found, old: data if found == name else old)
    return resigned(made, case.log.signer)


@pytest.mark.parametrize("letter", ["a", "\\n", "\\\\", "é"])
def test_a_string_of_millions_of_characters_is_read(
    verifier_page: VerifierPage, dossier_case: Case, letter: str
) -> None:
    line = b'{"record":0,"text":"%b"}\n' % (letter.encode() * (11_000_000 // len(letter.encode())))
    trust = dossier_case.log.trust().encode()
    result = agree(verifier_page, with_part(dossier_case, PAYLOADS, line), trust)
    assert result["outcome"] == "INVALID"
    checks = {check["check"]: check["reason"] for check in result["checks"]}
    assert checks["files"] == f"{PAYLOADS}: the payload of entry 0 is not what was recorded"


def test_broken_strings_are_refused_alike(verifier_page: VerifierPage, dossier_case: Case) -> None:
    trust = dossier_case.log.trust().encode()
    for text in (b'"', b'"\\', b'"\\x"}', b'"\\u12"}', b'"\\u12g4"}', b'"\t"}', b'"\\ud800"}'):
        data = with_part(dossier_case, PAYLOADS, b'{"record":0,"text":%b\n' % text)
        assert agree(verifier_page, data, trust)["refused"]["where"] == f"{PAYLOADS} line 1"


def test_a_file_that_cannot_be_read_any_more_is_told(
    verifier_page: VerifierPage, dossier_case: Case, tmp_path: Path
) -> None:
    path = tmp_path / "dossier.zip"
    path.write_bytes(dossier_case.data)
    page = verifier_page.page
    page.set_input_files("#dossier", path)
    path.unlink()
    page.evaluate("document.getElementById('result').replaceChildren()")
    page.click("#verify")
    result = verifier_page.result()
    assert (result["outcome"], result["refused"]["code"]) == ("UNKNOWN", "not-checked")
    assert "this page cannot check it (Not" in result["refused"]["reason"]
    assert page.text_content(".verdict") == "? UNKNOWN"


def test_what_nobody_answers_for_is_told_alike(
    verifier_page: VerifierPage, dossier_case: Case
) -> None:
    trust = dossier_case.log.trust().encode()
    for name, data, _, reason in unanswered(dossier_case):
        result = agree(verifier_page, data, trust, dossier_case.block)
        assert result["outcome"] == "INVALID", name
        assert reason in (verifier_page.page.text_content("#result") or ""), name
