"""The kinds of content that are taken, and how each is recognised.

What is taken can be shown without running anything, decades from now: PDF, images, and text in
which data are exchanged. Not taken are archives and office files (ZIP), HTML and SVG (they run
scripts where they are shown), programs, audio and video.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from provenance.intake.documents.prolog import DOCTYPE, PAGE, Prolog

HEAD: Final = 4096
"""Bytes that the kind is told by; fewer only where the document has no more."""

_HEIF_BRANDS: Final = frozenset(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
)
_HEADER_LINE: Final = re.compile(rb"[!-9;-~]{1,78}:[ \t]?[^\r\n]*\r?\n")
_MAIL_FIELDS: Final = re.compile(
    rb"^(from|date|received|return-path|message-id|delivered-to|mime-version):",
    re.IGNORECASE | re.MULTILINE,
)
_XML: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*+<(?:\?xml[\s?]|!--|[A-Za-z_:])")
_JSON: Final = re.compile(rb"\s*+(?:\{\s*+[\"}]|\[\s*+(?:[\[{\"\]0-9-]|true|false|null))")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of content; ``declared`` are the media types that its sender may call it by.

    The first of them is what it is recorded as, unless the sender declared another of them. Of a
    ``text`` every byte must be UTF-8 text.
    """

    name: str
    declared: tuple[str, ...]
    matches: Callable[[bytes], bool]
    is_text: bool = False

    @property
    def media_type(self) -> str:
        """What it is recorded as where nothing was declared."""
        return self.declared[0]


def _is_heif(head: bytes) -> bool:
    if head[4:8] != b"ftyp":
        return False
    length = min(int.from_bytes(head[:4], "big"), 256)
    brands = {head[at : at + 4] for at in range(16, length, 4)} | {head[8:12]}
    # AVIF names mif1 among its brands too, and is not taken.
    return bool(brands & _HEIF_BRANDS) and head[8:12] not in {b"avif", b"avis"}


def _is_mail(head: bytes) -> bool:
    return bool(_HEADER_LINE.match(head)) and bool(_MAIL_FIELDS.search(_header_block(head)))


def _header_block(head: bytes) -> bytes:
    return re.split(rb"\r?\n\r?\n", head, maxsplit=1)[0]


def _is_text(head: bytes) -> bool:
    # The end may cut a character in two.
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 3 or error.reason != "unexpected end of data":
            return False
        text = head[: error.start].decode("utf-8")
    return not any(ord(one) < 32 and one not in "\t\n\r\f" for one in text)


KINDS: Final[Sequence[Kind]] = (
    Kind("PDF", ("application/pdf",), lambda head: head.startswith(b"%PDF-")),
    Kind("PNG", ("image/png",), lambda head: head.startswith(b"\x89PNG\r\n\x1a\n")),
    Kind("JPEG", ("image/jpeg",), lambda head: head.startswith(b"\xff\xd8\xff")),
    Kind(
        "TIFF",
        ("image/tiff",),
        lambda head: head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ),
    Kind("HEIC", ("image/heic", "image/heif"), _is_heif),
    Kind("WebP", ("image/webp",), lambda head: head[:4] == b"RIFF" and head[8:12] == b"WEBP"),
    Kind(
        "XML",
        ("application/xml", "text/xml", "text/plain"),
        lambda head: bool(_XML.match(head)) and _is_text(head.removeprefix(b"\xef\xbb\xbf")),
        is_text=True,
    ),
    Kind(
        "JSON",
        ("application/json", "application/ld+json", "text/plain"),
        lambda head: bool(_JSON.match(head)) and _is_text(head),
        is_text=True,
    ),
    Kind("e-mail", ("message/rfc822", "text/plain"), _is_mail),
    Kind("text", ("text/plain", "text/csv"), _is_text, is_text=True),
)
"""What is taken, in the order in which it is tried."""

TAKEN: Final = tuple(dict.fromkeys(name for kind in KINDS for name in kind.declared))
"""Media types that may be declared."""

_REFUSED: Final[Sequence[tuple[str, Callable[[bytes], bool]]]] = (
    (PAGE, lambda head: Prolog().feed(head) == PAGE),
    (DOCTYPE, lambda head: Prolog().feed(head) == DOCTYPE),
    ("ZIP, or an office file", lambda head: head.startswith((b"PK\x03\x04", b"PK\x05\x06"))),
    ("an old office file", lambda head: head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")),
    ("a Windows program", lambda head: head.startswith(b"MZ") and not _is_text(head)),
    (
        "a program",
        lambda head: head.startswith((b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")),
    ),
    ("a script", lambda head: head.startswith(b"#!")),
    ("GIF", lambda head: head.startswith((b"GIF87a", b"GIF89a"))),
    ("gzip", lambda head: head.startswith(b"\x1f\x8b")),
    ("RAR", lambda head: head.startswith(b"Rar!\x1a\x07")),
    ("7-Zip", lambda head: head.startswith(b"7z\xbc\xaf\x27\x1c")),
    ("RTF", lambda head: head.startswith(b"{\\rtf")),
    ("PostScript", lambda head: head.startswith(b"%!PS")),
    ("a film or sound", lambda head: head[4:8] == b"ftyp"),
)


def kind_of(head: bytes) -> Kind | None:
    """Kind that begins with ``head``; None where it is not taken.

    Raises:
        DocumentError: as :meth:`provenance.intake.documents.prolog.Prolog.feed`.

    """
    if refused_as(head) is not None:
        return None
    return next((kind for kind in KINDS if kind.matches(head)), None)


def refused_as(head: bytes) -> str | None:
    """Name of a kind that is known and not taken, except as what :data:`KINDS` recognises first.

    Raises:
        DocumentError: as :meth:`provenance.intake.documents.prolog.Prolog.feed`.

    """
    for name, matches in _REFUSED:
        if matches(head) and not _is_heif(head):
            return name
    return None
