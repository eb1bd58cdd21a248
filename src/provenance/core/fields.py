"""Selective disclosure: single fields of a JSON payload proven without showing the others.

The fields of a payload are the leaves of a tree of their own, whose root stands in the statement.
Each leaf is salted with a salt of its own, so that a field that was not disclosed cannot be
guessed. A leaf holds the exact JSON token of the payload (``1.50`` stays ``1.50``), because
payloads are kept byte for byte and need not be canonical.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

from provenance.core.digests import LeafHash, RootHash, Salt, hmac_sha256
from provenance.core.errors import (
    BadValueError,
    DisclosureError,
    DuplicateMemberError,
    EncodingError,
    JsonSyntaxError,
    ProofError,
    TooDeepError,
    TooLargeError,
)
from provenance.core.jcs import JsonValue, canonicalize
from provenance.core.members import Members
from provenance.core.tiles import TileHashes, inclusion_proof, inclusion_tiles
from provenance.core.tree import Frontier, leaf_hash, verify_inclusion

MAX_FIELDS = 65_536
"""Fields of one payload: an event of the largest size that intake takes has fewer."""
MAX_DISCLOSED = 1_024
"""Fields that one receipt discloses."""
MAX_TOKEN = 1 << 16
"""Characters of a disclosed token or pointer."""

_FIELD_PREFIX: Final = b"field/v1\n"
_CLOSERS: Final = {"{": "}", "[": "]"}
_LEXEME = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


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
    try:
        text = payload.decode("utf-8")
        json.loads(text)
    except UnicodeDecodeError:
        raise EncodingError("not UTF-8", where="payload") from None
    except RecursionError:
        raise TooDeepError("nested too deeply", where="payload") from None
    except ValueError:
        raise JsonSyntaxError("not JSON", where="payload") from None
    fields = _Scanner(_LEXEME.findall(text)).scan()
    ordered = sorted(fields, key=lambda field: field.pointer.encode("utf-8", "surrogatepass"))
    for before, after in pairwise(ordered):
        if before.pointer == after.pointer:
            raise DuplicateMemberError("occurs twice", where=before.pointer)
    return ordered


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
        return f"{base}/{name.replace('~', '~0').replace('/', '~1')}", position + 2

    def _add(self, pointer: str, token: str) -> None:
        if len(self._fields) >= MAX_FIELDS:
            raise TooLargeError(f"more than {MAX_FIELDS} fields", where="payload")
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
class DisclosedField:
    """One field with its salt and inclusion path."""

    field: Field
    salt: Salt
    index: int
    path: tuple[bytes, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {
            "pointer": self.field.pointer,
            "token": self.field.token,
            "salt": self.salt.hex(),
            "index": self.index,
            "path": [node.hex() for node in self.path],
        }

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(("pointer", "token", "salt", "index", "path"))
        for name in ("pointer", "token"):
            if len(members.text(name)) > MAX_TOKEN:
                raise BadValueError("is too long", where=members.at(name))
        return cls(
            field=Field(pointer=members.text("pointer"), token=members.text("token")),
            salt=Salt(members.hex("salt")),
            index=members.integer("index"),
            path=members.hashes("path", maximum=64),
        )


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Some of a payload's ``size`` fields, each provable against the ``fields_root``."""

    size: int
    disclosed: tuple[DisclosedField, ...]

    def to_json(self) -> dict[str, JsonValue]:
        """JSON form."""
        return {"size": self.size, "disclosed": [field.to_json() for field in self.disclosed]}

    @classmethod
    def from_json(cls, value: object, *, where: str) -> Self:
        """Read the JSON form; raises a :class:`FormatError`."""
        members = Members(value, where=where)
        members.only(("size", "disclosed"))
        items = members.array("disclosed", maximum=MAX_DISCLOSED)
        return cls(
            size=members.integer("size", minimum=1),
            disclosed=tuple(
                DisclosedField.from_json(item, where=f"{members.at('disclosed')}/{position}")
                for position, item in enumerate(items)
            ),
        )


def disclose(payload: bytes, pointers: Iterable[str], *, fields_salt: Salt) -> Disclosure:
    """Disclosure of the fields of ``payload`` at ``pointers``.

    Raises:
        BadValueError: the payload has no field at one of them.

    """
    fields = flatten(payload)
    positions = {field.pointer: index for index, field in enumerate(fields)}
    size = len(fields)
    levels = Frontier.empty().extend(_leaves(fields, fields_salt)).levels
    disclosed: list[DisclosedField] = []
    for pointer in pointers:
        if pointer not in positions:
            raise BadValueError("the payload has no such field", where=pointer)
        index = positions[pointer]
        tiles = {
            tile: b"".join(levels[tile.level][1][tile.n * 256 : tile.n * 256 + tile.width])
            for tile in inclusion_tiles(index, size)
        }
        path = inclusion_proof(TileHashes(tiles, size=size), index=index, size=size)
        salt = field_salt(pointer, fields_salt=fields_salt)
        disclosed.append(
            DisclosedField(field=fields[index], salt=salt, index=index, path=tuple(path))
        )
    return Disclosure(size=size, disclosed=tuple(disclosed))


def verify_disclosure(disclosure: Disclosure, *, root: RootHash) -> None:
    """Check every disclosed field against a statement's ``fields_root``.

    Raises:
        DisclosureError: one of them is not proven.

    """
    for item in disclosure.disclosed:
        try:
            verify_inclusion(
                field_leaf(item.field, salt=item.salt),
                index=item.index,
                size=disclosure.size,
                path=item.path,
                root=root,
            )
        except ProofError as error:
            raise DisclosureError(f"field {item.field.pointer!a}: {error}") from None
