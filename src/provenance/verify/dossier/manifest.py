"""The manifest: what a dossier says of itself, and the signature over it.

Rules: ``manifest.json`` is canonical JSON that lists every other member but ``manifest.jws``, in
order of name, with size and SHA-256; a part that is withheld or erased stands in its place without
them. ``manifest.jws`` is a compact JWS with detached payload (RFC 7515, appendix F; EdDSA with
Ed25519, RFC 8037) whose header follows, byte for byte, from the key that signed. The key is a
log's own: a signed note has line breaks and a JWS signing input has none, so that neither can be
taken for the other.
"""

import base64
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from provenance.core.errors import (
    BadValueError,
    Base64Error,
    NoteError,
    SignatureError,
    UnknownMemberError,
)
from provenance.core.jcs import JsonValue, Limits, canonicalize, check_text, parse_canonical
from provenance.core.members import VERSION, Members
from provenance.core.notes import KEY_NAME, Verifier, check_origin
from provenance.core.receipt import STATES
from provenance.core.statement import check_subject
from provenance.verify.dossier.container import MAX_BYTES, MAX_MEMBERS, check_name

MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.jws"
MAX_MANIFEST: Final = 8 << 20
"""Bytes: 2 kB for each member."""
MAX_SIGNATURE: Final = 2_048
"""Bytes: a header, two dots and 86 characters of signature."""
MAX_ORIGINS: Final = 64
MAX_SUBJECTS: Final = 1_024
"""Trails of one dossier that must be whole."""
MAX_TEXT: Final = 256
"""Characters of a title, a code, a case's id and so on."""
TYP: Final = "provenance-dossier+v1"
"""``typ`` of the JWS header: what is signed is a dossier's manifest, of version 1."""

DOCUMENT: Final = "document"
FOLDER: Final = "documents/"
FIXED_NAMES: Final = {
    "readme": "README.txt",
    "case": "case.json",
    "report": "case.pdf",
    "verifier": "dossier-verifier.html",
    "anchors": "evidence/anchors.jsonl",
    "closing": "evidence/closing.json",
    "payloads": "evidence/payloads.jsonl",
    "receipts": "evidence/receipts.jsonl",
    "timestamps": "evidence/timestamps.jsonl",
}
"""The one name of each role but ``document``; all sort before the manifest's."""
REQUIRED_ROLES: Final = ("anchors", "closing", "receipts")

_LIMITS = Limits(max_bytes=MAX_MANIFEST, max_depth=6, max_values=1 << 16)
_CASE_MEMBERS: Final = ("id", "type", "state")
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")
_KEY_NAME = re.compile(rf"({KEY_NAME})\+([0-9a-f]{{8}})")


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """One part. ``size`` and ``sha256`` are None where ``state`` says why it is not there.

    ``record`` is the index of the first entry of the record that a document is the payload of;
    ``code`` its UNTDID 1001 code, ``title`` the name that it was uploaded with.
    """

    name: str
    role: str
    media_type: str
    size: int | None = None
    sha256: bytes | None = None
    code: str | None = None
    title: str | None = None
    record: int | None = None
    state: str | None = None

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form; members that do not apply are absent."""
        value: dict[str, JsonValue | None] = {
            "name": self.name,
            "role": self.role,
            "media_type": self.media_type,
            "size": self.size,
            "sha256": self.sha256.hex() if self.sha256 is not None else None,
            "code": self.code,
            "title": self.title,
            "record": self.record,
            "state": self.state,
        }
        return {name: item for name, item in value.items() if item is not None}

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        role = members.text("role", choices=(DOCUMENT, *FIXED_NAMES))
        state = members.text("state", choices=STATES) if "state" in members else None
        _check_members(members, role, state)
        name = check_name(members.text("name"))
        fits = name.startswith(FOLDER) if role == DOCUMENT else name == FIXED_NAMES[role]
        if not fits:
            raise BadValueError("is not a name of its role", where=members.at("name"))
        size = members.integer("size") if state is None else None
        if size is not None and size > MAX_BYTES:
            raise BadValueError("is larger than a dossier", where=members.at("size"))
        return cls(
            name=name,
            role=role,
            media_type=_text(members, "media_type"),
            size=size,
            sha256=members.hex("sha256") if state is None else None,
            code=_text(members, "code") if "code" in members else None,
            title=_text(members, "title") if "title" in members else None,
            record=members.integer("record") if role == DOCUMENT else None,
            state=state,
        )


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a dossier says of itself; ``created_at`` in milliseconds since the epoch, UTC.

    ``origins`` are the logs of its entries, the newest first; ``subjects`` those whose trails it
    holds whole; ``case`` names a claims case by ``id``, ``type`` and ``state``.
    """

    created_at: int
    origins: tuple[str, ...]
    subjects: tuple[str, ...]
    files: tuple[ManifestFile, ...]
    case: dict[str, str] | None = None

    def file(self, role: str) -> ManifestFile | None:
        """Return the part of a role that occurs once."""
        return next((file for file in self.files if file.role == role), None)

    def encode(self) -> bytes:
        """Canonical bytes (RFC 8785)."""
        value: dict[str, JsonValue] = {
            "v": VERSION,
            "created_at": self.created_at,
            "origins": list(self.origins),
            "subjects": list(self.subjects),
            "files": [file.to_json() for file in self.files],
        }
        if self.case is not None:
            value["case"] = dict(self.case)
        return canonicalize(value)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a manifest, which must be exactly its canonical bytes.

        Raises:
            FormatError: one of its subclasses for each way of being malformed.

        """
        members = Members(parse_canonical(data, limits=_LIMITS), where="")
        members.version()
        members.only(("v", "created_at", "origins", "subjects", "files", "case"))
        files = tuple(
            ManifestFile.from_json(item, where=f"/files/{at}")
            for at, item in enumerate(members.array("files", maximum=MAX_MEMBERS))
        )
        if any(after.name <= before.name for before, after in pairwise(files)):
            raise BadValueError("are not sorted by name, each once", where="/files")
        for role in REQUIRED_ROLES:
            if all(file.role != role for file in files):
                raise BadValueError(f"has nothing of the role {role}", where="/files")
        return cls(
            created_at=members.integer("created_at"),
            origins=_origins(members),
            subjects=_subjects(members),
            files=files,
            case=_case(members),
        )


def sign_input(kid: str, manifest: bytes) -> bytes:
    """Return what is signed: header and manifest, each in base64url, with a dot between."""
    return _encode(_header(kid)) + b"." + _encode(manifest)


def compact(kid: str, signature: bytes) -> bytes:
    """Return ``manifest.jws``: header, no payload, signature."""
    return _encode(_header(kid)) + b".." + _encode(signature)


def key_name(verifier: Verifier) -> str:
    """Return the ``kid`` of a log's key: its origin and key id."""
    return f"{verifier.name}+{verifier.key_id.hex()}"


