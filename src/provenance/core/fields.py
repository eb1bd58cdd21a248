"""Selective disclosure: single fields of a JSON payload proven without showing the others.

The fields of a payload are the leaves of a tree of their own, whose root stands in the statement.
Each leaf is salted with a salt of its own, so that a field that was not disclosed cannot be
guessed. A leaf holds the exact JSON token of the payload (``1.50`` stays ``1.50``), because
payloads are kept byte for byte and need not be canonical.

A path says of each hash on which side it stands. An index and a size would not do: nothing signs
the size of this tree, and more than one pair of them fits the same hashes.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NoReturn, Self

from provenance.core.digests import LeafHash, RootHash, Salt, hmac_sha256
from provenance.core.errors import (
    BadValueError,
    DisclosureError,
    DuplicateMemberError,
    EncodingError,
    JsonSyntaxError,
    TooLargeError,
)
from provenance.core.jcs import JsonValue, canonicalize, check_depth, check_text
from provenance.core.members import Members
from provenance.core.tiles import TileHashes, inclusion_proof, inclusion_tiles
from provenance.core.tree import Frontier, inclusion_spans, leaf_hash, node_hash

MAX_PAYLOAD = 1 << 20
"""Bytes of a payload with fields: twice the largest event that intake takes."""
MAX_DEPTH = 32
"""Levels of nesting: EPCIS needs 5."""
MAX_FIELDS = 1 << 16
"""Fields of one payload: an event of the largest size that intake takes has fewer."""
MAX_DISCLOSED = 1_024
"""Fields that one receipt discloses."""
MAX_TOKEN = 1 << 17
"""Characters of a token: the longest string that intake takes, every character escaped."""
MAX_POINTER = 2_048
"""Characters of a pointer; every field below a long name repeats it."""
MAX_FIELD_PATH = 16
"""Hashes of a path in a tree of ``MAX_FIELDS`` leaves."""

SIDES: Final = ("left", "right")
"""Where a hash of a path stands."""

_FIELD_PREFIX: Final = b"field/v1\n"
_CLOSERS: Final = {"{": "}", "[": "]"}
_LEXEME = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[{}\[\]:,]|[^\s{}\[\]:,"]++')


@dataclass(frozen=True, slots=True)
class Field:
    """One scalar or empty container: where it is (RFC 6901) and its exact JSON token."""

    pointer: str
    token: str


def flatten(payload: bytes) -> list[Field]:
    """Fields of a JSON payload, ordered by the UTF-8 bytes of their pointers.

    Raises:
        FormatError: not JSON, a member twice in one object, or too many fields.

    """
    if len(payload) > MAX_PAYLOAD:
        raise TooLargeError(f"more than {MAX_PAYLOAD} bytes", where="payload")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8", where="payload") from None
    check_depth(text, maximum=MAX_DEPTH)
    try:
        # Numbers stay text: their size is nobody's business here.
        json.loads(
            text,
            object_pairs_hook=_check_names,
            parse_int=str,
            parse_float=str,
            parse_constant=_refuse_constant,
        )
    except json.JSONDecodeError:
        raise JsonSyntaxError("not JSON", where="payload") from None
    fields = _Scanner(_LEXEME.findall(text)).scan()
    return sorted(fields, key=lambda field: field.pointer.encode())


def _check_names(pairs: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in pairs:
        check_text(name, where="payload")
        if name in seen:
            raise DuplicateMemberError(
                f"member {name[:80]!a} occurs twice in one object", where="payload"
            )
        seen.add(name)


def _refuse_constant(name: str) -> NoReturn:
    raise JsonSyntaxError(f"{name} is not JSON", where="payload")


class _Scanner:
    """Walks the lexemes of JSON that is known to be well-formed, without recursion."""

    def __init__(self, lexemes: list[str]) -> None:
        self._lexemes = lexemes
        self._fields: list[Field] = []

    def scan(self) -> list[Field]:
        lexemes, position = self._lexemes, 0
        # One (pointer, next array index or None for an object) for each open container.
        stack: list[tuple[str, int | None]] = []
        pointer = ""
        while position < len(lexemes):
            lexeme = lexemes[position]
            position += 1
            if lexeme in _CLOSERS:
                if lexemes[position] == _CLOSERS[lexeme]:
                    self._add(pointer, lexeme + _CLOSERS[lexeme])
                    position += 1
                else:
                    stack.append((pointer, None if lexeme == "{" else 0))
                    pointer, position = self._enter(stack, position)
            elif lexeme in "}]":
                stack.pop()
            elif lexeme == ",":
                base, index = stack.pop()
                stack.append((base, None if index is None else index + 1))
                pointer, position = self._enter(stack, position)
            else:
                self._add(pointer, lexeme)
        return self._fields

    def _enter(self, stack: list[tuple[str, int | None]], position: int) -> tuple[str, int]:
        base, index = stack[-1]
        if index is not None:
            return f"{base}/{index}", position
        name: str = json.loads(self._lexemes[position])
        pointer = f"{base}/{name.replace('~', '~0').replace('/', '~1')}"
        if len(pointer) > MAX_POINTER:
            raise TooLargeError("the names on the way to a field are too long", where=base)
        return pointer, position + 2

    def _add(self, pointer: str, token: str) -> None:
        if len(self._fields) >= MAX_FIELDS:
            raise TooLargeError(f"more than {MAX_FIELDS} fields", where="payload")
        if len(pointer) > MAX_POINTER:
            raise TooLargeError("the names on the way to a field are too long", where=pointer)
        if len(token) > MAX_TOKEN:
            raise TooLargeError(f"a token of more than {MAX_TOKEN} characters", where=pointer)
        self._fields.append(Field(pointer=pointer, token=token))


def field_salt(pointer: str, *, fields_salt: Salt) -> Salt:
    """Salt of one field: HMAC-SHA-256(fields_salt, "field/v1\\n" ‖ pointer)."""
    return Salt(hmac_sha256(fields_salt, _FIELD_PREFIX + pointer.encode()))


def field_leaf(field: Field, *, salt: Salt) -> LeafHash:
    """Leaf hash of one field: SHA-256(0x00 ‖ JCS([pointer, salt, token]))."""
    return leaf_hash(canonicalize([field.pointer, salt.hex(), field.token]))


def fields_root(payload: bytes, *, fields_salt: Salt) -> RootHash:
    """Root over the fields of a JSON payload, as the statement carries it.

    Raises:
        FormatError: see :func:`flatten`.

    """
    leaves = _leaves(flatten(payload), fields_salt)
    return Frontier.empty().extend(leaves).frontier.root()


def _leaves(fields: Iterable[Field], fields_salt: Salt) -> list[LeafHash]:
    return [
        field_leaf(field, salt=field_salt(field.pointer, fields_salt=fields_salt))
        for field in fields
    ]


@dataclass(frozen=True, slots=True)
class Step:
    """One hash of a path, and on which side of the way up it stands."""

    side: str
    hash: bytes

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {self.side: self.hash.hex()}

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(SIDES)
        side = "left" if "left" in members else "right"
        if side == "left" and "right" in members:
            raise BadValueError("has a left and a right hash", where=where)
        return cls(side=side, hash=members.hex(side))


@dataclass(frozen=True, slots=True)
class DisclosedField:
    """One field with its salt, and its path to the ``fields_root``, leaf side first."""

    field: Field
    salt: Salt
    path: tuple[Step, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {
            "pointer": self.field.pointer,
            "token": self.field.token,
            "salt": self.salt.hex(),
            "path": [step.to_json() for step in self.path],
        }

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(("pointer", "token", "salt", "path"))
        return cls(
            field=Field(
                pointer=members.text("pointer", maximum=MAX_POINTER),
                token=members.text("token", maximum=MAX_TOKEN),
            ),
            salt=Salt(members.hex("salt")),
            path=tuple(
                Step.from_json(step, where=f"{members.at('path')}/{position}")
                for position, step in enumerate(members.array("path", maximum=MAX_FIELD_PATH))
            ),
        )

    def root(self) -> RootHash:
        """Root to which the path leads."""
        node: bytes = field_leaf(self.field, salt=self.salt)
        for step in self.path:
            node = node_hash(step.hash, node) if step.side == "left" else node_hash(node, step.hash)
        return RootHash(node)


def read_disclosure(members: Members, name: str) -> tuple[DisclosedField, ...]:
    """Read disclosed fields: at least one, ordered by pointer, none twice.

    Raises:
        FormatError: they are not what the format allows.

    """
    items = members.array(name, maximum=MAX_DISCLOSED)
    if not items:
        raise BadValueError("is empty; leave it out", where=members.at(name))
    disclosed = tuple(
        DisclosedField.from_json(item, where=f"{members.at(name)}/{position}")
        for position, item in enumerate(items)
    )
    pointers = [item.field.pointer.encode() for item in disclosed]
    if any(after <= before for before, after in pairwise(pointers)):
        raise BadValueError("is not ordered by pointer, each once", where=members.at(name))
    return disclosed


def disclose(
    payload: bytes, pointers: Iterable[str], *, fields_salt: Salt
) -> tuple[DisclosedField, ...]:
    """Fields of ``payload`` at ``pointers``, ordered by pointer.

    Raises:
        BadValueError: the payload has no field at one of them, or none was asked for.
        TooLargeError: more than a receipt can hold.

    """
    fields = flatten(payload)
    positions = {field.pointer: index for index, field in enumerate(fields)}
    wanted = set(pointers)
    missing = wanted - positions.keys()
    if missing:
        raise BadValueError("the payload has no such field", where=min(missing))
    if not wanted:
        raise BadValueError("no field was named", where="pointers")
    if len(wanted) > MAX_DISCLOSED:
        raise TooLargeError(f"more than {MAX_DISCLOSED} fields", where="pointers")
    levels = Frontier.empty().extend(_leaves(fields, fields_salt)).levels
    disclosed: list[DisclosedField] = []
    for index in sorted(positions[pointer] for pointer in wanted):
        tiles = {
            tile: b"".join(levels[tile.level][1][tile.n * 256 : tile.n * 256 + tile.width])
            for tile in inclusion_tiles(index, len(fields))
        }
        hashes = TileHashes(tiles, size=len(fields))
        path = inclusion_proof(hashes, index=index, size=len(fields))
        disclosed.append(
            DisclosedField(
                field=fields[index],
                salt=field_salt(fields[index].pointer, fields_salt=fields_salt),
                path=tuple(
                    Step(side="left" if start < index else "right", hash=node)
                    for (start, _), node in zip(
                        inclusion_spans(index, len(fields)), path, strict=True
                    )
                ),
            )
        )
    return tuple(disclosed)


def verify_disclosure(disclosed: Iterable[DisclosedField], *, root: RootHash) -> None:
    """Check every disclosed field against a statement's ``fields_root``.

    Raises:
        DisclosureError: one of them is not proven.

    """
    for item in disclosed:
        if item.root() != root:
            raise DisclosureError(
                f"field {item.field.pointer!a} does not lead to the statement's fields_root"
            )
