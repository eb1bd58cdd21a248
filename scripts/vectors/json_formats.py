"""Strict JSON, entries and statements."""

from provenance.core.digests import LeafHash, Salt
from provenance.core.entry import Entry
from provenance.core.jcs import canonicalize
from provenance.core.statement import Ref, Statement, statement_commitment
from provenance.core.tree import leaf_hash
from vectors.case import Case, bad, good, replaced

VALUE = {"b": [1, -2, True], "a": {"e": "é"}, "text": 'q" \\ \n \u001f € 😀 \u2028'}


def jcs_cases() -> list[Case]:
    """Texts that are canonical, that are strict but not canonical, and that are refused."""
    data = canonicalize(VALUE)
    spelled = b'{ "b" : [9007199254740991, -9007199254740991], "a" : "\\u00e9" }'
    return [
        good("canonical", data, canonical=data.decode()),
        good("empty object", b"{}", canonical="{}"),
        good("strict but not canonical: spaces and order", spelled,
             canonical='{"a":"é","b":[9007199254740991,-9007199254740991]}'),
        good("depth 32", b"[" * 32 + b"]" * 32, canonical="[" * 32 + "]" * 32),
        bad("nothing", b"", "not-json"),
        bad("two values", b"{}{}", "not-json"),
        bad("trailing comma", b"[1,]", "not-json"),
        bad("single quotes", b"['a']", "not-json"),
        bad("raw newline in a string", b'"a\nb"', "not-json"),
        bad("duplicate member", b'{"a":1,"a":1}', "duplicate-member"),
        bad("duplicate member, spelled differently", b'{"a":1,"\\u0061":1}', "duplicate-member"),
        bad("null", b'{"a":null}', "null"),
        bad("fraction", b"1.0", "bad-number"),
        bad("exponent", b"1e3", "bad-number"),
        bad("minus zero", b"-0", "bad-number"),
        bad("2^53", b"9007199254740992", "bad-number"),
        bad("-2^53", b"-9007199254740992", "bad-number"),
        bad("five thousand digits", b"9" * 5000, "bad-number"),
        bad("leading zero", b"01", "not-json"),
        bad("NaN", b"[NaN]", "bad-number"),
        bad("Infinity", b"-Infinity", "bad-number"),
        bad("lone surrogate", b'"\\ud800"', "bad-encoding"),
        bad("surrogates the wrong way round", b'"\\udc00\\ud800"', "bad-encoding"),
        bad("U+0000", b'"\\u0000"', "bad-encoding"),
        bad("not UTF-8", b'"\xff"', "bad-encoding"),
        bad("surrogate in UTF-8", b'"\xed\xa0\x80"', "bad-encoding"),
        bad("overlong UTF-8", b'"\xc0\x80"', "bad-encoding"),
        bad("byte order mark", b"\xef\xbb\xbf{}", "bad-encoding"),
        bad("member name not ASCII", '{"é":1}'.encode(), "bad-member-name"),
        bad("member name with a control character", b'{"\\u007f":1}', "bad-member-name"),
        bad("depth 33", b"[" * 33 + b"]" * 33, "too-deep"),
        bad("depth 33 without an end", b'{"a":' * 33, "too-deep"),
    ]  # fmt: skip


def statement() -> Statement:
    """The good statement."""
    return Statement(
        kind="event",
        subject="https://id.gs1.org/00/095201234567891235",
        submitter="org-5f1d0c7e",
        media_type="application/ld+json",
        payload=bytes.fromhex("11" * 32),  # type: ignore[arg-type]  # a made-up digest
        payload_size=512,
        refs=(Ref("corrects", LeafHash(bytes.fromhex("22" * 32))),),
        type="departing",
        occurred_at=1_767_225_600_123,
        context_sha256=bytes.fromhex("33" * 32),
    )


