"""What the header says of a file."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.udfs.image_samples import encoded, image
from udfs.image_header import open_image, read_header

JPEG = encoded(image(), "JPEG")


@given(st.lists(st.sampled_from([b"\xff", b"\xda", b"\x00"]), max_size=40).map(b"".join))
def test_every_start_of_a_scan_is_counted_wherever_it_lies(end: bytes) -> None:
    data = JPEG + end
    assert read_header(data, open_image(data)).num_scans == data.count(b"\xff\xda")


def test_only_a_jpeg_has_scans() -> None:
    data = encoded(image(), "BMP") + b"\xff\xda" * 7
    assert read_header(data, open_image(data)).num_scans == 1
