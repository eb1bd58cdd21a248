"""Hostile containers, each refused with an error of its own, and the writer's against the reader."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.dossiers import zipped
from fixtures.hostile_containers import CENTRAL_AT, GOOD, HOSTILE
from provenance.evidence.dossier.container import ContainerWriter, measure, size_of
from provenance.verify.dossier import errors
from provenance.verify.dossier.container import (
    CENTRAL,
    MAX_MEMBERS,
    Container,
    check_name,
)
from provenance.verify.dossier.errors import ContainerError


@pytest.mark.parametrize(
    ("data", "error"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE]
)
def test_a_hostile_file_is_refused_with_an_error_of_its_own(
    data: bytes, error: type[ContainerError]
) -> None:
    with pytest.raises(ContainerError) as caught:
        Container(io.BytesIO(data))
    assert type(caught.value) is error
    assert caught.value.offset is not None or caught.value.where


def test_the_largest_number_of_members_is_read() -> None:
    data = zipped([(f"{number:05}", b"") for number in range(MAX_MEMBERS)])
    assert len(Container(io.BytesIO(data)).members) == MAX_MEMBERS


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,9}(/[a-z0-9]{1,5})?", fullmatch=True)
parts = st.dictionaries(names, st.binary(max_size=50), min_size=1, max_size=6).filter(
    lambda items: len({name.lower() for name in items}) == len(items)
)


@given(parts)
def test_what_is_written_is_read_by_us_and_by_python(items: dict[str, bytes]) -> None:
    out = io.BytesIO()
    writer = ContainerWriter(out)
    for name in sorted(items):
        part = [items[name][:7], items[name][7:]]
        writer.add(name, part, measure(part))
    assert writer.close() == len(out.getvalue())
    assert out.getvalue() == zipped(sorted(items.items()))
    container = Container(out)
    assert {item.name: container.read(item, limit=50) for item in container.members} == items
    with zipfile.ZipFile(out) as file:
        assert file.testzip() is None
        assert {name: file.read(name) for name in file.namelist()} == items


@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda data: GOOD[:CENTRAL_AT] + data))
def test_any_bytes_end_in_an_error_of_ours(data: bytes) -> None:
    with pytest.raises(ContainerError):
        Container(io.BytesIO(data))


@pytest.mark.parametrize("size", range(4, 22))
def test_an_end_record_that_was_cut_is_no_zip_file(size: int) -> None:
    with pytest.raises(errors.NotZipError):
        Container(io.BytesIO(GOOD[-22:][:size]))


def test_a_member_that_is_another_one_when_it_is_read_again_is_no_dossier() -> None:
    for other in (b"sand", b"san", b"sandy"):
        with pytest.raises(errors.ChecksumError, match="when it was read again"):
            ContainerWriter(io.BytesIO()).add("a", [other], measure([b"dust"]))


def test_a_writer_never_goes_back() -> None:
    class Pipe:
        data = b""

        def write(self, data: bytes) -> None:
            self.data += data

    out = Pipe()
    writer = ContainerWriter(out)
    writer.add("a", [b"first"], measure([b"first"]))
    assert writer.close() == size_of([("a", measure([b"first"]))])
    assert out.data == zipped([("a", b"first")])


def test_a_writer_refuses_what_a_reader_would() -> None:
    writer = ContainerWriter(io.BytesIO())
    writer.add("b", [b"x"], measure([b"x"]))
    with pytest.raises(errors.OrderError):
        writer.add("a", [], measure([]))
    with pytest.raises(errors.TraversalError):
        writer.add("../b", [], measure([]))
    assert check_name("documents/0001-a_b.pdf")
    assert CENTRAL.size == 46
