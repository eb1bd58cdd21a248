"""Receipts and trust files: one good receipt with everything in it, and what is wrong with others.

A corrupted receipt is either refused (``error``) or judged (``outcome``, and the ``check`` that
decides it).
"""

import base64
import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fixtures.small_log import OTHER, PARCEL, SmallLog, seeded_signer
from provenance.core.check import AnchorFacts
from provenance.core.digests import sha256
from provenance.core.jcs import canonicalize
from provenance.core.receipt import Receipt
from provenance.core.trustfile import Successor
from vectors.case import Case, bad, good, replaced

Change = Callable[[dict[str, Any]], Any]
ZEROS = "00" * 32


def small_log() -> SmallLog:
    """The log of which the good receipt is."""
    log = SmallLog(
        signers=[
            seeded_signer("log.example/parcels", "vectors"),
            seeded_signer("witness.example/w", "witness"),
        ]
    ).fill(14, PARCEL, OTHER)
    for size in (3, 8, 14):
        log.anchor(size)
    return log


def good_receipt(log: SmallLog) -> Receipt:
    """Opened, with disclosed fields, a later anchor, ``ext`` and a witness's signature."""
    return log.receipt(
        4, pointers=["/epcList/1", "/number"], later=[14], ext={"note": "kept, not checked"}
    )


def facts_json(facts: AnchorFacts) -> dict[str, Any]:
    """What the chain says, as JSON; what it does not say is absent."""
    value = {
        "chain_id": facts.chain_id,
        "genesis_hash": facts.genesis_hash.hex(),
        "code_hash": facts.code_hash.hex(),
        "root": facts.root.hex() if facts.root else None,
        "record": facts.record.to_json() if facts.record else None,
        "final": facts.final,
        "finality": facts.finality,
        "abandoned_above": facts.abandoned_above,
    }
    return {name: item for name, item in value.items() if item is not None}


def receipt_cases() -> dict[str, Any]:
    """The receipt with what a verifier brings, and its corruptions."""
    log = small_log()
    receipt = good_receipt(log)
    data = receipt.encode()
    trust = log.trust(keys=(log.signers[0].verifier(),))
    return {
        "trust": trust.encode().decode(),
        "facts": facts_json(log.facts(8)),
        "later_facts": [facts_json(log.facts(14))],
        "payload": log.records[4].payload.decode(),
        "cases": [
            {**good("good", data), "expect": {"outcome": "VALID"}},
            *_refused(data),
            *_judged(receipt.to_json()),
            *_with_other_evidence(data, log),
        ],
    }


def _refused(data: bytes) -> list[Case]:
    def off(name: str, old: str, new: str, error: str) -> Case:
        return bad(name, replaced(data, old.encode(), new.encode()), error)

    return [
        bad("nothing", b"", "not-json"),
        bad("a newline at the end", data + b"\n", "not-canonical"),
        bad("a byte order mark", b"\xef\xbb\xbf" + data, "bad-encoding"),
        bad("cut", data[:-1], "not-json"),
        bad("an array", b"[" + data + b"]", "wrong-type"),
        off("an unknown member", '"ext":{', '"extra":1,"ext":{', "not-canonical"),
        off("an unknown member in its place", '"fields":', '"extra":1,"fields":', "unknown-member"),
        off("a member misnamed", '"entry":', '"entrz":', "unknown-member"),
        off("ext not an object", '"ext":{"note":"kept, not checked"}', '"ext":1', "wrong-type"),
        off("null in ext", '"kept, not checked"', "null", "null"),
        off("a fraction in ext", '"kept, not checked"', "1.5", "bad-number"),
    ]  # fmt: skip


