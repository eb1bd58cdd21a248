"""A dossier of a log on a real chain, verified from its bytes, a trust file and a block hash."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.commands import Done, provenance
from fixtures.dossiers import INVOICE, PARCEL, Case, make_content, rebuilt, resigned, write
from fixtures.embedded import ChainFixture
from fixtures.lying_node import lying_node
from fixtures.verifying import open_small_log
from provenance.core.receipt import Receipt
from provenance.core.verdict import Outcome
from provenance.evidence.dossier.content import DossierContent, DossierDocument
from provenance.verify.dossier.anchors import named
from provenance.verify.dossier.report import NO_TIMES, DossierReport
from provenance.verify.dossier.run import verify_dossier

pytestmark = pytest.mark.services
INVOICE_NAME = "documents/0001-Invoice-1.pdf"


def verify(
    case: Case, data: bytes | None = None, *, blocks: tuple[bytes, ...] | None = None, **trust: Any
) -> DossierReport:
    return verify_dossier(
        io.BytesIO(case.data if data is None else data),
        trust=case.log.trust(**trust),
        vouches=named([case.block] if blocks is None else blocks),
    )


def outcomes(report: DossierReport) -> dict[str, str]:
    return {check.check: check.outcome.value for check in report.checks}


def reason(report: DossierReport, name: str) -> str:
    return next(check.reason for check in report.checks if check.check == name)


def withheld(receipt: Receipt) -> Receipt:
    return replace(receipt, state="withheld", statement=None, salt=None, payload=None)


def test_one_block_hash_proves_everything(dossier_case: Case) -> None:
    report = verify(dossier_case)
    assert report.refusal is None
    assert report.outcome is Outcome.VALID, report.to_json()
    found = outcomes(report)
    # Of this case no act was recorded: what the manifest says of it is the operator's word.
    assert found.pop("case") == "UNKNOWN"
    assert set(found.values()) == {"VALID"}
    assert report.receipts is not None
    for item in report.receipts.receipts:
        assert {verdict.outcome for verdict in item.report.verdicts} == {Outcome.VALID}
    assert report.qualifications == (
        "the chain is under the operator's control: a demonstration, not evidence",
    )


def test_equal_content_gives_equal_bytes(dossier_case: Case) -> None:
    assert write(dossier_case.log, dossier_case.content) == dossier_case.data


def test_without_a_trusted_block_the_closing_anchor_is_unknown(dossier_case: Case) -> None:
    report = verify(dossier_case, blocks=())
    assert report.outcome is Outcome.UNKNOWN
    assert outcomes(report)["closing"] == "UNKNOWN"
    number = dossier_case.content.closing.anchor.block_number
    assert f"nobody vouches for block {number}: name its hash" in reason(report, "closing")
    strange = verify(dossier_case, blocks=(bytes(32),))
    assert strange.outcome is Outcome.UNKNOWN
    said = reason(strange, "closing")
    assert "a hash that was given is not that of any block in the dossier" in said
    assert f"block {number} needs its own" in said


@pytest.mark.parametrize(
    ("off", "is_the_blocks", "outcome"),
    [(0, True, "VALID"), (0, False, "INVALID"), (1000, False, "UNKNOWN"), (1000, True, "VALID")],
)
def test_another_hash_for_a_block_that_is_named_by_its_number_is_invalid(
    dossier_case: Case, off: int, is_the_blocks: bool, outcome: str
) -> None:
    number = dossier_case.content.closing.anchor.block_number + off
    block = dossier_case.block if is_the_blocks else bytes(32)
    report = verify_dossier(
        io.BytesIO(dossier_case.data),
        trust=dossier_case.log.trust(),
        vouches=named([block], {block: number}),
    )
    assert (report.outcome.value, outcomes(report)["closing"]) == (outcome, outcome)
    if outcome == "INVALID":
        assert f"block {number} has another hash in the dossier" in reason(report, "closing")


def test_first_anchors_that_nobody_vouches_for_leave_times_open(anvil: ChainFixture) -> None:
    log = open_small_log(anvil)
    content = make_content(log, max_headers=0)
    case = Case(log, content, write(log, content))
    report = verify(case)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert NO_TIMES in report.qualifications
    assert report.receipts is not None
    first = report.receipts.receipts[0].report
    assert first.verdict("timing").outcome is Outcome.UNKNOWN
    assert first.verdict("inclusion").outcome is Outcome.VALID
    hashes = [anchor.block_hash for anchor in log.anchors.values()]
    opened = bytes.fromhex(log.node.block(hex(log.start))["hash"][2:])
    assert NO_TIMES not in verify(case, blocks=(*hashes, opened)).qualifications


def test_without_a_trust_file_nobody_is_believed(dossier_case: Case) -> None:
    report = verify_dossier(
        io.BytesIO(dossier_case.data), trust=None, vouches=named([dossier_case.block])
    )
    assert report.outcome is Outcome.UNKNOWN
    assert outcomes(report)["signature"] == outcomes(report)["closing"] == "UNKNOWN"


def test_another_contract_than_the_trusted_one_is_invalid(dossier_case: Case) -> None:
    report = verify(dossier_case, contract=bytes(20))
    assert report.outcome is Outcome.INVALID
    assert "contract is not the trusted one" in reason(report, "closing")


def test_a_document_put_in_place_of_another_is_named(dossier_case: Case) -> None:
    def change(name: str, part: bytes) -> bytes:
        return part.replace(b"an invoice", b"no invoice") if name == INVOICE_NAME else part

    swapped = rebuilt(dossier_case.data, change)
    report = verify(dossier_case, swapped)
    assert reason(report, "files") == (
        f"{INVOICE_NAME}: its SHA-256 is not the one that the manifest says"
    )
    # The operator signs anew: what the log recorded still is another document.
    report = verify(dossier_case, resigned(swapped, dossier_case.log.signer))
    assert outcomes(report)["signature"] == "VALID"
    assert reason(report, "files") == f"{INVOICE_NAME}: it is not what was recorded as entry 2"


def test_a_manifest_that_somebody_else_changed_is_invalid(dossier_case: Case) -> None:
    def change(name: str, part: bytes) -> bytes:
        return part.replace(b'"id":"case-1"', b'"id":"case-2"') if name == "manifest.json" else part

    report = verify(dossier_case, rebuilt(dossier_case.data, change))
    assert outcomes(report)["signature"] == "INVALID"


def test_an_entry_left_out_makes_the_history_unknown(dossier_case: Case) -> None:
    content = dossier_case.content
    part = replace(content, receipts=content.receipts[:1] + content.receipts[2:], events=())
    report = verify(dossier_case, write(dossier_case.log, part))
    assert report.outcome is Outcome.UNKNOWN
    assert "missing numbers 1" in reason(report, "history")


def test_an_older_trail_head_does_not_hide_what_came_after_it(dossier_case: Case) -> None:
    content, log = dossier_case.content, dossier_case.log
    older = log.head(PARCEL, size=3)
    first = tuple(replace(item, trail_head=older) for item in content.receipts if item.index < 3)
    part = replace(
        content,
        receipts=first,
        documents=content.documents[:1],
        events=content.events[:2],
    )
    report = verify(dossier_case, write(log, part))
    assert report.outcome is Outcome.UNKNOWN
    assert reason(report, "history") == (
        f"{PARCEL}: whole as of size 3 only; the closing anchor is of 6"
    )


def test_what_is_withheld_stands_in_its_place_and_is_counted(dossier_case: Case) -> None:
    content = dossier_case.content
    hidden = DossierDocument(2, content.documents[0].media_type, None, state="withheld")
    redacted = replace(
        content,
        receipts=tuple(withheld(item) if item.index == 2 else item for item in content.receipts),
        documents=(hidden, content.documents[1]),
    )
    data = write(dossier_case.log, redacted)
    assert INVOICE[:19] not in data
    report = verify(dossier_case, data)
    assert report.outcome is Outcome.VALID, report.to_json()
    assert report.files[2].name == "documents/0001"
    assert report.files[2].reason.startswith("withheld; recorded as entry 2")
    assert "1 of 5 entries are withheld or erased: place and order only" in report.qualifications


def test_a_neighbours_anchor_does_not_close_a_dossier(
    dossier_case: Case, anvil: ChainFixture
) -> None:
    other = open_small_log(anvil)
    content = make_content(other)
    mixed: DossierContent = replace(
        dossier_case.content, closing=content.closing, anchors=content.anchors
    )
    report = verify(
        dossier_case, write(dossier_case.log, mixed), blocks=(content.closing.anchor.block_hash,)
    )
    assert outcomes(report)["closing"] == "INVALID"


@pytest.fixture
def folder(tmp_path: Path, dossier_case: Case) -> Path:
    (tmp_path / "dossier.zip").write_bytes(dossier_case.data)
    (tmp_path / "trust.json").write_bytes(dossier_case.log.trust().encode())
    return tmp_path


def command(folder: Path, *arguments: str) -> Done:
    return provenance("verify", "dossier.zip", *arguments, cwd=folder)


def test_the_command_says_what_it_found(folder: Path, dossier_case: Case) -> None:
    block = "0x" + dossier_case.block.hex()
    done = command(folder, "--trust", "trust.json", "--block", block)
    assert done.code == 0, done
    assert "all 5 entries are in the log of size 6" in done.out
    assert "not that it is true" in done.out
    done = command(folder, "--trust", "trust.json", "--rpc", dossier_case.log.node.url, "--json")
    assert done.code == 0, done
    value = json.loads(done.out)
    assert value["about"]["subjects"] == [PARCEL]
    assert command(folder, "--trust", "trust.json").code == 3


def test_the_command_says_what_came_of_asking_a_node(folder: Path, dossier_case: Case) -> None:
    def other_chain(method: str, _: object, true: object) -> object:
        return "0x7a6a" if method == "eth_chainId" else true

    block = "0x" + dossier_case.block.hex()
    with lying_node(dossier_case.log.node.url, other_chain) as strange:
        for url, why in (
            ("http://127.0.0.1:1", "could not be asked"),
            (strange, "serves another chain than the trust file names"),
        ):
            told = f"no node vouched for a block: 127.0.0.1 {why}"
            done = command(folder, "--trust", "trust.json", "--rpc", url)
            assert (done.code, told in done.out) == (3, True), done
            done = command(
                folder, "--trust", "trust.json", "--rpc", url, "--block", block, "--json"
            )
            assert done.code == 0, done
            assert any(told in one for one in json.loads(done.out)["qualifications"])


def test_the_command_tells_a_changed_file_from_one_that_is_none(
    folder: Path, dossier_case: Case
) -> None:
    data = bytearray(dossier_case.data)
    data[dossier_case.data.index(b"an invoice")] ^= 1
    (folder / "dossier.zip").write_bytes(data)
    done = command(folder, "--trust", "trust.json")
    assert done.code == 1
    assert f"{INVOICE_NAME}: its bytes are not those of its CRC-32" in done.out
    (folder / "dossier.zip").write_bytes(dossier_case.data + b"\n")
    done = command(folder)
    assert done.code == 4
    assert "bytes follow the end record (trailing-data)" in done.out
    assert command(folder, "--block", "0x12").code == 2
