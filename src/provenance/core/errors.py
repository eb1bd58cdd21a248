"""One error tree for the whole project, rooted here because ``core`` may import nothing else.

Every error has a stable ``code`` (kebab case, for programs) and a message for people that
says what is wrong and, where something can be done, what. Hostile input ends in a
:class:`FormatError` or a :class:`ProofError`, never in a bare ``ValueError``, ``KeyError`` or
``RecursionError``.
"""

from typing import ClassVar, Final

_MAX_WHERE: Final = 256


class ProvenanceError(Exception):
    """Root of all errors that this project raises on purpose."""

    code: ClassVar[str] = "error"


class FormatError(ProvenanceError):
    """Bytes that are not what a format of ``docs/formats.md`` allows.

    ``where`` is a JSON pointer, or a name of the part, or empty for the whole input. It can hold
    names out of the input, so that it is cut and made encodable.
    """

    code = "malformed"

    def __init__(self, message: str, *, where: str = "") -> None:
        where = where[:_MAX_WHERE].encode("utf-8", "backslashreplace").decode()
        if len(where) >= _MAX_WHERE:
            where = where[: _MAX_WHERE - 1] + "…"
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class TooLargeError(FormatError):
    """The input, or a part of it, exceeds its bound."""

    code = "too-large"


class TooDeepError(FormatError):
    """JSON nested deeper than its bound."""

    code = "too-deep"


class EncodingError(FormatError):
    """Not UTF-8, a byte order mark, a lone surrogate, or U+0000."""

    code = "bad-encoding"


class JsonSyntaxError(FormatError):
    """Not JSON at all."""

    code = "not-json"


class DuplicateMemberError(FormatError):
    """A JSON object that names one member twice."""

    code = "duplicate-member"


class NumberError(FormatError):
    """A number that is not an integer within ±(2^53-1), or is not spelled canonically."""

    code = "bad-number"


class NullError(FormatError):
    """``null``: what does not apply is absent."""

    code = "null"


class MemberNameError(FormatError):
    """A JSON member name that is not printable ASCII."""

    code = "bad-member-name"


class NotCanonicalError(FormatError):
    """Well-formed, but not the one canonical spelling (RFC 8785)."""

    code = "not-canonical"


class MissingMemberError(FormatError):
    """A required member is absent."""

    code = "missing-member"


class UnknownMemberError(FormatError):
    """A member that the format does not have."""

    code = "unknown-member"


class WrongTypeError(FormatError):
    """A member of another JSON type than the format's."""

    code = "wrong-type"


class BadValueError(FormatError):
    """A member of the right type whose value the format does not allow."""

    code = "bad-value"


class HexError(FormatError):
    """Not lower-case hex of the exact length."""

    code = "bad-hex"


class Base64Error(FormatError):
    """Not canonical base64 (RFC 4648, section 4, padded)."""

    code = "bad-base64"


class UnsupportedVersionError(FormatError):
    """A version that this release does not know; it is never guessed."""

    code = "unsupported-version"


class NoteError(FormatError):
    """Not a C2SP signed note, or not one of the three texts that we sign."""

    code = "bad-note"


class TilePathError(FormatError):
    """Not a tile path of C2SP tlog-tiles."""

    code = "bad-tile-path"


class ProofError(ProvenanceError):
    """A proof or a signature that does not prove what it should."""

    code = "proof-failed"


class BoundsError(ProofError):
    """An index or a size outside the tree."""

    code = "out-of-bounds"


class ProofLengthError(ProofError):
    """A proof with more or fewer hashes than the tree's shape needs."""

    code = "bad-proof-length"


class HashSizeError(ProofError):
    """A hash that is not 32 bytes."""

    code = "bad-hash-size"


class RootMismatchError(ProofError):
    """The proof leads to another root."""

    code = "root-mismatch"


class SignatureError(ProofError):
    """A bad signature by a known key, or no signature by a known key at all."""

    code = "bad-signature"


class DisclosureError(ProofError):
    """Disclosed fields that do not lead to the statement's ``fields_root``."""

    code = "bad-disclosure"