def _judged(value: dict[str, Any]) -> list[Case]:
    def case(name: str, change: Change, *, error: str = "", **expect: str) -> Case:
        changed = copy.deepcopy(value)
        change(changed)
        if error:
            return bad(name, canonicalize(changed), error)
        return {**good(name, canonicalize(changed)), "expect": expect}

    def put(*path: str | int, to: Any) -> Change:
        def change(changed: Any) -> None:
            for step in path[:-1]:
                changed = changed[step]
            changed[path[-1]] = to

        return change

    def invalid(name: str, check: str, change: Change) -> Case:
        return case(name, change, outcome="INVALID", check=check)

    note = value["checkpoint"]
    sizes = ("unsupported-version", "missing-member", "bad-value", "bad-hex")
    return [
        case("version 2", put("v", to=2), error=sizes[0]),
        case("no salt", lambda changed: changed.pop("salt"), error=sizes[1]),
        case("no entry", lambda changed: changed.pop("entry"), error=sizes[1]),
        case("withheld, but with a statement", put("state", to="withheld"),
             error="unknown-member"),
        case("no anchor", lambda changed: changed.pop("anchor"), error=sizes[1]),
        case("no later anchors, but a list of them", put("later", to=[]), error=sizes[2]),
        case("a later anchor that is earlier", put("later", 0, "anchor", "size", to=8),
             error=sizes[2]),
        case("no disclosed fields, but a list of them", put("fields", to=[]), error=sizes[2]),
        case("the chain id as a string", put("anchor", "chain_id", to="31337"),
             error="wrong-type"),
        case("contract with 0x", put("anchor", "contract", to="0x" + "00" * 20), error=sizes[3]),
        case("salt in upper case", put("salt", to="AB" * 32), error=sizes[3]),
        case("65 hashes in the path", put("path", to=[ZEROS] * 65), error="too-large"),
        case("ext changed", put("ext", to={"note": "anything"}), outcome="VALID", check="anchor"),
        case("ext left out", lambda changed: changed.pop("ext"), outcome="VALID", check="anchor"),
        case("a witness's signature left out",
             put("checkpoint", to=note[: note.rindex("\u2014")]), outcome="VALID", check="anchor"),
        case("the later anchor left out", lambda changed: changed.pop("later"), outcome="VALID",
             check="anchor"),
        invalid("another kind of record", "commitment", put("statement", "kind", to="document")),
        invalid("another subject", "commitment", put("statement", "subject", to="urn:x:1")),
        invalid("another salt", "commitment", put("salt", to=ZEROS)),
        invalid("another payload salt", "commitment", put("payload", "salt", to=ZEROS)),
        invalid("another payload hash", "commitment", put("payload", "sha256", to=ZEROS)),
        invalid("another disclosed token", "commitment", put("fields", 1, "token", to="5")),
        invalid("another time", "inclusion", put("entry", "at", to=1_767_225_604_001)),
        invalid("another seq", "inclusion", put("entry", "seq", to=1)),
        invalid("another trail", "trail", put("entry", "trail", to=ZEROS)),
        invalid("another index", "inclusion", put("index", to=5)),
        invalid("another path", "inclusion", put("path", 0, to=ZEROS)),
        invalid("another checkpoint size", "checkpoint",
                put("checkpoint", to=note.replace("\n8\n", "\n9\n"))),
        invalid("no trusted signature", "checkpoint",
                put("checkpoint", to=note[: note.index("\u2014")] + note[note.rindex("\u2014") :])),
        invalid("another note as checkpoint", "checkpoint",
                put("checkpoint", to=value["trail_head"])),
        invalid("the checkpoint as trail head", "trail", put("trail_head", to=note)),
        invalid("another anchor size", "anchor", put("anchor", "size", to=9)),
        invalid("another old size", "anchor", put("anchor", "old_size", to=2)),
        invalid("another chain", "anchor", put("anchor", "chain_id", to=1)),
        invalid("another contract", "anchor", put("anchor", "contract", to="00" * 20)),
        invalid("another log id", "anchor", put("anchor", "log_id", to=ZEROS)),
        invalid("a later anchor of another contract", "anchor",
                put("later", 0, "anchor", "contract", to="00" * 20)),
        case("another block", put("anchor", "block_hash", to=ZEROS), outcome="UNKNOWN",
             check="anchor"),
        case("another block time", put("anchor", "block_time", to=1_767_225_608_501),
             outcome="UNKNOWN", check="timing"),
        case("another block of the later anchor", put("later", 0, "anchor", "block_hash", to=ZEROS),
             outcome="UNKNOWN", check="anchor"),
        case("no trail head", lambda changed: changed.pop("trail_head"), outcome="UNKNOWN",
             check="trail"),
        case("statement withheld", _withhold, outcome="UNKNOWN", check="commitment"),
        case("payload not opened", lambda changed: changed.pop("payload"), outcome="UNKNOWN",
             check="content"),
    ]  # fmt: skip


def _withhold(changed: dict[str, Any]) -> None:
    for name in ("statement", "salt", "payload", "fields"):
        del changed[name]
    changed["state"] = "withheld"


