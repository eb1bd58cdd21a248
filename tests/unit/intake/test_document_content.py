"""What is taken as a document, and what is refused and why."""

import io
import re
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.documents import CSV, HEIC, JPEG, JSON, MAIL, PDF, SAMPLES, TIFF, XML, pdf, png, webp
from provenance.core.errors import FormatError
from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.errors import (
    DeclaredTypeError,
    DocumentError,
    DocumentTypeError,
    EmptyDocumentError,
    PolyglotError,
    TrailingDataError,
    TruncatedDocumentError,
)
from provenance.intake.documents.names import check_filename


def check(data: bytes, declared: str = "", *, piece: int = 1 << 16) -> str:
    checked = ContentCheck(declared=declared)
    for at in range(0, len(data), piece):
        checked.feed(data[at : at + piece])
    return checked.finish()


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("payload.txt", "hidden")
    return file.getvalue()


@pytest.mark.parametrize("declared", sorted(SAMPLES))
def test_each_kind_is_recognised_by_its_content(declared: str) -> None:
    assert check(SAMPLES[declared], declared) == declared
    assert check(SAMPLES[declared], declared.upper()) == declared


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (PDF, "application/pdf"),
        (png(), "image/png"),
        (JPEG, "image/jpeg"),
        (TIFF, "image/tiff"),
        (HEIC, "image/heic"),
        (webp(), "image/webp"),
        (XML, "application/xml"),
        (b"\xef\xbb\xbf" + XML, "application/xml"),
        (JSON, "application/json"),
        (CSV, "text/plain"),
        (MAIL, "message/rfc822"),
    ],
)
@pytest.mark.parametrize("declared", ["", "application/octet-stream"])
def test_what_is_not_declared_is_found(data: bytes, found: str, declared: str) -> None:
    assert check(data, declared) == found


@settings(deadline=None)
@given(piece=st.integers(40, 5000), size=st.integers(0, 20_000))
def test_pieces_do_not_change_what_is_found(piece: int, size: int) -> None:
    assert check(pdf(size=size), piece=piece) == "application/pdf"
    assert check(CSV * (size // len(CSV) + 1), piece=piece) == "text/plain"


MAIL_WITH_PAGE = (
    b"From: a@example.com\r\nContent-Type: text/html\r\n\r\n<html><script>1</script></html>\r\n"
)


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (MAIL_WITH_PAGE, "message/rfc822"),
        (b"country;parcels\nMZ;1\n", "text/csv"),
        (b"MZ;1\nDE;2\n", "text/csv"),
        (b"[section]\nkey=value\n", "text/plain"),
        (b"[title]\nkey=value\n", "text/plain"),
        (b"a text about <html> and <svg>\n", "text/plain"),
        (b"<Message><Body>damaged</Body></Message>", "application/xml"),
        (b"[true]", "application/json"),
        (b" {}", "application/json"),
    ],
)
def test_what_only_looks_like_something_else_is_taken(data: bytes, declared: str) -> None:
    assert check(data, declared) == declared


MACHO = b"\xcf\xfa\xed\xfe" + bytes(60)


