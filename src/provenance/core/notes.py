"""Signed notes (C2SP signed-note, Ed25519) and the three texts that a log signs.

A signature binds the origin: the key's name must equal it. A bad signature by a known key rejects
the note; signatures by unknown keys are ignored, so that keys rotate by signing twice. The texts
are told apart by their second line: a decimal size (checkpoint), ``ack/v1`` or ``trail/v1``.
"""

import base64
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from provenance.core.digests import HASH_SIZE, LeafHash, RootHash, TrailId, parse_hex, sha256
from provenance.core.errors import (
    BadValueError,
    Base64Error,
    EncodingError,
    NoteError,
    NumberError,
    SignatureError,
    TooLargeError,
)
from provenance.core.statement import check_subject
from provenance.core.tree import MAX_SIZE

MAX_NOTE_BYTES = 128 * 1024
"""Sixteen signatures of 5 kB, as witnesses with post-quantum keys make them, fit."""
MAX_SIGNATURES = 16
"""C2SP signed-note asks readers to accept at least this many."""
MAX_ORIGIN = 255
"""Characters of an origin, as of a DNS name."""
KEY_NAME = r"[^\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000+]+"
"""Pattern of a key's name (C2SP signed-note): no plus, and nothing that is Unicode White_Space.

Spelled out, because what ``\\s`` means differs from one language to the next.
"""

_REMEMBERED = 256
"""Notes that are not taken apart again: receipts of one batch share their checkpoint."""
_ED25519 = b"\x01"
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
_ORIGIN = re.compile(r"[\x21-\x2a\x2c-\x7e]+")
_SIGNATURE_LINE = re.compile(rf"\u2014 ({KEY_NAME}) ([A-Za-z0-9+/]+={{0,2}})")
_VKEY = re.compile(rf"({KEY_NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]+={{0,2}})")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")


def check_origin(origin: str, *, where: str = "origin") -> str:
    """Return ``origin`` if it can name a log: ASCII, no scheme, no spaces, no plus.

    Raises:
        BadValueError: it cannot.

    """
    if not 0 < len(origin) <= MAX_ORIGIN or not _ORIGIN.fullmatch(origin) or "://" in origin:
        raise BadValueError(
            f"an origin is a URL without scheme, spaces or plus, at most {MAX_ORIGIN} characters",
            where=where,
        )
    return origin


def decode_base64(text: str, *, where: str, size: int | None = None) -> bytes:
    """Bytes of canonical, padded base64.

    Raises:
        Base64Error: another spelling, or not ``size`` bytes.

    """
    # Told apart here and not by the decoder: other readers say the same of the same text.
    if not _BASE64.fullmatch(text) or len(text) % 4:
        raise Base64Error("not base64", where=where)
    data = base64.b64decode(text)
    if base64.b64encode(data).decode() != text:
        raise Base64Error("not canonical base64", where=where)
    if size is not None and len(data) != size:
        raise Base64Error(f"{len(data)} bytes, not {size}", where=where)
    return data


def _key_id(name: str, public_key: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + _ED25519 + public_key)[:4]


@dataclass(frozen=True, slots=True)
class Verifier:
    """A key that may sign for an origin, as a trust file names it."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        """Four bytes that pick the signature line (C2SP signed-note)."""
        return _key_id(self.name, self.public_key)

    def vkey(self) -> str:
        """Text form, ``name+keyid+base64``."""
        encoded = base64.b64encode(_ED25519 + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"

    @classmethod
    def from_vkey(cls, vkey: str, *, where: str = "vkey") -> Self:
        """Read the text form.

        Raises:
            FormatError: it is not one of an Ed25519 key.

        """
        match = _VKEY.fullmatch(vkey) if len(vkey) <= MAX_ORIGIN + 64 else None
        if match is None:
            raise NoteError("not a verifier key (name+keyid+base64)", where=where)
        data = decode_base64(match[3], where=where, size=1 + HASH_SIZE)
        if data[:1] != _ED25519:
            raise NoteError("not an Ed25519 verifier key", where=where)
        verifier = cls(name=check_origin(match[1], where=where), public_key=data[1:])
        if verifier.key_id.hex() != match[2]:
            raise NoteError("the key id does not belong to name and key", where=where)
        return verifier

    def verify(self, text: bytes, signature: bytes) -> bool:
        """Whether ``signature`` is this key's over ``text``."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text)
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs for an origin."""

    name: str
    private_key: Ed25519PrivateKey

    def verifier(self) -> Verifier:
        """Public half."""
        return Verifier(name=self.name, public_key=self.private_key.public_key().public_bytes_raw())

    def signature_line(self, text: bytes) -> str:
        """Signature line over the note's text."""
        public_key = self.private_key.public_key().public_bytes_raw()
        signature = _key_id(self.name, public_key) + self.private_key.sign(text)
        return f"\u2014 {self.name} {base64.b64encode(signature).decode()}\n"


