"""How the page is used: files dropped on it, a large dossier, a phone, a printer."""

import io
from pathlib import Path

import pytest

from fixtures.browser import VerifierPage
from fixtures.dossiers import Case
from fixtures.embedded import ChainFixture
from fixtures.large_dossier import make_large_case
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services

WATCH = """
() => {
  window.watched = { tasks: [], said: [], bars: [] };
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) watched.tasks.push(entry.duration);
  }).observe({ type: "longtask" });
  const status = document.getElementById("status");
  const bar = document.getElementById("progress");
  new MutationObserver(() => watched.said.push(status.textContent))
    .observe(status, { childList: true, characterData: true });
  new MutationObserver(() => watched.bars.push(bar.value))
    .observe(bar, { attributes: true });
}
"""


@pytest.fixture
def files(tmp_path: Path, dossier_case: Case) -> tuple[Path, Path]:
    """Dossier and trust file on disk."""
    dossier, trust = tmp_path / "case 1.zip", tmp_path / "operator.JSON"
    dossier.write_bytes(dossier_case.data)
    trust.write_bytes(dossier_case.log.trust().encode())
    return dossier, trust


def test_dropped_files_find_their_fields(
    verifier_page: VerifierPage, dossier_case: Case, files: tuple[Path, Path]
) -> None:
    verifier_page.fill(b"", None, [dossier_case.block])
    page = verifier_page.page
    verifier_page.drag("dragEnter", *files)
    verifier_page.drag("dragOver", *files)
    assert "over" in (page.get_attribute("#drop", "class") or "")
    verifier_page.drag("drop", *files)
    page.get_by_text(f"{len(dossier_case.data):,} bytes").wait_for()
    assert "over" not in (page.get_attribute("#drop", "class") or "")
    picked = "(id) => document.getElementById(id).files[0].name"
    assert page.evaluate(picked, "dossier") == "case 1.zip"
    assert page.evaluate(picked, "trust") == "operator.JSON"
    assert page.evaluate("document.activeElement.id") == "verify"
    page.keyboard.press("Enter")
    assert verifier_page.result()["outcome"] == "VALID"


def test_two_dossiers_at_once_are_not_guessed_between(
    verifier_page: VerifierPage, dossier_case: Case, files: tuple[Path, Path], tmp_path: Path
) -> None:
    verifier_page.fill(dossier_case.data, None, [])
    other = tmp_path / "other.zip"
    other.write_bytes(b"")
    verifier_page.drag("dragEnter", files[0], other)
    verifier_page.drag("drop", files[0], other)
    page = verifier_page.page
    page.get_by_text("Drop one dossier, and one trust file").wait_for()
    assert page.evaluate("document.getElementById('dossier').files[0].name") == "dossier.zip"


# So many milliseconds nothing can be clicked, at most, on a machine that does other work besides.
@pytest.mark.parametrize(
    ("documents", "longest_task"),
    [
        pytest.param(100, 1_000, marks=pytest.mark.soak),
        pytest.param(1_000, 3_000, marks=[pytest.mark.soak, pytest.mark.timeout(900)]),
    ],
)
def test_a_large_dossier_leaves_the_page_usable(
    verifier_page: VerifierPage, anvil: ChainFixture, documents: int, longest_task: int
) -> None:
    case = make_large_case(anvil, documents=documents)
    block = case.content.closing.anchor.block_hash
    verifier_page.fill(case.data(), case.log.trust().encode(), [block])
    page = verifier_page.page
    page.evaluate(WATCH)
    page.click("#verify")
    # What is put in meanwhile is for the next time, and starts nothing.
    page.evaluate("document.getElementById('trust').dispatchEvent(new Event('change'))")
    assert page.is_disabled("#verify")
    page.evaluate("document.getElementById('form').requestSubmit()")
    page.wait_for_selector("#headline", timeout=600_000)
    watched = page.evaluate("watched")
    assert page.text_content(".verdict") == "✓ VALID"
    assert {"Hashing …", "Reading receipts …", "Checking entries …"} & set(watched["said"])
    assert watched["said"][-1] == "Done: VALID"
    assert any(0 < bar < 1 for bar in watched["bars"])
    assert max(watched["tasks"], default=0) < longest_task, watched["tasks"]
    assert page.locator(".entries details").count() == 100
    more = page.locator(".entries .more")
    assert more.text_content() == f"Show 100 more of {documents * 11 - 100:,}"
    assert more.get_attribute("data-on-paper") == (
        f"and {documents * 11 - 100:,} more that are not shown"
    )
    more.click()
    assert page.locator(".entries details").count() == 200
    page.locator(".entries summary").first.click()
    page.get_by_text("Verdicts on entry 0", exact=True).wait_for()