@pytest.mark.parametrize(
    ("data", "declared", "error", "words"),
    [
        (b"", "application/pdf", EmptyDocumentError, "is empty"),
        (b"MZ" + bytes(60), "application/pdf", DocumentTypeError, "a Windows program"),
        (b"\x7fELF" + bytes(60), "", DocumentTypeError, "a program"),
        (MACHO, "", DocumentTypeError, "a program"),
        (b"#!/bin/sh\nrm -rf /\n", "text/plain", DocumentTypeError, "a script"),
        (archive(), "", DocumentTypeError, "ZIP"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(60), "", DocumentTypeError, "office"),
        (b"GIF89a" + bytes(60), "", DocumentTypeError, "GIF"),
        (b"<!DOCTYPE html><html></html>", "text/plain", DocumentTypeError, "HTML or SVG"),
        (b"<svg xmlns='x'><script/></svg>", "application/xml", DocumentTypeError, "HTML or SVG"),
        (b"<?xml version='1.0'?>\n<!-- -->\n<svg/>", "", DocumentTypeError, "HTML or SVG"),
        (b"<x:html xmlns:x='y'></x:html>", "text/xml", DocumentTypeError, "HTML or SVG"),
        (b"<script>alert(1)</script>", "text/plain", DocumentTypeError, "HTML or SVG"),
        (
            b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
            "application/xml",
            DocumentTypeError,
            "document type",
        ),
        (b"\0\0\0\x20ftypisom" + bytes(60), "", DocumentTypeError, "film"),
        (bytes(100), "", DocumentTypeError, "no kind that is known"),
        ("f\u00fcr".encode("latin-1"), "text/plain", DocumentTypeError, "no kind"),
        (PDF, "video/mp4", DocumentTypeError, "declared is video/mp4"),
        (PDF, "image/png", DeclaredTypeError, "the content is PDF, declared is image/png"),
        (CSV, "application/json", DeclaredTypeError, "the content is text"),
        (XML, "application/json", DeclaredTypeError, "the content is XML"),
        (b"GIF87aXX" + PDF, "application/pdf", PolyglotError, "behind 8 other bytes"),
        (b"\n" + PDF, "application/pdf", PolyglotError, "behind 1 other bytes"),
        (PDF + archive(), "application/pdf", PolyglotError, "ZIP archive"),
        (JPEG + archive(), "image/jpeg", PolyglotError, "ZIP archive"),
        (png() + archive(), "image/png", PolyglotError, "ZIP archive"),
        (TIFF + archive(), "image/tiff", PolyglotError, "ZIP archive"),
        (png() + b"more", "image/png", TrailingDataError, "follows the PNG"),
        (webp() + b"more", "image/webp", TrailingDataError, "follows the WebP"),
        (JPEG[:20] + PDF, "image/jpeg", PolyglotError, "beginning of a PDF"),
        (PDF[:-7], "application/pdf", TruncatedDocumentError, "%%EOF"),
        (PDF + b" " * 2000, "application/pdf", TruncatedDocumentError, "%%EOF"),
        (png()[:-4], "image/png", TruncatedDocumentError, "IEND"),
        (webp()[:-4], "image/webp", TruncatedDocumentError, "of 30"),
        (CSV * 400 + b"\xff", "text/csv", DocumentTypeError, "not UTF-8 throughout"),
        (CSV * 400 + b"\0", "text/csv", DocumentTypeError, "U+0000"),
        (CSV * 400 + b"\xc3", "text/csv", DocumentTypeError, "not UTF-8 throughout"),
    ],
)
def test_what_is_refused_has_its_own_error_and_says_why(
    data: bytes, declared: str, error: type[DocumentError], words: str
) -> None:
    with pytest.raises(error, match=re.escape(words)) as raised:
        check(data, declared)
    assert type(raised.value) is error


def test_a_wrong_kind_is_refused_before_all_of_it_arrived() -> None:
    checked = ContentCheck(declared="application/pdf")
    with pytest.raises(DocumentTypeError):
        checked.feed(b"MZ" + bytes(5000))


@settings(deadline=None)
@given(data=st.binary(max_size=6000), declared=st.sampled_from(["", *SAMPLES]))
def test_hostile_bytes_are_taken_or_refused_and_nothing_else(data: bytes, declared: str) -> None:
    try:
        found = check(data, declared)
    except DocumentError:
        return
    assert found in {*SAMPLES, "text/plain"}


@pytest.mark.parametrize(
    "name",
    [
        "invoice.pdf",
        "a\u00a0b",
        "a\u3000b",
        "Rechnung f\u00fcr T\u00fcren.pdf",
        ".hidden",
        "a b",
        "console.txt",
        "com10.txt",
        "\u1ea1\u0300.txt",
        "\u53d1\u7968.pdf",
    ],
)
def test_a_file_may_have_any_name_that_is_shown(name: str) -> None:
    assert check_filename(name) == name


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "a/b", "a\\b", " a", "a\n", "con", "LPT1.txt", "x" * 201, "\ud800"),
        # Line and paragraph separators, marks and isolates of direction, spaces of no width.
        *(f"a{one}b" for one in "\u2028\u2029\u0085\u202a\u202e\u2066\u2069\u200e\u200f\u061c"),
        # Letters that are blank, and marks of no width.
        *(f"a{one}b" for one in "\u3164\u115f\u1160\uffa0\u034f\ufe0f\u180b\u2800\U000e0101"),
        # What Windows keeps for itself: drives and streams, patterns, devices; dots at the end.
        *(f"a{one}b.txt" for one in '<>:"|?*'),
        *("a.", "a.b.", "COM\u00b9.txt", "CONIN$", "conout$.txt", "nul .txt"),
        *(f"a{one}b" for one in "\u200b\u200d\u2060\ufeff\u00ad\u2003\u200a\u1680\u205f"),
    ],
)
def test_a_name_that_is_a_path_or_a_trick_is_refused(name: str) -> None:
    with pytest.raises(FormatError):
        check_filename(name)
