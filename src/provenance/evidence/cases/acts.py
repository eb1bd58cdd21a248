"""Acts: the payload of a record of kind ``case``, version 1.

Canonical JSON (RFC 8785) of ``v``, ``case``, ``seq``, ``act``, ``shipments``, ``author`` where it is
told, and the members of the act's own body. The shipments stand in every act, so that from each
payload alone the subjects of its entries can be told.
"""

import re
from dataclasses import dataclass
from typing import Final, Self

from provenance.core.errors import BadValueError, NotCanonicalError
from provenance.core.jcs import JsonValue, Limits, canonicalize, parse, parse_canonical
from provenance.core.members import VERSION, Members
from provenance.core.statement import check_subject
from provenance.evidence.cases.bodies import BODIES, MAX_NAME, Body
from provenance.evidence.described import read_text

CASE_URN: Final = "urn:provenance:case:"
"""Prefix of the subject that a case is."""
MAX_SHIPMENTS: Final = 16
"""Shipments of one case: each act has an entry in the trail of every one."""
MAX_ACT_BYTES: Final = 128 << 10
"""The longest note in the longest escapes, with room."""

_LIMITS: Final = Limits(max_bytes=MAX_ACT_BYTES)
_CASE: Final = re.compile(re.escape(CASE_URN) + "[0-9a-f]{32}")
_COMMON: Final = ("v", "case", "seq", "act", "shipments", "author")


@dataclass(frozen=True, slots=True)
class Act:
    """An act; ``seq`` is its number within the case, ``author`` the person who did it, if told."""

    case: str
    seq: int
    shipments: tuple[str, ...]
    body: Body
    author: str | None = None

    @property
    def subjects(self) -> tuple[str, ...]:
        """Subjects of the record, the case first."""
        return (self.case, *self.shipments)

    def encode(self) -> bytes:
        """Canonical bytes."""
        value: dict[str, JsonValue] = {
            "v": VERSION,
            "case": self.case,
            "seq": self.seq,
            "act": self.body.ACT,
            "shipments": list(self.shipments),
            **self.body.to_json(),
        }
        if self.author is not None:
            value["author"] = self.author
        return canonicalize(value)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read a payload.

        Raises:
            FormatError: it is none; names the member.

        """
        members = Members(parse_canonical(data, limits=_LIMITS), where="")
        members.version()
        body, author = read_act(members, beside=_COMMON)
        act = cls(
            case=check_case(members.text("case"), where="/case"),
            seq=members.integer("seq"),
            shipments=read_shipments(members),
            body=body,
            author=author,
        )
        if act.encode() != data:
            raise NotCanonicalError("holds more than the act says")
        return act


def read_act(members: Members, *, beside: tuple[str, ...]) -> tuple[Body, str | None]:
    """Return the body and the author of an act; members ``beside`` the body's are let pass.

    Raises:
        FormatError: a member is missing, unknown or wrong.

    """
    kind = BODIES[members.text("act", choices=tuple(BODIES))]
    members.only((*beside, "act", "author", *kind.MEMBERS))
    author = read_text(members, "author", maximum=MAX_NAME) if "author" in members else None
    return kind.read(members), author


def read_request(data: bytes) -> Members:
    """Members of a request's body, in any spelling; raises a FormatError."""
    return Members(parse(data, limits=_LIMITS), where="")


def read_shipments(members: Members) -> tuple[str, ...]:
    """Return the canonical subjects of a stored act; raises a FormatError."""
    where = members.at("shipments")
    found = members.array("shipments", maximum=MAX_SHIPMENTS)
    subjects = tuple(
        check_subject(str(item), where=f"{where}/{at}") for at, item in enumerate(found)
    )
    if not subjects or len(set(subjects)) != len(subjects):
        raise BadValueError("names at least one shipment, and each once", where=where)
    return subjects


def check_case(text: str, *, where: str) -> str:
    """Return the subject of a case; raises :class:`BadValueError`."""
    if not _CASE.fullmatch(text):
        raise BadValueError(f"is no case; one is {CASE_URN}<32 hex digits>", where=where)
    return text
