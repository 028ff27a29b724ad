"""Damaged, huge and misleading metadata cost no picture: only what decides the pixels of a JPEG or PNG is looked at."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
import simplejpeg
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from schemas.rejects import Rejected
from tests.udfs.image_samples import HEIGHT, WIDTH, encoded, image
from udfs.image_header import is_plain_jpeg, open_image, read_header
from udfs.image_parts import END_OF_IMAGE, START_OF_SCAN, bare_jpeg, bare_png, jpeg_segments, only_picture
from udfs.images import ImageOptions, process_image

_IHDR_END = 33


def png(**options: object) -> bytes:
    return encoded(image(), "PNG", **options)


def jpeg(**options: object) -> bytes:
    return encoded(image(), "JPEG", quality=90, **options)


def chunk(kind: bytes, content: bytes, crc: int | None = None) -> bytes:
    code = zlib.crc32(kind + content) if crc is None else crc
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", code)


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(content) + 2) + content


HUGE_TEXT = b"source\0\0" + zlib.compress(b"x" * 1_100_000)
CHUNKS = {
    "a text of more than a megabyte": chunk(b"zTXt", HUGE_TEXT),
    "a profile of more than a megabyte": chunk(b"iCCP", HUGE_TEXT),
    "a text with a wrong checksum": chunk(b"tEXt", b"a\0b", crc=1),
    "a profile compressed in an unknown way": chunk(b"iCCP", b"a\0\1x"),
    "short sizes": chunk(b"pHYs", b"\0"),
    "no rendering intent": chunk(b"sRGB", b""),
    "short transparency": chunk(b"tRNS", b"\0"),
    "a short animation": chunk(b"acTL", b"\0"),
}
SEGMENTS = {
    "a profile without numbers": segment(0xE2, b"ICC_PROFILE\0"),
    "a short Adobe segment": segment(0xEE, b"Adobe\0"),
    "a short JFIF segment": segment(0xE0, b"JFIF\0"),
}


@pytest.mark.parametrize("name", CHUNKS)
@pytest.mark.parametrize("is_behind", [False, True])
def test_a_png_with_damaged_or_huge_metadata_keeps_its_pixels(name: str, is_behind: bool) -> None:
    data = png()
    at = data.rindex(b"IEND") - 4 if is_behind else _IHDR_END
    assert process_image(data[:at] + CHUNKS[name] + data[at:]).pixels_sha256 == process_image(data).pixels_sha256


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_jpeg_with_damaged_metadata_keeps_its_pixels(name: str) -> None:
    data = jpeg()
    record = process_image(data[:2] + SEGMENTS[name] + data[2:])
    assert record.pixels_sha256 == process_image(data).pixels_sha256
    with Image.open(io.BytesIO(record.image)) as stored:  # kept as it is, Pillow could not open it
        assert stored.size == image().size


HARMLESS = {
    "bytes before a segment": lambda data: data.replace(b"\xff\xdb", b"\0" * 10 + b"\xff\xdb", 1),
    "bytes before the scan": lambda data: data.replace(b"\xff\xda", b"\0" * 3 + b"\xff\xda", 1),
    "an unknown JFIF": lambda data: data.replace(b"JFIF\0\1", b"JFIF\0\3", 1),
    "a scan of no frequencies": lambda data: data.replace(b"\x11\x03\x11\x00\x3f\x00", b"\x11\x03\x11\x00\x00\x00", 1),
    "an unknown Adobe transform": lambda data: data[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x09") + data[20:],
}


@pytest.mark.parametrize("name", HARMLESS)
def test_what_libjpeg_says_of_metadata_does_not_hide_that_pixels_are_missing(name: str) -> None:
    data = HARMLESS[name](jpeg())
    with pytest.raises(ValueError, match=r"extraneous|JFIF|Adobe|SOS parameters"):
        simplejpeg.decode_jpeg(data, strict=True)
    assert process_image(data).width_px == image().width
    for cut in (data[: len(data) * 2 // 3], data[: len(data) * 2 // 3] + b"\xff\xd9"):
        with pytest.raises(Rejected, match=r"truncated: JPEG: .*remature end"):
            process_image(cut)


def test_a_jpeg_of_nothing_but_its_picture_has_no_metadata() -> None:
    data = encoded(image(), "JPEG", quality=90, comment=b"text", exif=Image.Exif())
    bare = only_picture(data[:2] + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01") + data[2:])
    assert {found.marker for found in jpeg_segments(bare)} == {0xDB, 0xC0, 0xC4, START_OF_SCAN, 0xD9}
    assert np.array_equal(simplejpeg.decode_jpeg(bare, strict=True), simplejpeg.decode_jpeg(data, strict=True))


def test_a_png_that_says_in_a_text_which_way_up_it_is_is_turned() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    notes = PngInfo()
    notes.add_text("Raw profile type exif", f"\nexif\n{len(exif.tobytes()):8d}\n{exif.tobytes().hex()}\n")
    record = process_image(png(pnginfo=notes))
    assert (record.width_px, record.height_px) == (HEIGHT, WIDTH)


@pytest.mark.parametrize("is_progressive", [False, True])
def test_scans_in_metadata_and_behind_the_picture_are_not_counted(is_progressive: bool) -> None:
    plain = jpeg(progressive=is_progressive)
    likeness = segment(0xED, b"\xff\xda" * 20_000)
    data = plain[:2] + likeness + plain[2:] + b"\xff\xda" * 200
    assert read_header(data, open_image(data)).num_scans == plain.count(b"\xff\xda") == (10 if is_progressive else 1)
    assert process_image(data, ImageOptions(max_scans=16)).pixels_sha256 == process_image(plain).pixels_sha256


def test_segments_lie_side_by_side_and_end_with_the_picture() -> None:
    data = jpeg(progressive=True)
    found = list(jpeg_segments(data + b"more"))
    assert (found[-1].marker, found[-1].end) == (END_OF_IMAGE, len(data))
    assert found[0].start == 2
    assert all(one.end <= other.start for one, other in pairwise(found))


@pytest.mark.parametrize("data", [b"", b"\xff\xd8", b"\xff\xd8\xff", b"\xff\xd8\xff\xe0", b"\xff\xd8\xff\xe0\0\0\xff\xd9"])
def test_what_ends_early_has_the_segments_that_it_has(data: bytes) -> None:
    assert len(list(jpeg_segments(data))) <= 2
    assert bare_jpeg(data)[:2] == data[:2]


def test_only_a_jpeg_with_next_to_nothing_but_its_picture_is_plain() -> None:
    data = jpeg(progressive=True)
    second = [found.start for found in jpeg_segments(data) if found.marker == START_OF_SCAN][1]
    note = segment(0xFE, b"x" * 5_000)
    assert is_plain_jpeg(data, 4096)
    assert not is_plain_jpeg(data[:2] + note + data[2:], 4096)
    assert not is_plain_jpeg(data[:second] + note + data[second:], 4096)
    assert is_plain_jpeg(data[:second] + note + data[second:], 6000)
    assert not is_plain_jpeg(data + b"\0", 4096)
    assert not is_plain_jpeg(data[:2] + b"x" + data[2:], 4096)
    assert not is_plain_jpeg(data[:-2], 4096)


def test_a_bare_png_is_the_same_picture() -> None:
    notes = PngInfo()
    notes.add_text("a", "b")
    data = png(pnginfo=notes)
    bare = bare_png(data, ())
    assert b"tEXt" in data
    assert b"tEXt" not in bare
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(bare))), np.asarray(Image.open(io.BytesIO(data))))
