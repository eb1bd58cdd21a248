"""The golden vectors are what the generator writes, and every case leads to what it says."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from provenance.core.check import AnchorFacts, Evidence, check_receipt
from provenance.core.digests import LeafHash, RootHash, Salt
from provenance.core.entry import Entry
from provenance.core.errors import FormatError, ProofError
from provenance.core.fields import fields_root, flatten, read_disclosure, verify_disclosure
from provenance.core.jcs import canonicalize, parse
from provenance.core.members import Members
from provenance.core.notes import Acknowledgement, Checkpoint, TrailHead, Verifier, open_note
from provenance.core.receipt import AnchorRecord, Receipt
from provenance.core.statement import Statement, statement_commitment
from provenance.core.tiles import Tile
from provenance.core.tree import verify_consistency, verify_inclusion
from provenance.core.trustfile import TrustFile

FOLDER = Path(__file__).parent
Case = dict[str, Any]


def load(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.json").read_bytes())


def cases(name: str, *parts: str) -> list[Any]:
    """Parameters: one for each case, by name."""
    value = load(name)
    for part in parts:
        value = value[part]
    return [pytest.param(case, id=case["name"]) for case in value]


def data_of(case: Case) -> bytes:
    return bytes.fromhex(case["input_hex"]) if "input_hex" in case else case["input"].encode()


def result(read: Callable[[], Any]) -> tuple[str, Any]:
    """Error code, or nothing and what was read."""
    try:
        return "", read()
    except (FormatError, ProofError) as error:
        return error.code, None


def check_error(case: Case, read: Callable[[], Any]) -> Any:
    """What was read, once it is settled that it should have been."""
    code, value = result(read)
    assert code == case["expect"].get("error", "")
    return value


def test_the_vectors_are_what_the_generator_writes() -> None:
    generator = FOLDER.parent.parent / "scripts" / "make_vectors.py"
    checked = subprocess.run(
        [sys.executable, str(generator), "--check"], capture_output=True, text=True, check=False
    )
    assert (checked.returncode, checked.stdout) == (0, ""), checked.stderr


@pytest.mark.parametrize("case", cases("jcs"))
def test_jcs(case: Case) -> None:
    value = check_error(case, lambda: parse(data_of(case)))
    if "canonical" in case["expect"]:
        assert canonicalize(value).decode() == case["expect"]["canonical"]


@pytest.mark.parametrize("case", cases("statement"))
def test_statement(case: Case) -> None:
    statement = check_error(case, lambda: Statement.from_json(parse(data_of(case))))
    if statement is not None:
        assert statement.encode() == data_of(case)
        salt = Salt(bytes.fromhex(case["expect"]["salt"]))
        commitment = statement_commitment(statement.encode(), salt=salt)
        assert commitment.hex() == case["expect"]["commitment"]


@pytest.mark.parametrize("case", cases("entry"))
def test_entry(case: Case) -> None:
    entry = check_error(case, lambda: Entry.decode(data_of(case)))
    if entry is not None:
        assert entry.leaf_hash().hex() == case["expect"]["leaf_hash"]


@pytest.mark.parametrize("case", cases("note"))
def test_note(case: Case) -> None:
    verifiers = [Verifier.from_vkey(vkey) for vkey in case["verifiers"]]
    opened = check_error(case, lambda: open_note(data_of(case).decode(), verifiers))
    if opened is not None:
        assert opened.text == case["expect"]["text"]
        assert [key.vkey() for key in opened.signed_by] == case["expect"]["signed_by"]


KINDS: dict[str, Callable[[str], Any]] = {
    "checkpoint": Checkpoint.parse,
    "acknowledgement": Acknowledgement.parse,
    "trail head": TrailHead.parse,
}


@pytest.mark.parametrize("case", cases("text"))
def test_text(case: Case) -> None:
    kind = case.get("kind") or case["expect"]["kind"]
    text = data_of(case).decode()
    read = check_error(case, lambda: KINDS[kind](text))
    if read is not None:
        assert read.text() == text
        assert [name for name, parse_kind in KINDS.items() if reads(parse_kind, text)] == [kind]


def reads(parse_kind: Callable[[str], Any], text: str) -> bool:
    return result(lambda: parse_kind(text))[0] == ""


@pytest.mark.parametrize("case", cases("tile"))
def test_tile(case: Case) -> None:
    tile = check_error(case, lambda: Tile.parse(data_of(case).decode()))
    if tile is not None:
        assert case["expect"] == {"level": tile.level, "n": tile.n, "width": tile.width}


@pytest.mark.parametrize("case", cases("tree", "inclusion"))
def test_inclusion(case: Case) -> None:
    check_error(
        case,
        lambda: verify_inclusion(
            LeafHash(bytes.fromhex(case["leaf"])),
            index=case["index"],
            size=case["size"],
            path=[bytes.fromhex(node) for node in case["path"]],
            root=RootHash(bytes.fromhex(case["root"])),
        ),
    )


@pytest.mark.parametrize("case", cases("tree", "consistency"))
def test_consistency(case: Case) -> None:
    check_error(
        case,
        lambda: verify_consistency(
            old=case["old"],
            new=case["new"],
            proof=[bytes.fromhex(node) for node in case["proof"]],
            old_root=RootHash(bytes.fromhex(case["old_root"])),
            new_root=RootHash(bytes.fromhex(case["new_root"])),
        ),
    )


def test_fields_and_their_root() -> None:
    vectors = load("disclosure")
    payload, salt = vectors["payload"].encode(), Salt(bytes.fromhex(vectors["fields_salt"]))
    found = [{"pointer": field.pointer, "token": field.token} for field in flatten(payload)]
    assert found == vectors["fields"]
    assert fields_root(payload, fields_salt=salt).hex() == vectors["fields_root"]


@pytest.mark.parametrize("case", cases("disclosure", "cases"))
def test_disclosure(case: Case) -> None:
    root = RootHash(bytes.fromhex(load("disclosure")["fields_root"]))
    members = Members({"fields": case["fields"]}, where="")
    check_error(case, lambda: verify_disclosure(read_disclosure(members, "fields"), root=root))


@pytest.mark.parametrize("case", cases("disclosure", "refused_payloads"))
def test_refused_payload(case: Case) -> None:
    check_error(case, lambda: flatten(data_of(case)))


@pytest.mark.parametrize("case", cases("trust"))
def test_trust(case: Case) -> None:
    trust = check_error(case, lambda: TrustFile.decode(data_of(case)))
    if trust is not None:
        assert [log.origin for log in trust.logs] == case["expect"]["origins"]
        assert [key.vkey() for key in trust.logs[0].keys] == case["expect"]["keys"]


@pytest.mark.parametrize("case", cases("receipt", "cases"))
def test_receipt(case: Case) -> None:
    receipt = check_error(case, lambda: Receipt.decode(data_of(case)))
    if receipt is not None:
        report = check_receipt(receipt, evidence_of({**load("receipt"), **case}))
        assert report.outcome.value == case["expect"]["outcome"]
        if "check" in case["expect"]:
            decided = report.verdict(case["expect"]["check"])
            assert decided.outcome.value == case["expect"]["outcome"]


def evidence_of(value: dict[str, Any]) -> Evidence:
    return Evidence(
        trust=TrustFile.decode(value["trust"].encode()) if value["trust"] else None,
        facts=facts_of(value["facts"]) if value["facts"] else None,
        later_facts=tuple(facts_of(item) for item in value["later_facts"]),
        payload=value["payload"].encode(),
    )


def facts_of(value: dict[str, Any]) -> AnchorFacts:
    return AnchorFacts(
        chain_id=value["chain_id"],
        genesis_hash=bytes.fromhex(value["genesis_hash"]),
        code_hash=bytes.fromhex(value["code_hash"]),
        root=bytes.fromhex(value["root"]) if "root" in value else None,
        record=AnchorRecord.from_json(value["record"], where="") if "record" in value else None,
        final=value["final"],
        finality=value["finality"],
        abandoned_above=value.get("abandoned_above"),
    )
