"""Inks and profiles: CMYK comes out the right way round, and grey, CMYK and RGB profiles are applied."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageChops

from schemas.rejects import Reason, Rejected
from tests.udfs.colour_profiles import cmyk_profile, linear_grey_profile, srgb_of_linear
from tests.udfs.image_samples import Pixels, as_rgb, encoded, greys, half_transparent, image, on_white, srgb_profile
from udfs import image_colour, image_decode, images
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image

_HEIGHT, _WIDTH = 64, 96


def pixels_of(data: bytes) -> Pixels:
    return decode(data, plan(data, ImageOptions()).image).pixels


def without_adobe_marker(jpeg: bytes) -> bytes:
    """A JPEG without its segment APP14, in which Adobe says how its inks are stored."""
    start = jpeg.index(b"\xff\xee")
    return jpeg[:start] + jpeg[start + 2 + int.from_bytes(jpeg[start + 2 : start + 4], "big") :]


def inks() -> Image.Image:
    """A quarter each of paper, full cyan, full black and full magenta."""
    values = np.zeros((_HEIGHT, _WIDTH, 4), dtype=np.uint8)
    values[:32, 48:, 0], values[32:, :48, 3], values[32:, 48:, 1] = 255, 255, 255
    return Image.fromarray(values, "CMYK")


def corners(pixels: Pixels) -> list[tuple[int, ...]]:
    """The middle of each quarter: above left and right, below left and right."""
    return [tuple(map(int, pixels[row, column])) for row in (16, 48) for column in (24, 72)]


def assert_inks(data: bytes) -> None:
    """Paper is white, cyan ink takes the red, black ink everything and magenta the green (with no profile)."""
    expected = [(255, 255, 255), (0, 255, 255), (0, 0, 0), (255, 0, 255)]
    assert np.abs(np.array(corners(pixels_of(data))) - expected).max() <= 4


def test_inks_as_adobe_stores_them_come_out_the_right_way_round() -> None:
    data = encoded(inks(), "JPEG", quality=98)
    assert b"Adobe" in data
    assert_inks(data)


def test_inks_of_a_jpeg_that_adobe_did_not_mark_come_out_the_right_way_round() -> None:
    """Without the marker 255 is full ink (ITU-T T.872), where Adobe's 255 is none."""
    data = without_adobe_marker(encoded(ImageChops.invert(inks()), "JPEG", quality=98))
    assert b"Adobe" not in data
    assert_inks(data)
    assert process_image(data).mode == "CMYK"


@pytest.mark.parametrize("num_bytes", [5, 7, 11])
def test_a_marker_too_short_to_say_how_inks_are_stored_is_none(num_bytes: int) -> None:
    data = without_adobe_marker(encoded(ImageChops.invert(inks()), "JPEG", quality=98))
    marker = b"Adobe\0\x64\0\0\0\0"[:num_bytes]
    assert_inks(data[:2] + b"\xff\xee" + (num_bytes + 2).to_bytes(2, "big") + marker + data[2:])


