"""Where images end: real images pass, what follows them or is missing does not."""

import io
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fixtures.documents import HEIC, JPEG, PDF, TIFF, box, chunk, photo, png, webp
from provenance.intake.documents.content import ContentCheck
from provenance.intake.documents.errors import (
    BrokenDocumentError,
    DocumentError,
    PolyglotError,
    TrailingDataError,
    TruncatedDocumentError,
)
from provenance.intake.documents.tiff import SPAN, TiffEnd

RAR = b"Rar!\x1a\x07\x00" + bytes(range(1, 200))
SMALL = {"width": 8, "height": 8}


def check(data: bytes, declared: str, *, piece: int = 1 << 16) -> str:
    checked = ContentCheck(declared=declared)
    for at in range(0, len(data), piece):
        checked.feed(data[at : at + piece])
    return checked.finish()


def pages(count: int, *, width: int = 300, height: int = 200, **how: Any) -> bytes:
    """A TIFF of several pages."""
    image = Image.effect_noise((width, height), 90).convert(how.pop("mode", "L"))
    file = io.BytesIO()
    image.save(file, "TIFF", save_all=True, append_images=[image] * (count - 1), **how)
    return file.getvalue()


def samsung(*parts: bytes, gap: int = 0) -> bytes:
    """Samsung's trailer: parts, directory, its length, SEFT."""
    data = b"".join(parts)
    entries, begun = b"", 0
    for part in parts:
        entries += struct.pack("<HHII", 0, 0x0A01, len(data) - begun + gap, len(part))
        begun += len(part)
    directory = b"SEFH" + struct.pack("<II", 106, len(parts)) + entries
    return data + directory + struct.pack("<I", len(directory)) + b"SEFT"


def archive() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("evil.html", "<script>")
    return file.getvalue()


def exif() -> Image.Exif:
    found = Image.Exif()
    found[0x010F] = "Camera"
    found.get_ifd(0x8769)[0x9003] = "2026:07:22 06:45:00"
    return found


PAGE = Image.new("RGB", (32, 24))
NOTE = b"\x00\x00\x01\x0a\x0e\x00\x00\x00Image_UTC_Data1784695500000"
IMAGES: dict[str, tuple[bytes, str]] = {
    "baseline": (JPEG, "image/jpeg"),
    "progressive": (photo("JPEG", progressive=True, width=400, height=300), "image/jpeg"),
    "restarts": (photo("JPEG", restart_marker_rows=1, width=400, height=300), "image/jpeg"),
    "exif": (photo("JPEG", exif=exif(), comment=b"\xff\xd9 in a comment"), "image/jpeg"),
    "thumbnail": (photo("JPEG", exif=b"Exif\0\0" + photo("JPEG", **SMALL)), "image/jpeg"),
    "grey": (photo("JPEG", mode="L", quality=100), "image/jpeg"),
    "two images": (JPEG + photo("JPEG", **SMALL), "image/jpeg"),
    "two images, padded": (JPEG + bytes(300) + photo("JPEG", **SMALL), "image/jpeg"),
    "padded": (JPEG + bytes(1000), "image/jpeg"),
    "filled": (JPEG[:-2] + b"\xff" * 9 + JPEG[-2:], "image/jpeg"),
    "Samsung": (JPEG + samsung(NOTE, NOTE + b"more"), "image/jpeg"),
    "HEIC": (HEIC, "image/heic"),
    "HEIC with notes": (HEIC + box(b"free", b"1") + box(b"sefd", samsung(NOTE)), "image/heic"),
    "HEIC of 64 bits": (HEIC + struct.pack(">I4sQ", 1, b"mdat", 20) + b"1234", "image/heic"),
    "HEIC, open": (HEIC + struct.pack(">I4s", 0, b"mdat") + bytes(99_999), "image/heic"),
    "PNG": (photo("PNG", width=400, height=300), "image/png"),
    "PNG, grey": (photo("PNG", mode="L"), "image/png"),
    "PNG, animated": (photo("PNG", save_all=True, append_images=[PAGE]), "image/png"),
    "PNG, notes": (png()[:33] + chunk(b"zTXt", b"a" * 9) + png()[33:], "image/png"),
    "WebP": (photo("WEBP", width=400, height=300), "image/webp"),
    "WebP, exif": (photo("WEBP", lossless=True, exif=exif()), "image/webp"),
    "WebP, animated": (photo("WEBP", save_all=True, append_images=[PAGE]), "image/webp"),
    "TIFF": (TIFF, "image/tiff"),
    "TIFF, deflated": (photo("TIFF", compression="tiff_deflate", width=900), "image/tiff"),
    "TIFF, fax": (photo("TIFF", mode="1", compression="group4", width=900), "image/tiff"),
    "TIFF, JPEG": (photo("TIFF", compression="jpeg", width=900, height=900), "image/tiff"),
    "TIFF, big": (photo("TIFF", big_tiff=True, width=200), "image/tiff"),
    "TIFF, exif": (photo("TIFF", exif=exif()), "image/tiff"),
    "TIFF, pages": (pages(3), "image/tiff"),
    "TIFF, many pages": (pages(9, compression="tiff_lzw"), "image/tiff"),
    "TIFF, large pages": (pages(2, width=1200, height=900), "image/tiff"),
    "TIFF, padded": (TIFF + b"\0", "image/tiff"),
}


