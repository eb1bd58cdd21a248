"""Signed notes, tile addresses, the tree and its proofs, disclosed fields."""

from dataclasses import replace
from typing import Any

from fixtures.rfc9162 import mth, path, proof
from fixtures.small_log import PARCEL, SmallLog, seeded_signer
from provenance.core.digests import LeafHash, Salt
from provenance.core.fields import DisclosedField, Field, Step, disclose, fields_root
from provenance.core.notes import Checkpoint, sign_note
from provenance.core.tiles import Tile
from provenance.core.tree import leaf_hash
from vectors.case import Case, bad, good

ORIGIN = "log.example/parcels"
SIZES = (1, 2, 3, 4, 5, 7, 8, 13, 256, 257)


def note_cases() -> list[Case]:
    """Notes opened with the keys ``known`` and ``next``; ``retired`` is not among them."""
    known, following, retired = (seeded_signer(ORIGIN, seed) for seed in ("k", "n", "r"))
    witness = seeded_signer("witness.example/w", "w")
    text = Checkpoint(ORIGIN, 3, SmallLog().fill(3).root(3)).text()
    note = sign_note(text, [known])
    body, line = text, note.removeprefix(text + "\n")
    forged = sign_note(text.replace("\n3\n", "\n4\n"), [following]).rpartition("\n\n")[2]
    signature = line.split(" ")[2].strip()
    verifiers = [known.verifier().vkey(), following.verifier().vkey()]

    def off(name: str, changed: str, error: str) -> Case:
        return bad(name, changed.encode(), error, verifiers=verifiers)

    def fine(name: str, changed: str, *signers: str) -> Case:
        return {**good(name, changed.encode(), text=text, signed_by=list(signers)),
                "verifiers": verifiers}  # fmt: skip

    return [
        fine("one key", note, verifiers[0]),
        fine("two keys: a rotation", sign_note(text, [known, following]), *verifiers),
        fine("unknown signatures", sign_note(text, [retired, known, witness]), verifiers[0]),
        off("a bad signature by a known key", note + forged, "bad-signature"),
        off("none by a known key", sign_note(text, [retired, witness]), "bad-signature"),
        off("another text", note.replace("\n3\n", "\n4\n"), "bad-signature"),
        off("a key of another origin", sign_note("other.example\n1\n", [known]), "bad-signature"),
        off("the name of the key changed", note.replace("\u2014 log", "\u2014 log2"),
            "bad-signature"),
        off("no signature", body + "\n", "bad-note"),
        off("no empty line", body + line, "bad-note"),
        off("no newline at the end", note[:-1], "bad-note"),
        off("a hyphen for the dash", note.replace("\u2014", "-"), "bad-note"),
        off("a tab", note.replace("\u2014 ", "\u2014\t"), "bad-note"),
        off("carriage returns", note.replace("\n", "\r\n"), "bad-note"),
        off("base64 without padding", note.replace(signature, signature.rstrip("=")),
            "bad-base64"),
        off("base64 with loose bits", note.replace(signature, loose_bits(signature)),
            "bad-base64"),
        off("a signature of four bytes", f"{body}\n\u2014 {ORIGIN} AAAAAA==\n", "bad-note"),
        off("17 signatures", note + 16 * line, "bad-note"),
    ]  # fmt: skip


