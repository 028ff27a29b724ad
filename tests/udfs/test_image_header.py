"""What the header says of a file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.rejects import Reason, Rejected
from tests.udfs.image_samples import encoded, image
from tests.udfs.wide_samples import TiffLayout, tiff
from udfs.image_header import image_format, open_image, read_header
from udfs.images import process_image

JPEG = encoded(image(), "JPEG")


@given(st.lists(st.sampled_from([b"\xff", b"\xda", b"\x00"]), max_size=40).map(b"".join))
def test_every_start_of_a_scan_is_counted_wherever_it_lies(end: bytes) -> None:
    data = JPEG + end
    assert read_header(data, open_image(data)).num_scans == data.count(b"\xff\xda")


def test_only_a_jpeg_has_scans() -> None:
    data = encoded(image(), "BMP") + b"\xff\xda" * 7
    assert read_header(data, open_image(data)).num_scans == 1


@pytest.mark.parametrize(
    ("data", "reason", "told"),
    [
        (b"", Reason.NOT_AN_IMAGE, "no image signature; the file is empty"),
        (b"<html><body>gone", Reason.NOT_AN_IMAGE, 'no image signature; it begins with "<html><body>"'),
        (b"\x00\x01\x02", Reason.NOT_AN_IMAGE, "no image signature; it begins with the bytes 00 01 02"),
        (b"line\nbreak", Reason.NOT_AN_IMAGE, "it begins with the bytes 6c 69"),
        (b"P6\n2 2\n255\n", Reason.UNSUPPORTED, "portable anymap is not"),
        (b"P1 2 2 ", Reason.UNSUPPORTED, "portable anymap is not"),
        (b"P1 Figure legend", Reason.NOT_AN_IMAGE, 'it begins with "P1 Figure le"'),
        (b"P7 2 2 ", Reason.NOT_AN_IMAGE, 'it begins with "P7 2 2 "'),
        (b"\xff\xd8\xff\xf7\x00\x0b", Reason.UNSUPPORTED, "JPEG-LS is not"),
    ],
)
def test_what_is_no_picture_says_how_it_begins(data: bytes, reason: Reason, told: str) -> None:
    with pytest.raises(Rejected) as caught:
        image_format(data)
    assert (caught.value.reason, told in caught.value.detail) == (reason, True)


def refusal(data: bytes) -> str:
    try:
        process_image(data)
    except Rejected as rejected:
        return rejected.detail
    return ""


@pytest.mark.parametrize("kind", ["PNG", "GIF", "TIFF", "WEBP", "BMP", "JPEG"])
def test_why_a_file_that_ends_early_is_refused_is_said_of_the_file(kind: str) -> None:
    data = encoded(image(), kind)
    details = {refusal(data[:length]) for length in range(4, len(data), max(1, len(data) // 60))} - {""}
    assert details
    words = ("unpack", "buffer", "index", "NoneType", "argument", "attribute")
    assert [detail for detail in details if any(word in detail for word in words)] == []


def test_a_text_that_begins_as_a_bitmap_does_ends_too_early() -> None:
    assert refusal(b"BMI of the patients, by group").endswith("cannot be read: it ends too early")


def test_a_tiff_of_more_planes_than_are_known_is_said_to_have_them() -> None:
    planes = np.random.default_rng(0).integers(0, 256, (40, 40, 7), dtype=np.uint8)
    with pytest.raises(Rejected, match="it has more planes than are known") as caught:
        process_image(tiff(planes, TiffLayout(photometric=5, planar=2, extra_samples=(0, 0, 0))))
    assert caught.value.reason is Reason.UNSUPPORTED