COMPLETE_WHEN_CUT = {
    "padded",
    "two images, padded",
    "TIFF, padded",
    "Samsung",
    "HEIC, open",
    "HEIC with notes",
}
"""Images that may be whole where they are cut: between two images or boxes, or in padding."""


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("piece", [1 << 20, 1 << 16, 997])
def test_an_image_passes_in_pieces_of_any_size(name: str, piece: int) -> None:
    data, declared = IMAGES[name]
    assert check(data, declared, piece=piece) == declared


@pytest.mark.parametrize("name", [name for name in IMAGES if "open" not in name])
def test_something_behind_an_image_is_refused(name: str) -> None:
    data, declared = IMAGES[name]
    for more in (RAR, b"<script>alert(1)</script>", b"\n\n"):
        with pytest.raises(TrailingDataError) as caught:
            check(data + more, declared)
        assert caught.value.code == "trailing-data"


@pytest.mark.parametrize("name", sorted(IMAGES.keys() - COMPLETE_WHEN_CUT))
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_an_image_that_was_cut_off_is_refused(name: str, share: float) -> None:
    data, declared = IMAGES[name]
    with pytest.raises((TruncatedDocumentError, TrailingDataError, BrokenDocumentError)):
        check(data[: int(len(data) * share)], declared)


@pytest.mark.parametrize(
    ("data", "declared"),
    [(JPEG[:-2], "image/jpeg"), (HEIC[:-1], "image/heic"), (TIFF[:-1], "image/tiff")],
)
def test_a_missing_end_is_told_as_such(data: bytes, declared: str) -> None:
    with pytest.raises(TruncatedDocumentError, match="send the whole file") as caught:
        check(data, declared)
    assert caught.value.code == "truncated-document"


@pytest.mark.parametrize(
    "trailer",
    [
        samsung(NOTE, gap=1),
        b"x" + samsung(NOTE),
        RAR + samsung(NOTE),
        samsung(NOTE) + b"x",
        samsung(NOTE)[:-4],
        b"SEFT",
        bytes(8) + b"SEFT",
        samsung(*[b"a"] * 65),
    ],
    ids=["gap", "byte before", "archive before", "byte after", "no end", "bare", "none", "many"],
)
def test_a_trailer_that_does_not_account_for_every_byte_is_refused(trailer: bytes) -> None:
    with pytest.raises(TrailingDataError):
        check(JPEG + trailer, "image/jpeg")


IEND = png()[-12:]
ARCHIVE_BEFORE_ITS_END = bytearray(archive())
ARCHIVE_BEFORE_ITS_END[-2:] = b"\xff\xff"
HTML = b"<html><script>alert(1)</script></html>"


