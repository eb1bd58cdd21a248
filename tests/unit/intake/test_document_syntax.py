"""XML and JSON that were cut off or are malformed are refused; all else passes as it came."""

import pytest

from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.errors import BrokenDocumentError
from provenance.intake.documents.syntax import MAX_CHECKED

XML = b'<?xml version="1.0" encoding="UTF-8"?>\n<a:Invoice xmlns:a="urn:x"><b c="d">\xc3\xa9</b></a:Invoice>\n'
JSON = b'{"a": [1, 2.5e3, "\\u00e9", null, true], "b": {"a": "\xc3\xa9"}}\n'


def taken(data: bytes, declared: str = "", *, step: int = 1 << 16) -> str:
    check = ContentCheck(declared=declared)
    for at in range(0, len(data), step):
        check.feed(data[at : at + step])
    return check.finish()


@pytest.mark.parametrize("step", [1, 7, 1 << 16])
def test_what_is_well_formed_passes_however_it_arrives(step: int) -> None:
    assert taken(XML, "text/xml", step=step) == "text/xml"
    assert taken(JSON, "application/json", step=step) == "application/json"
    assert taken(XML.replace(b"UTF-8", b"ISO-8859-1")) == "application/xml"
    assert taken(b"\xef\xbb\xbf" + XML) == "application/xml"


def test_everything_that_was_cut_off_is_refused() -> None:
    # From where it is told by its beginning; white space at the end is no part of it.
    plain = XML.replace(b"\xc3\xa9", b"e"), JSON.replace(b"\xc3\xa9", b"e")
    for data, least, declared in (
        (plain[0], 41, "application/xml"),
        (plain[1], 3, "application/json"),
    ):
        for end in range(least, len(data.rstrip())):
            with pytest.raises(BrokenDocumentError, match="cannot be read"):
                taken(data[:end], declared)


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (b'{"a":1', "application/json"),
        (b'{"a":1', ""),
        (b'{"a":1} {"b":2}', "application/json"),
        (b'{"a":01}', "application/ld+json"),
        (b"[1,]", "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"<a><b></a></b>", "application/xml"),
        (b"<a/><b/>", "application/xml"),
        (b"<a/>text", "application/xml"),
        (b"<a>&unknown;</a>", "application/xml"),
        (b"<a b=c/>", "text/xml"),
        (b"<a>" * 200_000, "application/xml"),
    ],
)
def test_what_is_malformed_is_refused(data: bytes, declared: str) -> None:
    with pytest.raises(BrokenDocumentError) as caught:
        taken(data, declared)
    assert caught.value.code == "broken-document"


@pytest.mark.parametrize("data", [b'{"a":1', b"<a> is what I wrote"])
def test_text_that_begins_as_data_do_is_taken_as_the_text_that_it_is_sent_as(data: bytes) -> None:
    assert taken(data, "text/plain") == "text/plain"


@pytest.mark.parametrize(
    ("begin", "unit", "declared"),
    [(b'{"a":"', b"x", "application/json"), (b'<a b="', b"x", "application/xml")],
)
def test_what_is_larger_than_anything_that_is_read_is_not_held(
    begin: bytes, unit: bytes, declared: str
) -> None:
    check = ContentCheck(declared=declared)
    check.feed(begin.ljust(4096, unit))
    for _ in range(2 * MAX_CHECKED // (1 << 20)):
        check.feed(unit * (1 << 20))
    assert check._end is not None
    assert len(check._end._held) == 0  # type: ignore[attr-defined] # of both that can be meant
    assert check.finish() == declared
