"""``provenance verify`` with nothing but receipts, a trust file and an RPC URL."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from fixtures.commands import Done, provenance
from fixtures.embedded import ChainFixture
from fixtures.verifying import SmallLog, open_small_log
from provenance.core.receipt import Receipt
from provenance.core.statement import Ref

pytestmark = pytest.mark.services
PARCEL = "https://id.gs1.org/00/340123450000000018"
OTHER = "https://id.gs1.org/00/340123450000000025"


@pytest.fixture(scope="module")
def log(anvil: ChainFixture) -> SmallLog:
    """Two entries of one parcel and one of another; the second corrects the first."""
    log = open_small_log(anvil)
    log.add(PARCEL, b'{"step":"shipping"}')
    log.add(OTHER, b'{"step":"packing"}')
    log.anchor()
    refs = [Ref(rel="corrects", leaf=log.leaves[0])]
    log.add(PARCEL, b'{"step":"departing"}', refs=refs)
    log.anchor()
    return log


@pytest.fixture
def folder(tmp_path: Path, log: SmallLog) -> Path:
    """A folder with three receipts, their payloads and the trust file."""
    log.write(tmp_path, 0, 1, 2)
    for index in range(3):
        (tmp_path / f"payload-{index}.json").write_bytes(log.lines[index].payload)
    (tmp_path / "trust.json").write_bytes(log.trust().encode())
    return tmp_path


def verify(folder: Path, log: SmallLog, *arguments: str) -> Done:
    """Verify with trust file and chain."""
    return provenance(
        "verify", *arguments, "--trust", "trust.json", "--rpc", log.node.url, cwd=folder
    )


def last_lines(done: Done) -> list[str]:
    """The headline, its notes and the honest limits."""
    return done.out.rpartition("\n\n")[2].splitlines()


def change(folder: Path, name: str, **members: object) -> None:
    """Replace members of the receipt ``name``."""
    receipt = Receipt.decode((folder / name).read_bytes())
    (folder / name).write_bytes(replace(receipt, **members).encode())  # type: ignore[arg-type]


def test_a_receipt_with_its_payload_is_valid_and_says_whose_chain_it_is(
    folder: Path, log: SmallLog
) -> None:
    done = verify(folder, log, "receipt-1.json", "--payload", "payload-1.json")
    assert done.code == 0, done
    assert done.err == ""
    assert "UNKNOWN" not in done.out
    assert last_lines(done)[:2] == [
        "VALID: every required check holds",
        "Note: the chain is under the operator's control: a demonstration, not evidence.",
    ]
    assert "not that it is true" in done.out


def test_the_whole_trail_shows_what_was_corrected(folder: Path, log: SmallLog) -> None:
    done = verify(folder, log, "receipt-0.json", "receipt-2.json", "--complete")
    assert done.code == 0, done
    assert "corrected by entry 2" in done.out
    assert "complete: all 2 entries" in done.out


def test_a_part_of_a_trail_is_not_complete(folder: Path, log: SmallLog) -> None:
    assert verify(folder, log, "receipt-2.json").code == 0
    done = verify(folder, log, "receipt-2.json", "--complete")
    assert done.code == 3
    assert "missing numbers 0" in done.out


def test_an_altered_payload_is_invalid(folder: Path, log: SmallLog) -> None:
    (folder / "payload-1.json").write_bytes(b'{"step":"pricing"}')
    done = verify(folder, log, "receipt-1.json", "--payload", "payload-1.json")
    assert done.code == 1
    assert "content         INVALID" in done.out
    headline, note, _ = last_lines(done)
    assert headline.startswith("INVALID: receipt-1.json: content: ")
    assert note.startswith("Note: the chain is under the operator's control")


def test_one_altered_payload_of_many_is_named(folder: Path, log: SmallLog) -> None:
    (folder / "payload-1.json").write_bytes(b'{"step":"pricing"}')
    payloads = [f"--payload=payload-{index}.json" for index in range(3)]
    files = [f"receipt-{index}.json" for index in range(3)]
    done = verify(folder, log, *files, *payloads, "--json")
    report = json.loads(done.out)
    wrong = {item["name"]: item["outcome"] for item in report["receipts"]}
    assert done.code == 1
    assert wrong == {files[0]: "VALID", files[1]: "INVALID", files[2]: "VALID"}


def test_a_payload_of_none_of_the_receipts_is_not_passed_over(folder: Path, log: SmallLog) -> None:
    done = verify(folder, log, "receipt-1.json", "receipt-2.json", "--payload=payload-0.json")
    assert done.code == 1
    assert "payload-0.json: it is not the payload of any of these receipts" in done.out
    assert last_lines(done)[0] == (
        "INVALID: payload-0.json is not the payload of any of these receipts"
    )


def test_without_a_trust_file_nobody_is_trusted(folder: Path, log: SmallLog) -> None:
    done = provenance("verify", "receipt-0.json", "--rpc", log.node.url, cwd=folder)
    assert done.code == 3
    assert "no trust file was given" in done.out


def test_without_a_chain_the_anchor_is_unknown(folder: Path) -> None:
    done = provenance("verify", "receipt-0.json", "--trust=trust.json", cwd=folder)
    assert done.code == 3
    assert last_lines(done)[0].startswith(
        "UNKNOWN: receipt-0.json: anchor: the chain was not asked: no RPC URL was given"
    )


def test_a_chain_that_does_not_answer_leaves_it_unknown(folder: Path) -> None:
    done = provenance(
        "verify",
        "receipt-0.json",
        "--trust=trust.json",
        cwd=folder,
        env={"RPC_URL": "http://127.0.0.1:9"},
    )
    assert done.code == 3
    assert "could not be asked" in done.out
    assert done.err == ""


def test_a_log_that_the_trust_file_does_not_name_is_unknown(folder: Path, log: SmallLog) -> None:
    other = replace(log, origin="somebody.example/log")
    (folder / "trust.json").write_bytes(other.trust().encode())
    done = verify(folder, log, "receipt-0.json")
    assert done.code == 3
    assert "does not name the log" in done.out


def test_a_forged_entry_is_invalid(folder: Path, log: SmallLog) -> None:
    change(folder, "receipt-0.json", entry=replace(log.lines[0].entry, at=1))
    assert verify(folder, log, "receipt-0.json").code == 1


@pytest.mark.parametrize("broken", [b"", b"{}", b"hello", b'{"v":2}', b"[" * 9999])
def test_what_is_no_receipt_is_malformed(folder: Path, log: SmallLog, broken: bytes) -> None:
    (folder / "receipt-0.json").write_bytes(broken)
    done = verify(folder, log, "receipt-0.json", "receipt-1.json")
    assert done.code == 4, done
    assert "receipt-0.json: not a receipt" in done.out
    assert "receipt-1.json: entry 1" in done.out
    assert last_lines(done)[0] == "MALFORMED: receipt-0.json is not a receipt"


@pytest.mark.parametrize("added", [b"\n", b"\r\n", b"\n\n"])
def test_a_line_break_behind_a_receipt_is_named_as_the_cause(
    folder: Path, log: SmallLog, added: bytes
) -> None:
    with (folder / "receipt-0.json").open("ab") as file:
        file.write(added)
    done = verify(folder, log, "receipt-0.json")
    assert done.code == 4, done
    assert "(not-canonical)" in done.out
    assert "a receipt with a line break behind it" in done.out
    assert json.loads(verify(folder, log, "receipt-0.json", "--json").out)["outcome"] == "MALFORMED"


@pytest.mark.parametrize("content", [b"foo", b"", b"\xff", b"{}", b"\n\n\xe2\x80\x94 x y\n"])
def test_what_is_no_acknowledgement_is_malformed(
    folder: Path, log: SmallLog, content: bytes
) -> None:
    (folder / "ack").write_bytes(content)
    done = verify(folder, log, "receipt-0.json", "--ack=ack")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("error: ack is not an acknowledgement: ")


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("acknowledgement", "this is an acknowledgement: give it with --ack"),
        ("checkpoint", "this is a checkpoint: "),
        ("trail head", "this is a trail head: "),
        ("trust file", "this is a trust file: give it with --trust"),
        ("event", "this is EPCIS data: give it with --payload"),
    ],
)
def test_what_was_given_in_the_place_of_a_receipt_is_named(
    folder: Path, log: SmallLog, kind: str, said: str
) -> None:
    contents = {
        "acknowledgement": log.acknowledge(0, 1).encode(),
        "checkpoint": log.checkpoint(2).encode(),
        "trail head": log.head(PARCEL).encode(),
        "trust file": log.trust().encode(),
        "event": b'{"type": "ObjectEvent", "eventTime": "2026-07-22T06:45:00Z"}',
    }
    (folder / "given").write_bytes(contents[kind])
    done = verify(folder, log, "given")
    assert done.code == 4
    assert f"\n  {said}" in done.out
    assert last_lines(done)[0] == "MALFORMED: given is not a receipt"


def test_a_receipt_in_the_place_of_another_file_is_named(folder: Path, log: SmallLog) -> None:
    said = "this is a receipt: `provenance verify FILE` takes it, without an option\n"
    done = verify(folder, log, "receipt-0.json", "--ack=receipt-1.json")
    assert (done.code, done.err) == (4, f"error: receipt-1.json is not an acknowledgement: {said}")
    done = provenance("verify", "receipt-0.json", "--trust=receipt-1.json", cwd=folder)
    assert (done.code, done.err) == (4, f"error: receipt-1.json is not a trust file: {said}")


def test_a_dossier_among_receipts_is_verified_by_itself(folder: Path, log: SmallLog) -> None:
    (folder / "case.zip").write_bytes(b"PK\x03\x04")
    done = verify(folder, log, "receipt-0.json", "case.zip")
    assert (done.code, done.err) == (
        2,
        "error: a dossier is verified by itself: name one file\n",
    )


def test_a_malformed_trust_file_is_one_line_and_exit_4(folder: Path, log: SmallLog) -> None:
    (folder / "trust.json").write_text('{"v":1}')
    done = verify(folder, log, "receipt-0.json")
    assert (done.code, done.out) == (4, "")
    assert done.err == "error: trust.json is not a trust file: /operator: is required\n"


@pytest.mark.parametrize(
    "arguments", [[], ["missing.json"], ["receipt-0.json", "--nonsense"], ["."]]
)
def test_wrong_usage_is_exit_2(folder: Path, arguments: list[str]) -> None:
    done = provenance("verify", *arguments, cwd=folder)
    assert done.code == 2
    assert "Traceback" not in done.err


def test_an_acknowledgement_that_was_kept_is_valid(folder: Path, log: SmallLog) -> None:
    (folder / "ack").write_text(log.acknowledge(0, 1))
    assert verify(folder, log, "receipt-0.json", "--ack=ack").code == 0
    (folder / "ack").write_text(log.acknowledge(0, 2))
    done = verify(folder, log, "receipt-0.json", "--ack=ack")
    assert done.code == 3
    assert "proven receipts of 1 of these 2 were given" in done.out


def test_an_acknowledgement_that_was_broken_is_misconduct(folder: Path, log: SmallLog) -> None:
    promised = replace(log, lines=[log.lines[1], *log.lines[1:]]).acknowledge(0, 1)
    (folder / "ack").write_text(promised)
    done = verify(folder, log, "receipt-0.json", "--ack=ack")
    assert done.code == 1
    assert "MISCONDUCT (broken-acknowledgement)" in done.out
    assert last_lines(done)[0].startswith("INVALID: misconduct: ")


def test_two_heads_that_contradict_each_other_are_misconduct_with_both_signatures(
    folder: Path, log: SmallLog
) -> None:
    short = log.head(PARCEL, count=1)
    change(folder, "receipt-0.json", trail_head=short)
    done = verify(folder, log, "receipt-0.json", "receipt-2.json")
    assert done.code == 1
    assert "MISCONDUCT (" in done.out
    for head in (short, log.head(PARCEL)):
        assert head.splitlines()[-1] in done.out


def test_two_trails_of_one_subject_are_misconduct(folder: Path, anvil: ChainFixture) -> None:
    insider = open_small_log(anvil)
    insider.add(PARCEL)
    insider.add(PARCEL, trail="a decoy")
    insider.anchor()
    insider.write(folder, 0)
    decoy = insider.receipt(1, head=insider.head(PARCEL))
    (folder / "receipt-1.json").write_bytes(replace(decoy, trail_head=None).encode())
    (folder / "trust.json").write_bytes(insider.trust().encode())
    done = verify(folder, insider, "receipt-0.json", "receipt-1.json", "--json")
    assert done.code == 1
    found = json.loads(done.out)["misconduct"]
    assert [item["kind"] for item in found] == ["two-trails-of-one-subject"]
    assert all("carrier.example/log" in note for note in found[0]["notes"])


def test_a_receipt_from_before_a_succession_stays_valid_and_one_above_it_does_not(
    folder: Path, anvil: ChainFixture
) -> None:
    stopped = open_small_log(anvil)
    stopped.add(PARCEL)
    stopped.anchor()
    stopped.add(PARCEL)
    stopped.anchor()
    stopped.write(folder, 0, 1)
    stopped.succeed(1, origin="carrier.example/second")
    (folder / "trust.json").write_bytes(stopped.trust().encode())
    change(folder, "receipt-0.json", trail_head=stopped.head(PARCEL, size=1))
    assert verify(folder, stopped, "receipt-0.json").code == 0
    done = verify(folder, stopped, "receipt-1.json")
    assert done.code == 1
    assert "abandoned: a successor carries the log on from size 1" in done.out