def statement_cases() -> list[Case]:
    """The statement, and what is wrong with others."""
    data, salt = statement().encode(), Salt(bytes(range(32)))
    commitment = statement_commitment(data, salt=salt).hex()

    def off(name: str, old: str, new: str, error: str) -> Case:
        return bad(name, replaced(data, old.encode(), new.encode()), error)

    return [
        good("a statement", data, salt=salt.hex(), commitment=commitment),
        off("unknown version", '"v":1', '"v":2', "unsupported-version"),
        off("version as a string", '"v":1', '"v":"1"', "unsupported-version"),
        off("version true", '"v":1', '"v":true', "unsupported-version"),
        off("no version", ',"v":1', "", "missing-member"),
        off("unknown kind", '"kind":"event"', '"kind":"events"', "bad-value"),
        off("no kind", '"kind":"event",', "", "missing-member"),
        off("unknown member", '"kind"', '"recorded_at":1,"kind"', "unknown-member"),
        off("subject without scheme", '"https://id.gs1.org', '"//id.gs1.org', "bad-value"),
        off("subject with a space", "id.gs1.org", "id gs1.org", "bad-value"),
        off("subject not ASCII", "id.gs1.org", "id.gs1.örg", "bad-value"),
        off("subject too long", "095201234567891235", "0" * 2048, "too-large"),
        off("payload in upper case", "11" * 32, "AA" * 32, "bad-hex"),
        off("payload too short", "11" * 32, "11" * 31, "bad-hex"),
        off("size negative", '"payload_size":512', '"payload_size":-1', "bad-value"),
        off("size a string", '"payload_size":512', '"payload_size":"512"', "wrong-type"),
        off("size true", '"payload_size":512', '"payload_size":true', "wrong-type"),
        off("unknown relation", '"corrects"', '"voids"', "bad-value"),
        off("refs an object", '"refs":[{', '"refs":{"a":[{', "not-json"),
        off("media type empty", '"application/ld+json"', '""', "bad-value"),
        off("type with a newline", '"departing"', '"depart\\ning"', "bad-value"),
        bad("an array", b"[]", "wrong-type"),
    ]  # fmt: skip


def entry_cases() -> list[Case]:
    """The entry, and what is wrong with others."""
    entry = Entry(
        at=1_767_225_600_123,
        trail=bytes.fromhex("aa" * 32),  # type: ignore[arg-type]  # made-up digests
        seq=3,
        prev=LeafHash(bytes.fromhex("bb" * 32)),
        commitment=bytes.fromhex("cc" * 32),  # type: ignore[arg-type]  # same
    )
    data = entry.encode()

    def off(name: str, old: str, new: str, error: str) -> Case:
        return bad(name, replaced(data, old.encode(), new.encode()), error)

    return [
        good("an entry", data, leaf_hash=leaf_hash(data).hex()),
        off("unknown version", '"v":1', '"v":2', "unsupported-version"),
        off("unknown member", '"v":1', '"v":1,"x":1', "unknown-member"),
        off("no trail", f',"trail":"{"aa" * 32}"', "", "missing-member"),
        off("a space", '{"at"', '{ "at"', "not-canonical"),
        bad("another order", b'{"v":1,' + data[1:].replace(b',"v":1', b""), "not-canonical"),
        off("no seq", '"seq":3,', "", "missing-member"),
        off("an escape that need not be one", '"at"', '"\\u0061t"', "not-canonical"),
        off("seq 0 with a link", '"seq":3', '"seq":0', "bad-value"),
        off("seq 3 without a link", "bb" * 32, "00" * 32, "bad-value"),
        off("seq negative", '"seq":3', '"seq":-1', "bad-value"),
        off("time as a fraction", "1767225600123", "1767225600.123", "bad-number"),
        off("time beyond 2^53-1", "1767225600123", "9007199254740992", "bad-number"),
        off("upper-case hex", "cc" * 32, "CC" * 32, "bad-hex"),
        off("hex with a space", "cc" * 32, " " + "c" * 63, "bad-hex"),
        off("commitment null", f'"{"cc" * 32}"', "null", "null"),
        bad("longer than any entry", data + b" " * 512, "too-large"),
        bad("something behind it", data + b"1", "not-json"),
    ]  # fmt: skip