def sign_note(text: str, signers: Sequence[Signer]) -> str:
    """Note of ``text`` (which ends in a newline), signed by each of ``signers``."""
    data = text.encode()
    return text + "\n" + "".join(signer.signature_line(data) for signer in signers)


class NoteSigner:
    """Signs many notes: what is the same for all of them is worked out once."""

    def __init__(self, signers: Sequence[Signer]) -> None:
        self._signers = [
            (f"\u2014 {signer.name} ", signer.verifier().key_id, signer.private_key)
            for signer in signers
        ]

    def sign(self, text: str) -> str:
        """Return :func:`sign_note` of ``text``."""
        data = text.encode()
        lines = [
            f"{start}{base64.b64encode(key_id + key.sign(data)).decode()}\n"
            for start, key_id, key in self._signers
        ]
        return f"{text}\n{''.join(lines)}"


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures held: its text, and which of the known keys signed."""

    text: str
    signed_by: tuple[Verifier, ...]


@dataclass(frozen=True, slots=True)
class SplitNote:
    """A well-formed note before its signatures were looked at."""

    text: str
    signatures: tuple[tuple[str, bytes], ...]


@lru_cache(maxsize=_REMEMBERED)
def split_note(note: str, *, where: str = "note") -> SplitNote:
    """Take text and signature lines apart.

    Raises:
        FormatError: not a signed note.

    """
    try:
        size = len(note.encode())
    except UnicodeEncodeError:
        raise EncodingError("a lone surrogate in a note", where=where) from None
    if size > MAX_NOTE_BYTES:
        raise TooLargeError(f"a note has at most {MAX_NOTE_BYTES} bytes", where=where)
    if _CONTROL.search(note):
        raise NoteError("a control character in a note", where=where)
    text, separator, block = note.rpartition("\n\n")
    if not separator or not block.endswith("\n") or not text:
        raise NoteError("not a text, an empty line and signature lines", where=where)
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise NoteError(f"more than {MAX_SIGNATURES} signatures", where=where)
    signatures: list[tuple[str, bytes]] = []
    for line in lines:
        match = _SIGNATURE_LINE.fullmatch(line)
        if match is None:
            raise NoteError("a signature line is malformed", where=where)
        data = decode_base64(match[2], where=where)
        if len(data) < 5:
            raise NoteError("a signature is too short", where=where)
        signatures.append((match[1], data))
    return SplitNote(text=text + "\n", signatures=tuple(signatures))


def open_note(note: str, verifiers: Iterable[Verifier], *, where: str = "note") -> OpenedNote:
    """Check a note's signatures.

    Only verifiers of the origin (the note's first line) count, so that no key speaks for another
    log than its own.

    Raises:
        FormatError: not a signed note.
        SignatureError: a bad signature by a known key, or none by a known key.

    """
    split = split_note(note, where=where)
    origin = split.text.partition("\n")[0]
    known = {
        (verifier.name, verifier.key_id): verifier
        for verifier in verifiers
        if verifier.name == origin
    }
    signed_by: list[Verifier] = []
    data = split.text.encode()
    for name, signature in split.signatures:
        verifier = known.get((name, signature[:4]))
        if verifier is None:
            continue
        if not verifier.verify(data, signature[4:]):
            raise SignatureError(f"{where}: the signature by {verifier.vkey()} does not hold")
        if verifier not in signed_by:
            signed_by.append(verifier)
    if not signed_by:
        raise SignatureError(f"{where}: no signature by a known key")
    return OpenedNote(text=split.text, signed_by=tuple(signed_by))


def _lines(text: str, *, count: int, what: str) -> list[str]:
    lines = text.split("\n")
    if len(lines) != count + 1 or lines[-1]:
        raise NoteError(f"a {what} has exactly {count} lines", where=what)
    return lines[:-1]


def _decimal(text: str, *, where: str, minimum: int = 0, maximum: int = MAX_SIZE) -> int:
    if not _DECIMAL.fullmatch(text) or not minimum <= int(text) <= maximum:
        raise NumberError(f"not a decimal integer from {minimum} to {maximum}", where=where)
    return int(text)


def _root(text: str, *, where: str) -> RootHash:
    return RootHash(decode_base64(text, where=where, size=HASH_SIZE))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Signed size and root of a log (C2SP tlog-checkpoint, without extension lines)."""

    origin: str
    size: int
    root: RootHash

    def text(self) -> str:
        """Text to be signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read :meth:`text`; raises a :class:`FormatError`."""
        origin, size, root = _lines(text, count=3, what="checkpoint")
        return cls(
            origin=check_origin(origin, where="checkpoint/origin"),
            size=_decimal(size, where="checkpoint/size"),
            root=_root(root, where="checkpoint/root"),
        )


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The promise given to a submitter after the commit.

    ``root`` is the RFC 9162 root over the leaf hashes ``[first_index, first_index + count)``.
    """

    LABEL: ClassVar[str] = "ack/v1"

    origin: str
    first_index: int
    count: int
    at: int
    root: RootHash

    def text(self) -> str:
        """Text to be signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.LABEL}\n{self.first_index}\n{self.count}\n{self.at}\n{root}\n"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read :meth:`text`; raises a :class:`FormatError`."""
        origin, label, first, count, at, root = _lines(text, count=6, what="acknowledgement")
        if label != cls.LABEL:
            raise NoteError(f"line 2 is not {cls.LABEL}", where="acknowledgement")
        first_index = _decimal(first, where="acknowledgement/first_index")
        return cls(
            origin=check_origin(origin, where="acknowledgement/origin"),
            first_index=first_index,
            count=_decimal(
                count,
                where="acknowledgement/count",
                minimum=1,
                maximum=MAX_SIZE - first_index,
            ),
            at=_decimal(at, where="acknowledgement/at"),
            root=_root(root, where="acknowledgement/root"),
        )