def test_a_phone_shows_everything_without_scrolling_sideways(
    verifier_page: VerifierPage, dossier_case: Case
) -> None:
    page = verifier_page.page
    page.set_viewport_size({"width": 360, "height": 740})
    trust = dossier_case.log.trust().encode()
    verifier_page.verify(dossier_case.data, trust, [dossier_case.block])
    width = page.evaluate("document.documentElement.scrollWidth")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert width <= 360


@pytest.mark.parametrize("width", [320, 360, 1200])
def test_a_block_hash_with_its_number_is_seen_to_its_end(
    verifier_page: VerifierPage, width: int
) -> None:
    page = verifier_page.page
    page.set_viewport_size({"width": width, "height": 740})
    page.fill("#blocks", "12345678:0x" + "298ce7a94b30d1f5" * 4)
    hidden = page.evaluate("blocks.scrollHeight - blocks.clientHeight")
    page.set_viewport_size({"width": 1280, "height": 720})
    assert hidden == 0


def test_a_missing_block_hash_is_asked_for_by_the_number_of_the_closing_block(
    verifier_page: VerifierPage, dossier_case: Case
) -> None:
    trust = dossier_case.log.trust().encode()
    result = verifier_page.verify(dossier_case.data, trust, [])
    number = dossier_case.content.closing.anchor.block_number
    closing = next(check for check in result["checks"] if check["check"] == "closing")
    assert closing["reason"].endswith(f"nobody vouches for block {number}: name its hash")


@pytest.mark.parametrize(
    ("given", "outcome", "said"),
    [
        (
            "0x" + "ab" * 32,
            "UNKNOWN",
            "is not that of any block in the dossier, and block {number}",
        ),
        ("{number}:0x" + "AB" * 32, "INVALID", "block {number} has another hash in the dossier"),
        ("{number}:{block}", "VALID", ""),
    ],
)
def test_a_hash_that_is_not_the_blocks_is_told_as_the_command_line_tells_it(
    verifier_page: VerifierPage, dossier_case: Case, given: str, outcome: str, said: str
) -> None:
    number = dossier_case.content.closing.anchor.block_number
    text = given.format(number=number, block=dossier_case.block.hex())
    verifier_page.fill(dossier_case.data, dossier_case.log.trust().encode(), [])
    verifier_page.page.fill("#blocks", text)
    verifier_page.page.click("#verify")
    result = verifier_page.result()
    closing = next(check for check in result["checks"] if check["check"] == "closing")
    assert (result["outcome"], closing["outcome"]) == (outcome, outcome)
    assert said.format(number=number) in closing["reason"]
    digits, _, number_given = text.lower().replace("0x", "").rpartition(":")[::-1]
    block = bytes.fromhex(digits)
    report = verify_dossier(
        io.BytesIO(dossier_case.data),
        trust=dossier_case.log.trust(),
        vouches=named([block], {block: int(number_given)} if number_given else {}),
    )
    assert result == report.to_json()


def test_what_is_printed_is_the_result(verifier_page: VerifierPage, dossier_case: Case) -> None:
    page = verifier_page.page
    trust = dossier_case.log.trust().encode()
    verifier_page.verify(dossier_case.data, trust, [dossier_case.block])
    page.emulate_media(media="print")
    shown = [page.locator(name).first.is_visible() for name in (".banner", "table", ".limits")]
    hidden = [page.locator(name).first.is_visible() for name in ("#form", "#result > details")]
    page.emulate_media(media="screen")
    assert (shown, hidden) == ([True] * 3, [False] * 2)
    table = page.text_content("table.pairs") or ""
    assert f"Filedossier.zip, {len(dossier_case.data):,} bytes" in table
    assert "by the clock of this device" in table