@dataclass(frozen=True, slots=True)
class ManifestSignature:
    """A JWS before it was checked: the origin and id of the key, and the signature."""

    origin: str
    key_id: bytes
    signature: bytes

    @property
    def kid(self) -> str:
        """Name of the key in the header."""
        return f"{self.origin}+{self.key_id.hex()}"

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read ``manifest.jws``.

        Raises:
            FormatError: it is not exactly the one spelling of such a signature.

        """
        parts = data.split(b".")
        if len(parts) != 3 or parts[1]:
            raise NoteError("not a compact JWS with detached payload", where=SIGNATURE)
        header = Members(parse_canonical(_decode(parts[0])), where="/header")
        match = _KEY_NAME.fullmatch(header.text("kid", maximum=2 * MAX_TEXT))
        if match is None:
            raise NoteError("names no key (origin+keyid)", where=SIGNATURE)
        found = cls(
            origin=check_origin(match[1], where="/header/kid"),
            key_id=bytes.fromhex(match[2]),
            signature=_decode(parts[2]),
        )
        if compact(found.kid, found.signature) != data or len(found.signature) != 64:
            raise NoteError("is not the header of a dossier's signature", where=SIGNATURE)
        return found

    def check(self, manifest: bytes, key: Verifier) -> None:
        """Check the signature over ``manifest``.

        Raises:
            SignatureError: it is not this key's.

        """
        if not key.verify(sign_input(self.kid, manifest), self.signature):
            raise SignatureError("the manifest's signature does not hold")


def _header(kid: str) -> bytes:
    return canonicalize({"alg": "EdDSA", "kid": kid, "typ": TYP})


def _encode(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    if not _BASE64URL.fullmatch(text) or len(text) % 4 == 1:
        raise Base64Error("not base64url", where=SIGNATURE)
    data = base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if _encode(data) != text:
        raise Base64Error("not canonical base64url", where=SIGNATURE)
    return data


def _check_members(members: Members, role: str, state: str | None) -> None:
    names = ["name", "role", "media_type"]
    if role == DOCUMENT:
        names += ["code", "record", "state"]
    elif state is not None:
        raise UnknownMemberError("only documents are withheld", where=members.at("state"))
    if state is None:
        names += ["size", "sha256"]
        names += ["title"] if role == DOCUMENT else []
    members.only(names)


def _text(members: Members, name: str) -> str:
    text = members.text(name, maximum=MAX_TEXT)
    check_text(text, where=members.at(name))
    # It is shown to people, in terminals too.
    if not text or any(ord(letter) < 0x20 or 0x7F <= ord(letter) < 0xA0 for letter in text):
        raise BadValueError("is empty or has control characters", where=members.at(name))
    return text


def _strings(members: Members, name: str, *, maximum: int) -> list[str]:
    items = [
        Members({"item": item}, where=f"/{name}/{at}").text("item")
        for at, item in enumerate(members.array(name, maximum=maximum))
    ]
    if not items or len(set(items)) != len(items):
        raise BadValueError("is empty or names one twice", where=members.at(name))
    return items


def _origins(members: Members) -> tuple[str, ...]:
    found = _strings(members, "origins", maximum=MAX_ORIGINS)
    return tuple(check_origin(item, where="/origins") for item in found)


def _subjects(members: Members) -> tuple[str, ...]:
    found = _strings(members, "subjects", maximum=MAX_SUBJECTS)
    return tuple(check_subject(item, where="/subjects") for item in found)


def _case(members: Members) -> dict[str, str] | None:
    if "case" not in members:
        return None
    case = members.object("case")
    case.only(_CASE_MEMBERS)
    return {name: _text(case, name) for name in _CASE_MEMBERS}