def riff(*parts: bytes) -> bytes:
    body = b"WEBP" + b"".join(parts)
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.mark.parametrize("hidden", [HTML, RAR, HTML * 2000, ARCHIVE_BEFORE_ITS_END[:40]])
@pytest.mark.parametrize("piece", [1 << 16, 997])
def test_a_second_end_of_a_png_hides_nothing(hidden: bytes, piece: int) -> None:
    with pytest.raises(TrailingDataError, match=f"at byte {len(png())}"):
        check(png() + hidden + IEND, "image/png", piece=piece)


@pytest.mark.parametrize(
    ("image", "declared", "end"),
    [
        (png(), "image/png", IEND),
        (PDF, "application/pdf", b"\n%%EOF\n"),
        (HEIC + struct.pack(">I4s", 0, b"mdat"), "image/heic", b""),
        (TIFF, "image/tiff", b""),
    ],
)
@pytest.mark.parametrize("filling", [b"", bytes(30_000)])
def test_an_archive_whose_comment_claims_more_than_there_is_is_found(
    image: bytes, declared: str, end: bytes, filling: bytes
) -> None:
    data = image + bytes(ARCHIVE_BEFORE_ITS_END) + filling + end
    with pytest.raises(PolyglotError, match="ZIP archive") as caught:
        check(data, declared)
    assert caught.value.code == "polyglot-document"


def test_an_archive_in_a_note_of_a_jpeg_is_found() -> None:
    note = bytes(ARCHIVE_BEFORE_ITS_END)
    data = JPEG[:2] + b"\xff\xfe" + struct.pack(">H", 2 + len(note)) + note + JPEG[2:]
    with pytest.raises(PolyglotError, match="ZIP archive"):
        check(data, "image/jpeg")


@pytest.mark.parametrize("name", ["RAR", "7-Zip"])
@pytest.mark.parametrize("piece", [1 << 16, 997, 3])
def test_an_archive_within_is_found_wherever_it_lies(name: str, piece: int) -> None:
    start = {"RAR": b"Rar!\x1a\x07\x01\x00", "7-Zip": b"7z\xbc\xaf\x27\x1c\x00\x04"}[name]
    for image, declared, end in (
        (PDF, "application/pdf", b"\n%%EOF\n"),
        (HEIC + struct.pack(">I4s", 0, b"mdat"), "image/heic", b""),
        (JPEG[:-2], "image/jpeg", b"\xff\xd9"),
    ):
        with pytest.raises(PolyglotError, match=f"holds a {name} archive"):
            check(image + bytes(5000) + start + bytes(90_000) + end, declared, piece=piece)


def test_a_signature_alone_is_no_archive() -> None:
    for kind in (b"PK\x05\x06" + bytes(30), b"PK\x01\x02" + bytes(30)):
        data = png()[:33] + chunk(b"prVt", kind) + png()[33:]
        assert check(data, "image/png") == "image/png"


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (png()[:33] + HTML + png()[33:], "image/png"),
        (png()[:33] + chunk(b"<h1>", b"") + png()[33:], "image/png"),
        (png()[:8] + chunk(b"tEXt", b"a") + png()[8:], "image/png"),
        (png()[:-12] + chunk(b"IEND", HTML), "image/png"),
        (png()[:-4] + b"abcd", "image/png"),
        (png()[:33] + chunk(b"tEXt", b"") * ((1 << 18) + 1) + png()[33:], "image/png"),
        (riff(webp()[12:], HTML), "image/webp"),
        (riff(webp()[12:], HTML[:5]), "image/webp"),
        (riff(webp()[12:-1]), "image/webp"),
    ],
    ids=["gap", "type", "first", "end", "checksum", "many", "behind", "rest", "short"],
)
@pytest.mark.parametrize("piece", [1 << 16, 997])
def test_chunks_that_do_not_follow_each_other_are_broken(
    data: bytes, declared: str, piece: int
) -> None:
    with pytest.raises(BrokenDocumentError, match="no chunk of the") as caught:
        check(data, declared, piece=piece)
    assert caught.value.code == "broken-document"