def loose_bits(encoded: str) -> str:
    """The same bytes in base64 that is not canonical."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    stem = encoded.rstrip("=")
    return stem[:-1] + letters[letters.index(stem[-1]) + 1] + "=" * (len(encoded) - len(stem))


def text_cases() -> list[Case]:
    """The three texts that a log signs, and what is none of them."""
    log = SmallLog().fill(3)
    log.anchor()
    texts = {
        "checkpoint": log.checkpoint(3),
        "acknowledgement": log.acknowledgement(1, 1),
        "trail head": log.trail_head(),
    }
    split = {kind: note.rpartition("\n\n")[0] + "\n" for kind, note in texts.items()}
    cases = [good(kind, text.encode(), kind=kind) for kind, text in split.items()]

    def off(kind: str, name: str, old: str, new: str, error: str) -> None:
        text = split[kind]
        assert text.count(old) == 1, (old, text)
        cases.append(bad(f"{kind}: {name}", text.replace(old, new).encode(), error, kind=kind))

    off("checkpoint", "leading zero", "\n3\n", "\n03\n", "bad-number")
    off("checkpoint", "negative", "\n3\n", "\n-3\n", "bad-number")
    off("checkpoint", "beyond 2^53-1", "\n3\n", "\n9007199254740992\n", "bad-number")
    off("checkpoint", "an extension line", "=\n", "=\nextra\n", "bad-note")
    off("checkpoint", "root of 33 bytes", "\n3\n", "\n3\nAAAA", "bad-base64")
    off("checkpoint", "origin with a scheme", "log.example", "https://log.example", "bad-value")
    off("checkpoint", "origin with a plus", "log.example", "log+example", "bad-value")
    off("checkpoint", "origin with a space", "log.example", "log example", "bad-value")
    off("acknowledgement", "unknown version", "ack/v1", "ack/v2", "bad-note")
    off("acknowledgement", "nothing counted", "\n1\n1\n", "\n1\n0\n", "bad-number")
    off("trail head", "unknown version", "trail/v1", "trail/v2", "bad-note")
    off("trail head", "subject that is no URI", "https://id", "id", "bad-value")
    trail = log.trail(PARCEL).hex()
    off("trail head", "more entries than the log", f"{trail}\n3", f"{trail}\n4", "bad-number")
    off("trail head", "no entries", f"{trail}\n3", f"{trail}\n0", "bad-number")
    return cases


def tile_cases() -> list[Case]:
    """Addresses of C2SP tlog-tiles."""
    tiles = [Tile(0, 0), Tile(0, 273, 112), Tile(63, 999, 255), Tile(-1, 1000, 1),
             Tile(1, 1_234_067)]  # fmt: skip
    spelled = ["0/000.p/256", "0/000.p/0", "0/000.p/01", "0/0", "00/000", "64/000", "-1/000",
               "0/x000/001", "0/1000", "0/x001/x002", "0/000/", "/0/000", "0/\u0660\u0660\u0660",
               "entries/000.p/300", "0/x035/x184/x372/x088/832", "0/000\n"]  # fmt: skip
    return [
        *(good(tile.path(), tile.path().encode(), level=tile.level, n=tile.n, width=tile.width)
          for tile in tiles),
        *(bad(ascii(text), text.encode(), "bad-tile-path") for text in spelled),
    ]  # fmt: skip


def tree_cases() -> dict[str, list[Case]]:
    """Roots, inclusion and consistency of trees over the entries "0", "1", "2" ..."""
    leaves = [leaf_hash(b"%d" % number) for number in range(max(SIZES))]
    roots = [{"size": size, "root": mth(leaves[:size]).hex()} for size in (0, *SIZES)]
    return {
        "roots": roots,
        "inclusion": [
            *_inclusion(leaves, 13, 5),
            *_inclusion(leaves, 257, 100),
            *_inclusion(leaves, 257, 256)[:1],
            *_inclusion(leaves, 1, 0)[:1],
        ],
        "consistency": [*_consistency(leaves, 6, 13), *_consistency(leaves, 8, 13)],
    }


def _inclusion(leaves: list[LeafHash], size: int, index: int) -> list[Case]:
    fair: Case = {
        "name": f"entry {index} in a tree of {size}",
        "leaf": leaves[index].hex(),
        "index": index,
        "size": size,
        "path": [node.hex() for node in path(index, leaves[:size])],
        "root": mth(leaves[:size]).hex(),
        "expect": {},
    }
    return [fair, *_worse(fair, [
        ("another leaf", {"leaf": leaves[0].hex()}, "root-mismatch"),
        ("the next index", {"index": index ^ 1}, "root-mismatch"),
        ("an index outside", {"index": size}, "out-of-bounds"),
        ("a negative index", {"index": -1}, "out-of-bounds"),
        ("another root", {"root": "00" * 32}, "root-mismatch"),
        ("one hash less", {"path": fair["path"][:-1]}, "bad-proof-length"),
        ("one hash more", {"path": [*fair["path"], "00" * 32]}, "bad-proof-length"),
        ("a hash of 31 bytes", {"path": ["00" * 31, *fair["path"][1:]]}, "bad-hash-size"),
        ("hashes reversed", {"path": fair["path"][::-1]}, "root-mismatch"),
    ])]  # fmt: skip


def _consistency(leaves: list[LeafHash], old: int, new: int) -> list[Case]:
    fair: Case = {
        "name": f"from {old} to {new}",
        "old": old,
        "new": new,
        "proof": [node.hex() for node in proof(old, leaves[:new])],
        "old_root": mth(leaves[:old]).hex(),
        "new_root": mth(leaves[:new]).hex(),
        "expect": {},
    }
    return [fair, *_worse(fair, [
        ("another old root", {"old_root": "00" * 32}, "root-mismatch"),
        ("another new root", {"new_root": "00" * 32}, "root-mismatch"),
        ("sizes swapped", {"old": new, "new": old}, "out-of-bounds"),
        ("one hash less", {"proof": fair["proof"][1:]}, "bad-proof-length"),
        ("one hash more", {"proof": [*fair["proof"], "00" * 32]}, "bad-proof-length"),
        ("another hash", {"proof": ["00" * 32, *fair["proof"][1:]]}, "root-mismatch"),
    ])]  # fmt: skip


def _worse(fair: Case, changes: list[tuple[str, dict[str, Any], str]]) -> list[Case]:
    return [
        {**fair, **changed, "name": f"{fair['name']}: {name}", "expect": {"error": error}}
        for name, changed, error in changes
    ]


PAYLOAD = (
    '{"type":"ObjectEvent", "epcList":["urn:x:1","urn:x:2"],\n "weight":1.50, "a/b~c":{}, "é":null}'
)


def disclosure_cases() -> dict[str, Any]:
    """Fields of a payload, their root, and two of them disclosed."""
    payload, salt = PAYLOAD.encode(), Salt(bytes(range(32)))
    shown = disclose(payload, ["/epcList/1", "/weight"], fields_salt=salt)
    root = fields_root(payload, fields_salt=salt)
    one = shown[0]

    def off(name: str, fields: list[Any], error: str) -> Case:
        return {"name": name, "fields": fields, "expect": {"error": error}}

    def changed(**changes: Any) -> list[Any]:
        return [replace(one, **changes).to_json()]

    return {
        "payload": PAYLOAD,
        "fields_salt": salt.hex(),
        "fields": [
            {"pointer": "/a~1b~0c", "token": "{}"},
            {"pointer": "/epcList/0", "token": '"urn:x:1"'},
            {"pointer": "/epcList/1", "token": '"urn:x:2"'},
            {"pointer": "/type", "token": '"ObjectEvent"'},
            {"pointer": "/weight", "token": "1.50"},
            {"pointer": "/é", "token": "null"},
        ],
        "fields_root": root.hex(),
        "cases": [
            {"name": "two fields", "fields": [item.to_json() for item in shown], "expect": {}},
            off("another token", changed(field=Field("/epcList/1", '"urn:x:3"')),
                "bad-disclosure"),
            off("another pointer", changed(field=Field("/epcList/0", '"urn:x:2"')),
                "bad-disclosure"),
            off("another salt", changed(salt=Salt(bytes(32))), "bad-disclosure"),
            off("a side flipped", changed(path=flipped(one)), "bad-disclosure"),
            off("a hash left out", changed(path=one.path[1:]), "bad-disclosure"),
            off("no fields", [], "bad-value"),
            off("a field twice", [one.to_json(), one.to_json()], "bad-value"),
            off("another order", [shown[1].to_json(), one.to_json()], "bad-value"),
            off("a hash on both sides",
                [{**one.to_json(), "path": [{"left": "00" * 32, "right": "00" * 32}]}],
                "bad-value"),
            off("a hash on no side", [{**one.to_json(), "path": [{}]}], "missing-member"),
            off("17 hashes", [{**one.to_json(), "path": 17 * [{"left": "00" * 32}]}],
                "too-large"),
        ],
        "refused_payloads": [
            bad("a member twice", b'{"a":{"x":1},"a":{"y":2}}', "duplicate-member"),
            bad("NaN", b"[NaN]", "not-json"),
            bad("a lone surrogate in a name", b'{"\\ud800":1}', "bad-encoding"),
            bad("U+0000 in a name", b'{"\\u0000":1}', "bad-encoding"),
            bad("33 levels", b"[" * 33 + b"]" * 33, "too-deep"),
            bad("a pointer of 2,049 characters", b'{"%s":1}' % (b"a" * 2048), "too-large"),
            bad("not JSON", b"{'a':1}", "not-json"),
        ],
    }  # fmt: skip


def flipped(item: DisclosedField) -> tuple[Step, ...]:
    """The path with its first hash on the other side."""
    first = item.path[0]
    return (Step("right" if first.side == "left" else "left", first.hash), *item.path[1:])
