"""Hostile containers, each refused with an error of its own, and the writer's against the reader."""

import io
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.dossiers import zipped
from provenance.evidence.dossier.container import ContainerWriter
from provenance.verify.dossier import errors
from provenance.verify.dossier.container import (
    CENTRAL,
    END,
    MAX_MEMBERS,
    Container,
    Member,
    check_name,
)
from provenance.verify.dossier.errors import ContainerError

GOOD = zipped([("a.txt", b"first"), ("b/c.txt", b"second")])
CENTRAL_AT = GOOD.index(b"PK\x01\x02")
END_AT = len(GOOD) - END.size


def python_zip(
    *members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED, comment: bytes = b"",
    change: Callable[[zipfile.ZipInfo], None] | None = None,
) -> bytes:  # fmt: skip
    """What Python's own writer makes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        for name, data in members:
            info = zipfile.ZipInfo(name)
            info.compress_type = compression
            if change is not None:
                change(info)
            file.writestr(info, data)
        file.comment = comment
    return out.getvalue()


def link(info: zipfile.ZipInfo) -> None:
    info.external_attr = 0o120777 << 16


def extra(info: zipfile.ZipInfo) -> None:
    info.extra = b"\x99\x99\x02\x00hi"


def streamed() -> bytes:
    """Written to a pipe: sizes stand after the data."""

    class Pipe(io.RawIOBase):
        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            self.data += bytes(data)
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w") as file:
        file.writestr("a.txt", b"first")
    return pipe.data


def patched(at: int, value: bytes) -> bytes:
    return GOOD[:at] + value + GOOD[at + len(value) :]


def overlapping() -> bytes:
    """The second member's header lies inside the first one's bytes."""
    inner = Member("b.txt", 1, zlib.crc32(b"x"), 0)
    data = inner.local_header() + b"x"
    outer = Member("a.txt", len(data), zlib.crc32(data), 0)
    body = outer.local_header() + data
    inner = replace(inner, offset=outer.start)
    directory = outer.central_header() + inner.central_header()
    return body + directory + END.pack(b"PK\5\6", 0, 0, 2, 2, len(directory), len(body), 0)


def bomb() -> bytes:
    return python_zip(("a.txt", bytes(10_000_000)), compression=zipfile.ZIP_DEFLATED)


HOSTILE: list[tuple[str, bytes, type[ContainerError]]] = [
    ("empty", b"", errors.EmptyFileError),
    ("no members", END.pack(b"PK\5\6", 0, 0, 0, 0, 0, 0, 0), errors.EmptyFileError),
    ("wrong type", b"%PDF-1.7\n" * 40, errors.NotZipError),
    ("cut", GOOD[:-1], errors.NotZipError),
    ("cut in the middle", GOOD[:60], errors.NotZipError),
    ("bomb", bomb(), errors.CompressedError),
    (
        "nested bomb",
        python_zip(("a.zip", bomb()), compression=zipfile.ZIP_DEFLATED),
        errors.CompressedError,
    ),
    ("traversal", zipped([("../a", b"")]), errors.TraversalError),
    ("traversal inside", zipped([("a/../../b", b"")]), errors.TraversalError),
    ("traversal, backslash", zipped([("a\\..\\b", b"")]), errors.TraversalError),
    ("absolute", zipped([("/etc/passwd", b"")]), errors.AbsoluteNameError),
    ("drive", zipped([("C:\\a", b"")]), errors.AbsoluteNameError),
    ("another machine", zipped([("\\\\host\\a", b"")]), errors.AbsoluteNameError),
    ("folder", zipped([("a/", b"")]), errors.MemberNameError),
    ("hidden", zipped([(".a", b"")]), errors.MemberNameError),
    ("U+0000", zipped([("a\0.txt", b"")]), errors.MemberNameError),
    ("line break", zipped([("a\n", b"")]), errors.MemberNameError),
    ("long name", zipped([("a" * 129, b"")]), errors.MemberNameError),
    ("not ASCII", python_zip(("é.txt", b"")), errors.NameNotAsciiError),
    ("link", python_zip(("a", b"/etc/passwd"), change=link), errors.LinkError),
    ("duplicate", zipped([("a", b""), ("a", b"x")]), errors.DuplicateNameError),
    ("alike", zipped([("A", b""), ("a", b"x")]), errors.NamesAlikeError),
    ("not sorted", zipped([("b", b""), ("a", b"x")]), errors.OrderError),
    ("trailing", GOOD + b"\0", errors.TrailingDataError),
    ("comment", python_zip(("a", b""), comment=b"hi"), errors.TrailingDataError),
    ("two files", GOOD + GOOD, errors.LeadingDataError),
    ("leading", b"\0" + GOOD, errors.LeadingDataError),
    ("polyglot PDF", b"%PDF-1.7\n" + GOOD, errors.LeadingDataError),
    (
        "polyglot, offsets mended",
        b"GIF89a" + zipped([("a", b"")])[:-6] + (6 + 31).to_bytes(4, "little") + b"\0\0",
        errors.LeadingDataError,
    ),
    ("2 GB claim", patched(CENTRAL_AT + 20, (2**31).to_bytes(4, "little") * 2),
     errors.FalseSizeError),
    ("ZIP64 claim", patched(CENTRAL_AT + 20, b"\xff" * 8), errors.Zip64Error),
    ("ZIP64 end", patched(END_AT + 8, b"\xff" * 4), errors.Zip64Error),
    ("directory outside", patched(END_AT + 12, b"\xff\xff\0\0"), errors.FalseSizeError),
    ("overlapping", overlapping(), errors.OverlapError),
    ("encrypted", patched(CENTRAL_AT + 8, b"\1"), errors.EncryptedError),
    ("data descriptor", streamed(), errors.DataDescriptorError),
    ("extra field", python_zip(("a", b""), change=extra), errors.ExtraFieldError),
    ("member's comment", patched(CENTRAL_AT + 32, b"\1"), errors.CommentError),
    ("other time", python_zip(("a", b"")), errors.HeaderError),
    ("local header differs", patched(10, b"\1"), errors.HeaderError),
    ("second disk", patched(END_AT + 4, b"\1"), errors.HeaderError),
    ("fewer members", patched(END_AT + 8, b"\1\0\1\0"), errors.GapError),
    (
        "10,000 members",
        zipped([(f"{number:05}", b"") for number in range(10_000)]),
        errors.TooManyMembersError,
    ),
]  # fmt: skip


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
        writer.add(name, [items[name][:7], items[name][7:]])
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


def test_a_writer_refuses_what_a_reader_would() -> None:
    writer = ContainerWriter(io.BytesIO())
    writer.add("b", [b"x"])
    with pytest.raises(errors.OrderError):
        writer.add("a", [])
    with pytest.raises(errors.TraversalError):
        writer.add("../b", [])
    assert check_name("documents/0001-a_b.pdf")
    assert CENTRAL.size == 46