@pytest.mark.parametrize("more", [HTML, b"x", b"\x1a", HTML * 20])
def test_something_behind_a_pdf_is_refused(more: bytes) -> None:
    with pytest.raises((TrailingDataError, TruncatedDocumentError)):
        check(PDF + b"\n" + more, "application/pdf")
    for filling in (b"", b"\r\n", b"\n\n \0\0"):
        assert check(PDF.rstrip() + filling, "application/pdf") == "application/pdf"


def test_a_jpeg_without_a_segment_where_one_should_be_is_broken() -> None:
    with pytest.raises(BrokenDocumentError, match="at byte 20") as caught:
        check(JPEG[:20] + bytes(5000), "image/jpeg")
    assert caught.value.code == "broken-document"


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (b"\xff\xd8" + b"\xff\xfe\x00\x02" * 70_000 + b"\xff\xd9", "image/jpeg"),
        (JPEG * 9000, "image/jpeg"),
        (HEIC + box(b"free", b"") * 5000, "image/heic"),
        (b"II*\0" + struct.pack("<IH", 8, 65535) + bytes(65535 * 12 + 4), "image/tiff"),
        (
            b"II*\0\x08\0\0\0"
            + b"".join(b"\0\0" + struct.pack("<I", 8 + 6 * n) for n in range(1, 5001)),
            "image/tiff",
        ),
    ],
    ids=["segments", "images", "boxes", "entries", "directories"],
)
def test_more_parts_than_an_image_has_are_refused(data: bytes, declared: str) -> None:
    with pytest.raises(DocumentError):
        check(data, declared)


def test_long_filling_takes_no_step_for_each_byte() -> None:
    assert check(JPEG[:-2] + b"\xff" * 5_000_000 + b"\xd9", "image/jpeg") == "image/jpeg"


def directory(*entries: tuple[int, int, int, int], following: int = 0) -> bytes:
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return struct.pack("<H", len(entries)) + body + struct.pack("<I", following)


def test_a_tiff_whose_directories_go_round_in_a_circle_ends() -> None:
    data = b"II*\0" + struct.pack("<I", 8) + directory((256, 3, 1, 1), following=8)
    assert check(data, "image/tiff") == "image/tiff"


def test_a_tiff_that_points_beyond_its_end_is_cut_off() -> None:
    for entry in ((270, 2, 4_000_000_000, 100), (273, 4, 1, 5000), (330, 4, 1, 5000)):
        data = b"II*\0" + struct.pack("<I", 8) + directory(entry, (279, 4, 1, 10))
        with pytest.raises(TruncatedDocumentError):
            check(data, "image/tiff")


def test_a_directory_far_back_leaves_the_reach_of_a_tiff_open() -> None:
    far = 300 * 1024
    first = directory((256, 3, 1, 1), following=far - 200 * 1024)
    data = bytearray(b"II*\0" + struct.pack("<I", far) + bytes(far - 8))
    data += first + bytes(SPAN)
    assert check(bytes(data) + b"more", "image/tiff") == "image/tiff"
    with pytest.raises(PolyglotError, match="a RAR archive"):
        check(bytes(data) + RAR, "image/tiff")


def test_a_tiff_is_followed_in_bounded_memory() -> None:
    end = TiffEnd()
    end.feed(b"II*\0" + struct.pack("<I", 1 << 30))
    for _ in range(64):
        end.feed(bytes(1 << 20))
    assert len(end._kept) + len(end._head) <= 4 * SPAN


@settings(deadline=None)
@given(st.sampled_from(sorted(IMAGES)), st.data())
def test_any_byte_changed_and_any_stretch_cut_out_is_taken_or_refused(
    name: str, data: st.DataObject
) -> None:
    image, declared = IMAGES[name]
    at = data.draw(st.integers(0, len(image) - 1))
    cut = data.draw(st.integers(0, 50))
    changed = image[:at] + data.draw(st.binary(max_size=3)) + image[at + cut :]
    try:
        check(changed, "", piece=data.draw(st.integers(1, 9000)))
    except DocumentError:
        return
    assert declared.startswith("image/")