@dataclass(frozen=True, slots=True)
class TrailHead:
    """Signed length and last leaf of one subject's trail, as of an anchored size."""

    LABEL: ClassVar[str] = "trail/v1"

    origin: str
    subject: str
    trail: TrailId
    count: int
    last_leaf: LeafHash
    anchored_size: int

    def text(self) -> str:
        """Text to be signed."""
        return (
            f"{self.origin}\n{self.LABEL}\n{self.subject}\n{self.trail.hex()}\n{self.count}\n"
            f"{self.last_leaf.hex()}\n{self.anchored_size}\n"
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read :meth:`text`; raises a :class:`FormatError`."""
        origin, label, subject, trail, count, leaf, size = _lines(text, count=7, what="trail head")
        if label != cls.LABEL:
            raise NoteError(f"line 2 is not {cls.LABEL}", where="trail head")
        anchored_size = _decimal(size, where="trail head/anchored_size", minimum=1)
        return cls(
            origin=check_origin(origin, where="trail head/origin"),
            subject=check_subject(subject, where="trail head/subject"),
            trail=TrailId(parse_hex(trail, where="trail head/trail")),
            count=_decimal(count, where="trail head/count", minimum=1, maximum=anchored_size),
            last_leaf=LeafHash(parse_hex(leaf, where="trail head/last_leaf")),
            anchored_size=anchored_size,
        )