def _with_other_evidence(data: bytes, log: SmallLog) -> list[Case]:
    def case(name: str, outcome: str, check: str, **evidence: Any) -> Case:
        return {**good(name, data), **evidence, "expect": {"outcome": outcome, "check": check}}

    trusted = log.trusted(keys=(log.signers[0].verifier(),))
    trust = log.trust(keys=trusted.keys)

    def with_facts(**changes: Any) -> dict[str, Any]:
        return facts_json(log.facts(8, **changes))

    def with_trust(**changes: Any) -> str:
        return replace(trust, logs=(replace(trusted, **changes),)).encode().decode()

    successor = Successor("log.example/parcels-2", 7)
    return [
        case("no trust file", "UNKNOWN", "checkpoint", trust=""),
        case("a trust file of another log", "UNKNOWN", "checkpoint",
             trust=SmallLog(origin="log.example/x").trust().encode().decode()),
        case("another trusted key", "INVALID", "checkpoint",
             trust=with_trust(keys=(seeded_signer(log.origin, "x").verifier(),))),
        case("another trusted chain", "INVALID", "anchor", trust=with_trust(chain_id=1)),
        case("another trusted contract", "INVALID", "anchor", trust=with_trust(contract=bytes(20))),
        case("a successor from size 7", "INVALID", "anchor", trust=with_trust(successor=successor)),
        case("the chain not asked", "UNKNOWN", "anchor", facts={}),
        case("a chain of the same id", "UNKNOWN", "anchor",
             facts=with_facts(genesis_hash=bytes(32))),
        case("another code at the contract", "INVALID", "anchor",
             facts=with_facts(code_hash=bytes(32))),
        case("another root on the chain", "INVALID", "anchor", facts=with_facts(root=bytes(32))),
        case("no root on the chain", "UNKNOWN", "anchor", facts=with_facts(root=None, record=None)),
        case("abandoned on the chain", "INVALID", "anchor", facts=with_facts(abandoned_above=7)),
        case("not final yet", "UNKNOWN", "finality", facts=with_facts(final=False)),
        case("another payload", "INVALID", "content", payload="{}"),
    ]  # fmt: skip


def trust_cases() -> list[Case]:
    """The trust file, and what is wrong with others."""
    log = small_log()
    value = log.trust(keys=(log.signers[0].verifier(),), local=True).encode()
    key = log.signers[0].verifier().vkey()
    other = seeded_signer("log.example/x", "x").verifier().vkey()
    start = key.split("+")[1]
    # C2SP signed-note, type 4: a witness's cosignature.
    public_key = b"\x04" + log.signers[0].verifier().public_key
    key_id = sha256(log.origin.encode() + b"\n" + public_key)[:4].hex()
    cosigner = f"{log.origin}+{key_id}+{base64.b64encode(public_key).decode()}"

    def off(name: str, old: str, new: str, error: str) -> Case:
        return bad(name, replaced(value, old.encode(), new.encode()), error)

    logs = value[value.index(b"[") : value.rindex(b"]") + 1]
    return [
        good("good", value, origins=["log.example/parcels"], keys=[key]),
        good("spelled by a person", value.replace(b",", b",\n  "), origins=["log.example/parcels"],
             keys=[key]),
        off("version 0", '"v":1', '"v":0', "unsupported-version"),
        off("no operator", '"operator":"Example Parcels"', '"operator":""', "bad-value"),
        off("an operator with an escape sequence", "Example", "\\u001b[31m", "bad-value"),
        off("an origin with a scheme", '"origin":"log', '"origin":"https://log', "bad-value"),
        off("an unknown member", '"local":true', '"local":true,"url":"x"', "unknown-member"),
        off("local as a number", '"local":true', '"local":1', "wrong-type"),
        off("no keys", f'["{key}"]', "[]", "bad-value"),
        off("a key twice", f'["{key}"]', f'["{key}","{key}"]', "bad-value"),
        off("a key of another origin", key, other, "bad-note"),
        off("a key id that does not fit", f"+{start}+", "+00000000+", "bad-note"),
        off("a key of 31 bytes", key, key[:-4], "bad-base64"),
        off("a key of another algorithm", key, cosigner, "bad-note"),
        off("a code hash with 0x", '"code_hash":"', '"code_hash":"0x', "bad-hex"),
        off("no confirmations", '"confirmations":2', '"confirmations":0', "bad-value"),
        bad("one log twice", value.replace(logs, logs[:-1] + b"," + logs[1:]), "bad-value"),
        off("its own successor", '"start":7',
            '"start":7,"successor":{"origin":"log.example/parcels","size":1}', "bad-value"),
        off("a duplicate member", '"start":7', '"start":7,"start":8', "duplicate-member"),
    ]  # fmt: skip
