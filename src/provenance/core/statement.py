"""Statements and commitments: what a record says, bound to its bytes without revealing them.

A statement is small JSON; the log holds only its salted commitment. The statement in turn holds
a salted commitment to the payload, so that a statement which survives the erasure of its payload
does not allow to guess it (a parcel number has few enough digits to try them all).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from provenance.core.digests import (
    HASH_SIZE,
    Commitment,
    LeafHash,
    PayloadCommitment,
    RootHash,
    Salt,
    hmac_sha256,
    parse_hex,
    sha256,
)
from provenance.core.errors import BadValueError, TooLargeError
from provenance.core.jcs import MAX_INTEGER, JsonValue, canonicalize, json_string
from provenance.core.members import VERSION, Members

KINDS: Final = ("event", "document", "identity", "case", "erasure", "heartbeat")
"""What a record can be."""
RELATIONS: Final = ("corrects", "supersedes", "erases", "relies_on")
"""How a record can refer to an earlier entry."""

MAX_SUBJECT = 2048
"""Characters of a subject: what browsers and servers agree to take as a URI."""
MAX_REFS = 4096
"""References of one statement: an erasure names every entry it erases."""
MAX_TEXT = 2048
"""Characters of ``type``, ``submitter`` and ``media_type``."""

_PAYLOAD_PREFIX: Final = b"payload/v1\n"
_STATEMENT_PREFIX: Final = b"statement/v1\n"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]+")
_PRINTABLE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")
_REQUIRED: Final = (
    "v",
    "kind",
    "subject",
    "submitter",
    "media_type",
    "payload",
    "payload_size",
    "refs",
)
_OPTIONAL: Final = ("type", "occurred_at", "context_sha256", "fields_root")


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to an earlier entry by its leaf hash."""

    rel: str
    leaf: LeafHash

    def __post_init__(self) -> None:
        _check_choice(self.rel, RELATIONS, "/rel")
        if len(self.leaf) != HASH_SIZE:
            raise BadValueError(f"has {HASH_SIZE} bytes, not {len(self.leaf)}", where="/leaf")

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"rel": self.rel, "leaf": self.leaf.hex()}

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(("rel", "leaf"))
        return cls(
            rel=members.text("rel", choices=RELATIONS),
            leaf=LeafHash(members.hex("leaf")),
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """What a record is, for one of its subjects.

    ``payload`` is the payload commitment, ``payload_size`` is in bytes, ``occurred_at`` in
    milliseconds since the epoch (UTC), ``submitter`` a random organisation id.
    """

    kind: str
    subject: str
    submitter: str
    media_type: str
    payload: PayloadCommitment
    payload_size: int
    refs: tuple[Ref, ...] = ()
    type: str | None = None
    occurred_at: int | None = None
    context_sha256: bytes | None = None
    fields_root: RootHash | None = None

    def __post_init__(self) -> None:
        """Refuse what could not be read again: what is committed to once can't be mended."""
        _check_choice(self.kind, KINDS, "/kind")
        check_subject(self.subject)
        _check_printable(self.submitter, "/submitter")
        _check_printable(self.media_type, "/media_type")
        if self.type is not None:
            _check_printable(self.type, "/type")
        if not 0 <= self.payload_size <= MAX_INTEGER:
            raise BadValueError("is not from 0 to 2^53-1", where="/payload_size")
        if self.occurred_at is not None and abs(self.occurred_at) > MAX_INTEGER:
            raise BadValueError("is outside ±(2^53-1)", where="/occurred_at")
        if len(self.refs) > MAX_REFS:
            raise TooLargeError(f"has more than {MAX_REFS} items", where="/refs")
        for digest in (self.payload, self.context_sha256, self.fields_root):
            if digest is not None and len(digest) != HASH_SIZE:
                raise BadValueError(f"a digest has {HASH_SIZE} bytes, not {len(digest)}")

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form; members that do not apply are absent."""
        value: dict[str, JsonValue] = {
            "v": VERSION,
            "kind": self.kind,
            "subject": self.subject,
            "submitter": self.submitter,
            "media_type": self.media_type,
            "payload": self.payload.hex(),
            "payload_size": self.payload_size,
            "refs": [ref.to_json() for ref in self.refs],
        }
        if self.type is not None:
            value["type"] = self.type
        if self.occurred_at is not None:
            value["occurred_at"] = self.occurred_at
        if self.context_sha256 is not None:
            value["context_sha256"] = self.context_sha256.hex()
        if self.fields_root is not None:
            value["fields_root"] = self.fields_root.hex()
        return value

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        return canonicalize(self.to_json())

    @classmethod
    def from_json(cls, value: object, *, where: str = "") -> Self:
        """Read the JSON form.

        Raises:
            FormatError: a member is missing, unknown or not what the format allows.

        """
        members = Members(value, where=where)
        members.version()
        members.only((*_REQUIRED, *_OPTIONAL))
        return cls(
            kind=members.text("kind", choices=KINDS),
            subject=check_subject(members.text("subject"), where=members.at("subject")),
            submitter=_printable(members, "submitter"),
            media_type=_printable(members, "media_type"),
            payload=PayloadCommitment(members.hex("payload")),
            payload_size=members.integer("payload_size"),
            refs=tuple(
                Ref.from_json(ref, where=f"{members.at('refs')}/{position}")
                for position, ref in enumerate(members.array("refs", maximum=MAX_REFS))
            ),
            type=_printable(members, "type") if "type" in members else None,
            # Before 1970 nothing of a parcel happened, but a document may quote an older date.
            occurred_at=(
                members.integer("occurred_at", minimum=-MAX_INTEGER)
                if "occurred_at" in members
                else None
            ),
            context_sha256=members.hex("context_sha256") if "context_sha256" in members else None,
            fields_root=(
                RootHash(members.hex("fields_root")) if "fields_root" in members else None
            ),
        )


@dataclass(frozen=True, slots=True)
class StatementTemplate:
    """Canonical statement bytes with a gap for the subject.

    The statements of one record differ in nothing but their subject, so that they are encoded
    once; ``subject`` is the only member between ``refs`` and ``submitter`` in RFC 8785 order.
    """

    head: bytes
    tail: bytes

    @classmethod
    def of(cls, statement: Statement) -> Self:
        """Template of ``statement``, whose own subject is dropped."""
        value = statement.to_json()
        before = {name: value[name] for name in value if name < "subject"}
        after = {name: value[name] for name in value if name > "subject"}
        return cls(
            head=canonicalize(before)[:-1] + b',"subject":',
            tail=b"," + canonicalize(after)[1:],
        )

    def for_subject(self, subject: str) -> bytes:
        """Canonical statement bytes for ``subject``, which must have been checked."""
        return self.head + json_string(subject) + self.tail


def check_subject(subject: str, *, where: str = "/subject") -> str:
    """Return ``subject`` if it can be one: an ASCII URI of at most 2,048 characters.

    Raises:
        TooLargeError: it is longer.
        BadValueError: it is no such URI.

    """
    if len(subject) > MAX_SUBJECT:
        raise TooLargeError(f"a subject has at most {MAX_SUBJECT} characters", where=where)
    if not _URI.fullmatch(subject):
        raise BadValueError("a subject is an absolute URI in ASCII without spaces", where=where)
    return subject


def payload_commitment(payload: bytes, *, salt: Salt) -> PayloadCommitment:
    """Commitment to payload bytes: HMAC-SHA-256(salt, "payload/v1\\n" ‖ SHA-256(payload))."""
    return payload_digest_commitment(sha256(payload), salt=salt)


def payload_digest_commitment(digest: bytes, *, salt: Salt) -> PayloadCommitment:
    """Return :func:`payload_commitment` for a payload of which the SHA-256 is known."""
    return PayloadCommitment(hmac_sha256(salt, _PAYLOAD_PREFIX + digest))


def statement_commitment(statement: bytes, *, salt: Salt) -> Commitment:
    """Commitment to canonical statement bytes, as the entry holds it."""
    return Commitment(hmac_sha256(salt, _STATEMENT_PREFIX + sha256(statement)))


def decode_salt(value: object, *, where: str) -> Salt:
    """Salt of exactly 64 lower-case hex digits.

    Raises:
        FormatError: anything else.

    """
    return Salt(parse_hex(value, where=where))


def _printable(members: Members, name: str) -> str:
    return _check_printable(members.text(name), members.at(name))


def _check_printable(text: str, where: str) -> str:
    if len(text) > MAX_TEXT:
        raise TooLargeError(f"has more than {MAX_TEXT} characters", where=where)
    if not _PRINTABLE.fullmatch(text):
        raise BadValueError("is empty or not printable ASCII", where=where)
    return text


def _check_choice(text: str, choices: Sequence[str], where: str) -> None:
    if text not in choices:
        raise BadValueError(f"expected one of {', '.join(choices)}", where=where)
