"""Readers of JSON members that name the member when it is not what the format allows."""

from collections.abc import Iterable, Sequence
from typing import cast

from provenance.core.digests import HASH_SIZE, parse_hex
from provenance.core.errors import (
    BadValueError,
    MissingMemberError,
    TooLargeError,
    UnknownMemberError,
    UnsupportedVersionError,
    WrongTypeError,
)
from provenance.core.jcs import JsonValue

VERSION = 1
"""The one version of every format in this release."""


class Members:
    """The members of one JSON object, read once each, none left over."""

    __slots__ = ("_members", "_where")

    def __init__(self, value: object, *, where: str) -> None:
        if not isinstance(value, dict):
            raise WrongTypeError("expected an object", where=where)
        self._members = cast("dict[str, JsonValue]", value)
        self._where = where

    def __contains__(self, name: str) -> bool:
        return name in self._members

    def at(self, name: str) -> str:
        """JSON pointer of the member ``name``."""
        return f"{self._where}/{name}"

    def only(self, names: Iterable[str]) -> None:
        """Refuse members other than ``names``, by name."""
        known = frozenset(names)
        for name in self._members:
            if name not in known:
                raise UnknownMemberError("the format has no such member", where=self.at(name))

    def version(self) -> None:
        """Refuse every ``v`` but 1, before anything else is looked at."""
        v = self.get("v")
        if isinstance(v, bool) or v != VERSION:
            shown = f"version {v}" if isinstance(v, int) else "what stands here"
            raise UnsupportedVersionError(
                f"{shown} is not known to this release; a newer one may read it",
                where=self.at("v"),
            )

    def get(self, name: str) -> JsonValue:
        """Return the member's value, of any type."""
        try:
            return self._members[name]
        except KeyError:
            raise MissingMemberError("is required", where=self.at(name)) from None

    def text(
        self, name: str, *, choices: Sequence[str] | None = None, maximum: int | None = None
    ) -> str:
        """Return a string, one of ``choices`` or of at most ``maximum`` characters where given."""
        value = self.get(name)
        if not isinstance(value, str):
            raise WrongTypeError("expected a string", where=self.at(name))
        if maximum is not None and len(value) > maximum:
            raise TooLargeError(f"has more than {maximum} characters", where=self.at(name))
        if choices is not None and value not in choices:
            raise BadValueError(f"expected one of {', '.join(choices)}", where=self.at(name))
        return value

    def integer(self, name: str, *, minimum: int = 0) -> int:
        """Return an integer of at least ``minimum``."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongTypeError("expected an integer", where=self.at(name))
        if value < minimum:
            raise BadValueError(f"is below {minimum}", where=self.at(name))
        return value

    def flag(self, name: str) -> bool:
        """Return a boolean."""
        value = self.get(name)
        if not isinstance(value, bool):
            raise WrongTypeError("expected true or false", where=self.at(name))
        return value

    def hex(self, name: str, *, size: int = HASH_SIZE) -> bytes:
        """Return the bytes of exactly ``size`` bytes of lower-case hex."""
        return parse_hex(self.get(name), where=self.at(name), size=size)

    def array(self, name: str, *, maximum: int) -> list[JsonValue]:
        """Return a list of at most ``maximum`` items."""
        value = self.get(name)
        if not isinstance(value, list):
            raise WrongTypeError("expected an array", where=self.at(name))
        if len(value) > maximum:
            raise TooLargeError(f"has more than {maximum} items", where=self.at(name))
        return value

    def object(self, name: str) -> "Members":
        """Return the members of a nested object."""
        return Members(self.get(name), where=self.at(name))

    def hashes(self, name: str, *, maximum: int) -> tuple[bytes, ...]:
        """Return a list of 32-byte hashes in hex."""
        return tuple(
            parse_hex(item, where=f"{self.at(name)}/{position}")
            for position, item in enumerate(self.array(name, maximum=maximum))
        )
