"""The page in headless Chromium without a network, against the command line's verifier."""

import hashlib
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.abandoned_heads import abandoned_heads
from fixtures.bits import all_bits, changed, frame_bytes, sample
from fixtures.browser import VerifierPage, agree
from fixtures.differing_dossiers import differing_dossiers, disclosing
from fixtures.dossiers import Case, rebuilt, resigned, write
from fixtures.embedded import ChainFixture
from fixtures.equivocal_cases import equivocal_cases
from fixtures.erased_acts import erased_acts
from fixtures.forged_cases import forged_cases, without_shipments
from fixtures.forged_dossiers import Forgeable, forged_dossiers, of_one_payload
from fixtures.hostile_containers import HOSTILE
from fixtures.hostile_dossiers import hostile_dossiers
from fixtures.redacted_dossiers import redacted_dossiers
from fixtures.strange_cases import disguised_cases, strange_cases
from fixtures.tsa import Authority, over_closing, over_first, stamped
from provenance.verify.dossier.page import PAGE, PAGE_SHA256

pytestmark = pytest.mark.services
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trust(dossier_case: Case) -> bytes:
    return dossier_case.log.trust().encode()


def test_the_page_proves_a_dossier_without_a_network(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    result = agree(verifier_page, dossier_case.data, trust, dossier_case.block)
    assert result["outcome"] == "VALID"
    page = verifier_page.page
    assert page.text_content(".verdict") == "✓ VALID"
    assert page.evaluate("document.activeElement.id") == "headline"
    assert "demonstration, not evidence" in (page.text_content(".said") or "")
    assert page.locator(".entries details").count() == 5


def test_the_page_cannot_reach_a_network(verifier_page: VerifierPage) -> None:
    fetched = verifier_page.page.evaluate(
        "fetch('https://example.org/').then(() => 'reached', (error) => error.name)"
    )
    assert fetched == "TypeError"
    policy = verifier_page.page.get_attribute("meta[http-equiv]", "content") or ""
    assert policy.startswith("default-src 'none';")
    assert "unsafe" not in policy
    verifier_page.faults.clear()  # the refusal is told on the console


def test_page_and_command_line_agree_on_what_is_not_trusted(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    data, block = dossier_case.data, dossier_case.block
    assert agree(verifier_page, data, trust)["outcome"] == "UNKNOWN"
    assert agree(verifier_page, data, None, block)["outcome"] == "UNKNOWN"
    log = dossier_case.log
    for changes in ({"contract": bytes(20)}, {"chain_id": 1}, {"local": False}):
        agree(verifier_page, data, log.trust(**changes).encode(), block)


def test_the_page_says_what_is_no_trust_file(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    verifier_page.fill(dossier_case.data, trust.replace(b'"v":1', b'"v":2'), [])
    page = verifier_page.page
    page.click("#verify")
    page.get_by_text("is not a trust file").wait_for()
    assert page.text_content("#status") == (
        "trust.json is not a trust file: /v: is not known to this release"
    )
    assert page.locator(".banner").count() == 0


@pytest.mark.parametrize("data", [case[1] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_page_and_command_line_refuse_hostile_files_alike(
    verifier_page: VerifierPage, data: bytes
) -> None:
    assert "refused" in agree(verifier_page, data, None)


def test_page_and_command_line_refuse_hostile_parts_alike(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    for name, data, code, where in hostile_dossiers(dossier_case):
        refused = agree(verifier_page, data, trust, dossier_case.block)["refused"]
        assert refused["code"] == code, name
        assert refused["where"].startswith(where), name


def test_any_changed_bit_is_found_and_located_alike(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    for bit in sample(dossier_case.data, 40, seed=11):
        result = agree(verifier_page, changed(dossier_case.data, bit), trust, dossier_case.block)
        assert result["outcome"] == "INVALID"
        assert result["refused"]["where"] or "offset" in result["refused"]


def test_a_changed_bit_of_any_byte_of_the_frame_is_found_by_the_page(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    data = dossier_case.data
    assert verifier_page.verify(data, trust, [dossier_case.block])["outcome"] == "VALID"
    bits = [8 * at + at % 8 for at in frame_bytes(data)] + list(sample(data, 500, seed=12))
    assert verifier_page.unlocated(data, bits) == []


@pytest.mark.soak
def test_every_single_bit_is_found_and_located_by_the_page(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    data = dossier_case.data
    assert verifier_page.verify(data, trust, [dossier_case.block])["outcome"] == "VALID"
    bits = all_bits(data)
    for start in range(0, len(bits), 10_000):
        assert verifier_page.unlocated(data, bits[start : start + 10_000]) == []


def altered(data: bytes, seed: int) -> bytes:
    """A character of one part is another of its kind, and all checksums are made anew."""
    draw = random.Random(seed)
    names = [
        "evidence/receipts.jsonl",
        "evidence/anchors.jsonl",
        "evidence/closing.json",
        "evidence/payloads.jsonl",
    ]
    chosen = draw.choice([*names, names[0]])

    def change(name: str, part: bytes) -> bytes:
        if name != chosen:
            return part
        at = draw.choice(
            [at for at, byte in enumerate(part) if chr(byte).isascii() and chr(byte).isalnum()]
        )
        kinds = ["0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
        kind = next(kind for kind in kinds if chr(part[at]) in kind)
        return part[:at] + draw.choice(kind).encode() + part[at + 1 :]

    return rebuilt(data, change)


@pytest.mark.soak
def test_page_and_command_line_agree_on_what_an_operator_altered(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    """The operator signs the altered dossier: what is wrong inside must be found, and alike."""
    found: dict[str, int] = {}
    for seed in range(150):
        data = resigned(altered(dossier_case.data, seed), dossier_case.log.signer)
        result = agree(verifier_page, data, trust, dossier_case.block)
        code = result["refused"]["code"] if "refused" in result else result["outcome"]
        found[code] = found.get(code, 0) + 1
    assert {"INVALID", "bad-trie-proof"} <= found.keys(), found


def test_page_and_command_line_agree_on_a_redacted_dossier(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes
) -> None:
    content = dossier_case.content
    hidden = tuple(
        replace(item, state="withheld", statement=None, salt=None, payload=None)
        for item in content.receipts[:1]
    )
    part = replace(content, receipts=hidden + content.receipts[1:], events=content.events[1:])
    result = agree(verifier_page, write(dossier_case.log, part), trust, dossier_case.block)
    assert result["outcome"] == "VALID"


def test_page_and_command_line_agree_on_what_supersedes_an_entry(
    verifier_page: VerifierPage, forgeable: Forgeable
) -> None:
    trust = forgeable.log.trust().encode()
    for name, data, expected in redacted_dossiers(forgeable):
        found = agree(verifier_page, data, trust, forgeable.block)["receipts"]
        for index, (outcome, reason) in expected.items():
            assert found[index]["verdicts"][-1]["outcome"] == outcome, name
            assert found[index]["verdicts"][-1]["reason"] == reason, name


def test_page_and_command_line_agree_on_heads_from_above_a_succession(
    verifier_page: VerifierPage,
) -> None:
    for name, log in abandoned_heads():
        result = agree(verifier_page, log.dossier(), log.trust.encode())
        [history] = [check for check in result["checks"] if check["check"] == "history"]
        assert history["outcome"] == "VALID", name


def test_page_and_command_line_agree_on_what_an_operator_hides_or_mislabels(
    verifier_page: VerifierPage, forgeable: Forgeable
) -> None:
    trust = forgeable.log.trust().encode()
    assert agree(verifier_page, forgeable.written(), trust, forgeable.block)["outcome"] == "VALID"
    for name, data, outcome, _ in forged_dossiers(forgeable):
        assert agree(verifier_page, data, trust, forgeable.block)["outcome"] == outcome, name


def test_page_and_command_line_agree_on_what_can_be_read_in_two_ways(
    verifier_page: VerifierPage, forgeable: Forgeable
) -> None:
    trust = forgeable.log.trust().encode()
    for name, data, outcome in differing_dossiers(forgeable):
        assert agree(verifier_page, data, trust, forgeable.block)["outcome"] == outcome, name


@pytest.mark.soak
def test_page_and_command_line_agree_on_a_case_that_can_be_read_in_two_ways(
    verifier_page: VerifierPage, anvil: ChainFixture
) -> None:
    for whole, (name, data, outcome, *_) in equivocal_cases(anvil):
        trust = whole.log.trust().encode()
        assert agree(verifier_page, data, trust, whole.block)["outcome"] == outcome, name


def test_page_and_command_line_agree_on_a_case_of_which_acts_were_erased(
    verifier_page: VerifierPage, anvil: ChainFixture
) -> None:
    for whole, (name, data, outcome, of_case, said) in erased_acts(anvil):
        trust = whole.log.trust().encode()
        result = agree(verifier_page, data, trust, whole.block)
        assert result["outcome"] == outcome, name
        told = verifier_page.page.locator(".said").all_text_contents()
        assert (said in told) is (of_case == "UNKNOWN"), name


def test_page_and_command_line_agree_on_documents_of_one_payload(
    verifier_page: VerifierPage, anvil: ChainFixture
) -> None:
    whole, rows = of_one_payload(anvil)
    trust = whole.log.trust().encode()
    for name, data, outcome, _ in rows:
        assert agree(verifier_page, data, trust, whole.block)["outcome"] == outcome, name


def test_page_and_command_line_spell_names_alike(
    verifier_page: VerifierPage, anvil: ChainFixture
) -> None:
    whole = disclosing(anvil)
    result = agree(verifier_page, whole.written(), whole.log.trust().encode(), whole.block)
    reasons = [receipt["verdicts"][1]["reason"] for receipt in result["receipts"]]
    assert reasons[0] == """field "/it's\\\\" does not lead to the statement's fields_root"""
    assert reasons[1].startswith(r"field '/\xe9\x7f\u2028\U0001f512\t\n' does not lead to")


def test_what_only_the_operator_says_is_marked_and_moves_nothing_on_the_page(
    verifier_page: VerifierPage, claimed: Forgeable, dossier_case: Case, trust: bytes
) -> None:
    documents = dossier_case.content.documents
    title = "report · code 172 \u202efdp.exe"
    titled = (replace(documents[0], title=title), *documents[1:])
    data = write(dossier_case.log, replace(dossier_case.content, documents=titled))
    result = agree(verifier_page, data, trust, dossier_case.block)
    assert [file.get("title") for file in result["files"]].count(title) == 1
    page, unproven = verifier_page.page, "signed by the operator, not proven"
    hint = page.locator("bdi", has_text="report").locator("..")
    assert hint.text_content() == "title, not proven: report · code 172 \\u202efdp.exe"
    assert "\u202e" not in (page.text_content("#result") or "")
    rows = page.locator(".pairs tr")
    assert unproven in (rows.filter(has_text="Written").text_content() or "")
    assert unproven in (rows.filter(has_text="case-1").text_content() or "")
    agree(verifier_page, claimed.written(), claimed.log.trust().encode(), claimed.block)
    assert unproven not in (rows.filter(has_text="damage, submitted").text_content() or "")


def test_page_and_command_line_agree_on_what_is_said_of_a_case(
    verifier_page: VerifierPage, claimed: Forgeable
) -> None:
    trust = claimed.log.trust().encode()
    for name, data, outcome, *_ in forged_cases(claimed):
        assert agree(verifier_page, data, trust, claimed.block)["outcome"] == outcome, name
    result = agree(verifier_page, without_shipments(claimed), trust, claimed.block)
    assert "shipments whose trails are not in it" in result["qualifications"][-1]


def test_page_and_command_line_agree_on_what_others_recorded_about_a_case(
    verifier_page: VerifierPage, strange: Forgeable, disguised: Forgeable
) -> None:
    rows = [(strange, row) for row in strange_cases(strange)]
    rows += [(disguised, row) for row in disguised_cases(disguised)]
    for whole, (name, data, outcome, *_, others) in rows:
        result = agree(verifier_page, data, whole.log.trust().encode(), whole.block)
        assert result["outcome"] == outcome, name
        assert result["qualifications"][-1].endswith(others), name


def test_page_and_command_line_agree_on_time_stamps(
    verifier_page: VerifierPage, dossier_case: Case, trust: bytes, authority: Authority
) -> None:
    first, closing = over_first(dossier_case, authority), over_closing(dossier_case, authority)
    data, block = stamped(dossier_case, first, closing), dossier_case.block
    result = agree(verifier_page, data, trust, block)
    assert (result["outcome"], result["checks"][-1]["outcome"]) == ("VALID", "UNKNOWN")
    assert "2 time stamps of a time-stamping authority, not checked here" in (
        verifier_page.page.text_content("#result") or ""
    )
    assert agree(verifier_page, data, None, block)["outcome"] == "UNKNOWN"
    unproven = stamped(dossier_case, replace(first, proof=()))
    assert agree(verifier_page, unproven, trust, block)["outcome"] == "INVALID"
    unsigned = replace(closing, checkpoint=closing.checkpoint[:-8] + "AAAAAA=\n")
    assert agree(verifier_page, stamped(dossier_case, unsigned), trust)["outcome"] == "INVALID"
    for stamps in (
        (closing, first),
        (replace(first, checkpoint="none"),),
        (replace(first, token=bytes(1 << 17)),),
    ):
        refused = agree(verifier_page, stamped(dossier_case, *stamps), trust, block)["refused"]
        assert refused["where"].startswith("evidence/timestamps.jsonl line ")


def test_the_committed_page_is_what_its_sources_lead_to() -> None:
    npm = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    if not (ROOT / "verifier" / "node_modules").exists():
        subprocess.run(npm, cwd=ROOT / "verifier", check=True, capture_output=True)
    script = [sys.executable, "scripts/verifier_page.py", "--check"]
    done = subprocess.run(script, cwd=ROOT, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    published = PAGE_SHA256.read_text(encoding="ascii").split()
    assert published == [hashlib.sha256(PAGE.read_bytes()).hexdigest(), PAGE.name]
