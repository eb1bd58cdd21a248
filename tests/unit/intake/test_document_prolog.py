"""What stands before the first element of a text: followed to its end, however long it is."""

import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.documents import XML
from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.errors import (
    BrokenDocumentError,
    DocumentError,
    DocumentTypeError,
    PolyglotError,
)
from provenance.intake.documents.kinds import kind_of
from provenance.intake.documents.prolog import DOCTYPE, PAGE, Prolog

DECLARATION = b'<?xml version="1.0"?>'
LONG = DECLARATION + b"<!--" + b"x" * 4200 + b"-->"
"""Longer than the part that a kind is told by."""
ENTITIES = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'


def check(data: bytes, declared: str = "", *, piece: int = 1 << 16) -> str:
    checked = ContentCheck(declared=declared)
    for at in range(0, len(data), piece):
        checked.feed(data[at : at + piece])
    return checked.finish()


def scan(data: bytes, *, piece: int = 1 << 16) -> str | None:
    prolog = Prolog()
    parts = [data[at : at + piece] for at in range(0, len(data), piece)]
    return next((found for found in map(prolog.feed, parts) if found is not None), None)


@pytest.mark.parametrize("unit", [b"<!---->", b"<?a?>", b"<!-- ", b" <!---->\n", b"\n", b"<!D"])
def test_a_prolog_takes_time_that_grows_with_its_length_alone(unit: bytes) -> None:
    data = (DECLARATION + unit * 1000)[:4085] + b"<invoice/>"
    began = time.process_time()
    for _ in range(10):
        with suppress(DocumentError):
            kind_of(data)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("declared", ["application/xml", "text/xml", "text/plain", ""])
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (LONG + ENTITIES, DOCTYPE),
        (LONG + b"<!doctype a><a/>", DOCTYPE),
        (LONG + b"<!ENTITY b 'c'><a/>", DOCTYPE),
        (LONG + b'<html xmlns="http://www.w3.org/1999/xhtml"><script>1</script></html>', PAGE),
        (LONG + b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', PAGE),
        (LONG + b"<!DOCTYPE html><p>", PAGE),
        (LONG + b"<x:svg xmlns:x='http://www.w3.org/2000/svg'/>", PAGE),
        (LONG + "<\u00e9:svg xmlns:\u00e9='http://www.w3.org/2000/svg'/>".encode(), PAGE),
        (LONG + b"<SVG\nonload='alert(1)'/>", PAGE),
        (LONG + b"<svg/onload=alert(1)>", PAGE),
        (DECLARATION + b" " * 5000 + ENTITIES, DOCTYPE),
        (DECLARATION + b"<?a " + b"x" * 5000 + b"?>" + ENTITIES, DOCTYPE),
        (b"\xef\xbb\xbf" + LONG + ENTITIES, DOCTYPE),
    ],
)
def test_what_a_long_prolog_leads_to_is_refused(data: bytes, words: str, declared: str) -> None:
    with pytest.raises(DocumentTypeError, match=words):
        check(data, declared)


@pytest.mark.parametrize(
    "data", [b" " * 5000 + b"<html><script>1</script>", b"\n" * 5000 + ENTITIES]
)
def test_white_space_hides_no_page_in_a_text(data: bytes) -> None:
    with pytest.raises(DocumentTypeError):
        check(data, "text/plain")


@pytest.mark.parametrize(
    "data",
    [
        b"<!--><svg onload='alert(1)'/> --><a/>",
        b"<!---><svg onload='alert(1)'/> --><a/>",
        b"<!-- --!><svg onload='alert(1)'/> --><a/>",
        b"<?a ><svg onload='alert(1)'/> ?><a/>",
        b"<?><svg onload='alert(1)'/> ?><a/>",
        LONG + b"<!--><svg onload='alert(1)'/> --><a/>",
        LONG + b"<?a ><svg onload='alert(1)'/> ?><a/>",
    ],
)
@pytest.mark.parametrize("piece", [1 << 16, 1])
def test_a_mark_that_ends_earlier_for_a_browser_is_refused(data: bytes, piece: int) -> None:
    with pytest.raises(PolyglotError, match="a browser sees the end") as caught:
        check(DECLARATION + data, "application/xml", piece=piece)
    assert caught.value.code == "polyglot-document"


@pytest.mark.parametrize("data", [LONG + b"<!---->" * 1001 + b"<a/>", LONG + b"<" + b"a" * 1100])
def test_more_than_any_prolog_has_is_broken(data: bytes) -> None:
    with pytest.raises(BrokenDocumentError):
        check(data, "application/xml")


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (LONG + b"<Invoice/>", "application/xml"),
        (
            DECLARATION + b"<!-- a - b -> c > d - -->\n<?xml-stylesheet href='a.xsl'?><a/>",
            "text/xml",
        ),
        (DECLARATION + b"<svgx/>", "application/xml"),
        (DECLARATION + b"<html.report/>", "application/xml"),
        (DECLARATION + b"<a><![CDATA[<!DOCTYPE b><svg/>]]></a>", "application/xml"),
        (b"<a><!-- <!DOCTYPE b> --></a>", "application/xml"),
        (b"< 3 kg <html>", "text/plain"),
        (b"<", "text/plain"),
        (b"<!-", "text/plain"),
        (XML, "application/xml"),
    ],
)
@pytest.mark.parametrize("piece", [1 << 16, 1, 7])
def test_what_leads_to_no_page_is_taken(data: bytes, declared: str, piece: int) -> None:
    assert check(data, declared, piece=piece) == declared


@settings(deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [b"<!--", b"-->", b"--", b"!", b">", b"<?", b"?>", b"<svg ", b"<a>", b" ", b"x", b"<!"]
        ),
        max_size=30,
    ).map(b"".join),
    st.integers(1, 9),
)
def test_pieces_do_not_change_what_is_seen(data: bytes, piece: int) -> None:
    assert outcome(data, piece) == outcome(data, len(data) or 1)


def outcome(data: bytes, piece: int) -> str | None:
    try:
        return scan(data, piece=piece)
    except DocumentError as error:
        return error.code