@pytest.mark.parametrize("subsampling", [0, 2])  # Of the second kind the fast decoder knows nothing, and leaves it to Pillow.
@pytest.mark.parametrize("profile", [b"", cmyk_profile()])
@pytest.mark.parametrize("is_marked", [True, False])
@pytest.mark.parametrize("least_side", [0, 300])
def test_both_decoders_give_the_same_inks(
    subsampling: int, profile: bytes, is_marked: bool, least_side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = image().resize((1203, 901)).convert("CMYK")
    data = encoded(picture, "JPEG", quality=90, subsampling=subsampling, icc_profile=profile)
    data = data if is_marked else without_adobe_marker(data)
    fast = decode(data, Image.open(io.BytesIO(data)), least_side)
    monkeypatch.setattr(image_decode, "decode_jpeg", lambda *_: None)
    slow = decode(data, Image.open(io.BytesIO(data)), least_side)
    assert fast.sha256 == slow.sha256
    assert fast.pixels.shape == ((901, 1203, 3) if least_side == 0 else (226, 301, 3))


@pytest.mark.parametrize(
    ("file_format", "options"), [("JPEG", {"quality": 98}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_a_cmyk_profile_is_applied(file_format: str, options: dict[str, object]) -> None:
    """Of this profile cyan ink is red and magenta ink invisible; without it they would be cyan and magenta."""
    found = np.array(corners(pixels_of(encoded(inks(), file_format, icc_profile=cmyk_profile(), **options))))
    assert found[[0, 3]].min() >= 250
    assert found[1, 0] >= 230 > 60 >= found[1, 1:].max()
    assert found[2].max() <= 8


def test_a_cmyk_profile_of_a_jpeg_that_adobe_did_not_mark_is_applied() -> None:
    data = without_adobe_marker(encoded(ImageChops.invert(inks()), "JPEG", quality=98, icc_profile=cmyk_profile()))
    marked = encoded(inks(), "JPEG", quality=98, icc_profile=cmyk_profile())
    assert np.abs(pixels_of(data).astype(int) - pixels_of(marked)).max() <= 4


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("TIFF", {}), ("JPEG", {"quality": 98})])
def test_a_grey_profile_is_applied(file_format: str, options: dict[str, object]) -> None:
    data = encoded(Image.fromarray(greys()), file_format, icc_profile=linear_grey_profile(), **options)
    expected = as_rgb(np.round(srgb_of_linear(greys() / 255)))
    assert np.abs(expected.astype(int) - as_rgb(greys())).mean() > 20
    assert np.abs(pixels_of(data).astype(int) - expected).mean() <= 1.5


def test_a_grey_profile_is_applied_where_there_is_alpha_too() -> None:
    picture = Image.fromarray(greys()).convert("LA")
    picture.putalpha(Image.fromarray(half_transparent()))
    data = encoded(picture, "PNG", icc_profile=linear_grey_profile())
    expected = on_white(as_rgb(np.round(srgb_of_linear(greys() / 255))), half_transparent())
    assert np.abs(pixels_of(data).astype(int) - expected).mean() <= 1.5


def test_a_grey_profile_is_applied_where_one_value_is_transparent_too() -> None:
    data = encoded(Image.fromarray(greys()), "PNG", icc_profile=linear_grey_profile(), transparency=100)
    expected = as_rgb(np.round(srgb_of_linear(greys() / 255)))
    expected[greys() == 100] = 255
    assert np.abs(pixels_of(data).astype(int) - expected).mean() <= 1.5


def test_a_grey_jpeg_with_a_profile_is_not_kept_as_it_is() -> None:
    data = encoded(Image.fromarray(greys()), "JPEG", quality=98, icc_profile=linear_grey_profile())
    record = process_image(data)
    assert record.image != data
    assert "icc_profile" not in Image.open(io.BytesIO(record.image)).info


@pytest.mark.parametrize("profile", [cmyk_profile(), linear_grey_profile()])
def test_a_profile_for_other_pixels_is_ignored(profile: bytes) -> None:
    assert np.array_equal(pixels_of(encoded(image(), "PNG", icc_profile=profile)), np.asarray(image()))


def test_a_profile_of_processing_elements_is_applied_where_it_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise Rejected(Reason.TIMEOUT, "")

    monkeypatch.setattr(images._ISOLATED, "call", stopped)
    profile = bytearray(srgb_profile())
    assert process_image(encoded(image(), "PNG", icc_profile=bytes(profile))).width_px
    profile[132:136] = b"D2B0"  # the first tag of its table
    for file_format in ("PNG", "JPEG"):
        with pytest.raises(Rejected) as refused:
            process_image(encoded(image(), file_format, icc_profile=bytes(profile)))
        assert refused.value.reason is Reason.TIMEOUT


def test_large_profiles_are_not_kept_from_image_to_image() -> None:
    before = image_colour._kept_transform.cache_info().currsize
    for filler in (b"a", b"b"):
        small = Image.open(io.BytesIO(encoded(image(), "TIFF", icc_profile=srgb_profile() + filler * 2**20)))
        image_colour.is_srgb(small)
    assert image_colour._kept_transform.cache_info().currsize == before
