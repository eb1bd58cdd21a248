"""GS1 identifiers get one spelling, whatever they come as."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.intake.gs1 import canonical, canonical_place
from provenance.intake.gs1.characters import check_digit

ID = "https://id.gs1.org/"


@pytest.mark.parametrize(
    ("given_uri", "expected"),
    [
        ("urn:epc:id:sgcn:4012345.99999.44", "255/401234599999044"),
        ("urn:epc:id:grai:4012345.66666.87", "8003/0401234566666387"),
        ("urn:epc:id:upui:4012345.012345.AB12", "01/04012345123456/235/AB12"),
        ("urn:epc:id:giai:4012345.AAbb", "8004/4012345AAbb"),
        ("urn:epc:id:sgln:9521141.00101.0", "414/9521141001011"),
        ("https://example.com/414/9521141001011/254/0", "414/9521141001011"),
        ("https://example.com/a/b/01/09521141123454/22/V/21/S#top", "01/09521141123454/21/S"),
        ("HTTPS://EXAMPLE.COM/00/095211411234567892", "00/095211411234567892"),
        ("URN:EPC:ID:SSCC:9521141.0123456789", "00/095211411234567892"),
        ("https://id.gs1.org/01/09521141123454/21/a%2fb%41", "01/09521141123454/21/a%2FbA"),
    ],
)
def test_a_gs1_identifier_becomes_a_canonical_link(given_uri: str, expected: str) -> None:
    assert canonical(given_uri) == ID + expected
    assert canonical(ID + expected) == ID + expected
    assert canonical_place(given_uri) == ID + expected


@pytest.mark.parametrize(
    "uri",
    [
        "urn:uuid:1b1a1c1d-0000-4000-8000-000000000001",
        "urn:epc:id:gid:95100000.12345.400",
        "urn:epc:id:sgtin:0614141.107346",
        "urn:epc:id:sgtin:0614141.1073460.1",
        "urn:epc:id:sgtin:06141.1073460.1",
        "urn:epc:id:sgtin:0614141.107346.%G1",
        "urn:epc:id:sgtin:0614141.107346.%C3%A4",
        "urn:epc:id:sgtin:0614141.107346.123456789012345678901",
        "urn:epc:id:sscc:9521141.012345678",
        "urn:epc:id:cpi:0614141.abc.1",
        "urn:epc:id:cpi:0614141.ABC.X",
        "urn:epc:idpat:sgtin:4012345.*.*",
        "urn:epc:idpat:sscc:4012345.*",
        "urn:epc:id:itip:4012345.011111.1.2.987",
        "urn:epc:",
        "https://example.com/",
        "https://example.com/01",
        "https://example.com/01/09521141123454/21",
        "https://example.com/01/09521141123454/21/",
        "https://example.com/01/09521141123454/21/x/21/y",
        "https://example.com/01/09521141123454/21/%C3%A4",
        "https://example.com/8003/1401234566666587",
        "https://example.com/8010/abc/8011/1",
        "ftp://example.com/00/095211411234567892",
    ],
)
def test_what_is_no_gs1_identifier_stays_as_it_is(uri: str) -> None:
    assert canonical(uri) == uri


def test_the_check_digit_is_the_published_one() -> None:
    # GS1 General Specifications, section 7.9.1.
    assert check_digit("629104150021") == "3"
    assert check_digit("37610425002123456") == "9"


COMPANY = st.integers(6, 12).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n))
SERIAL = st.text("ABCxyz019-_.", min_size=1, max_size=20).filter(lambda text: "." not in text)


@given(COMPANY, st.data())
def test_a_urn_and_the_link_of_any_domain_name_the_same_item(
    company: str, data: st.DataObject
) -> None:
    rest = 13 - len(company)
    item = data.draw(st.text("0123456789", min_size=rest, max_size=rest))
    serial = data.draw(SERIAL)
    link = canonical(f"urn:epc:id:sgtin:{company}.{item}.{serial}")
    assert link.startswith(f"{ID}01/")
    path = link.removeprefix(ID)
    assert canonical(f"http://shop.example.org/some/path/{path}?x=1") == link


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_spelling_twice_changes_nothing(text: str) -> None:
    for prefix in ("", "urn:epc:id:sgtin:", "https://id.gs1.org/", "https://x.org/01/"):
        once = canonical(prefix + text)
        assert canonical(once) == once
