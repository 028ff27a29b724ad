"""Samples of more than eight bits come out stretched from their real range, however they are stored."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image, ImageCms, TiffImagePlugin

from schemas.rejects import Reason, Rejected
from tests.udfs.colour_profiles import linear_grey_profile
from tests.udfs.image_samples import (
    HEIGHT,
    WIDTH,
    Pixels,
    as_rgb,
    colours,
    encoded,
    greys,
    half_transparent,
    image,
    on_white,
    stretched,
    swapped_profile,
)
from tests.udfs.wide_samples import Samples, TiffLayout, chunk, png_of_16_bits, tiff
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image

_TYPES = ["u4", "u8", "i2", "i4", "i8", "f4", "f8"]
_FACTOR, _OFFSET = 9, 1000
_DEFLATE, _LZMA = 8, 34925


def pixels_of(data: bytes) -> Pixels:
    return decode(data, plan(data, ImageOptions()).image).pixels


def assert_close(data: bytes, expected: Pixels, levels: int = 1) -> None:
    pixels = pixels_of(data)
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).max() <= levels


def range_of(values: Pixels) -> npt.NDArray[np.float64]:
    """The values as shares of their own range."""
    wide = values.astype(np.float64)
    return (wide - wide.min()) / (wide.max() - wide.min())


def spread(values: Pixels, sample_type: str) -> Samples:
    """Values over the middle 80 % of what a type holds (a float: of -3 to 5), so that a wrong sign or byte order shows."""
    if sample_type.startswith("f"):
        return (range_of(values) * 8 - 3).astype(sample_type)
    limits = np.iinfo(sample_type)
    low, high = float(limits.min) * 0.8 + float(limits.max) * 0.1, float(limits.max) * 0.9
    return (range_of(values) * (high - low) + low).astype(sample_type)


def reason_of(data: bytes) -> Reason | None:
    try:
        process_image(data)
    except Rejected as rejected:
        return rejected.reason
    return None


@pytest.mark.parametrize("compression", [1, _DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("sample_type", _TYPES)
def test_grey_samples_of_any_type_are_stretched(sample_type: str, order: str, compression: int) -> None:
    layout = TiffLayout(order, compression=compression)
    assert_close(tiff(spread(greys(), sample_type), layout), stretched(greys()))


@pytest.mark.parametrize("compression", [1, _DEFLATE])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("sample_type", _TYPES)
def test_colours_of_any_type_are_stretched(sample_type: str, order: str, compression: int) -> None:
    layout = TiffLayout(order, compression=compression)
    assert_close(tiff(spread(colours(), sample_type), layout), colours(), 2)


@pytest.mark.parametrize("compression", [1, _DEFLATE])
@pytest.mark.parametrize("factor", [16, 257])
def test_sixteen_bit_colours_of_a_big_endian_tiff_are_right(factor: int, compression: int) -> None:
    layout = TiffLayout(">", compression=compression)
    assert_close(tiff(colours().astype(np.uint16) * factor, layout), colours())


def test_wide_colours_become_a_record() -> None:
    record = process_image(tiff(spread(colours(), "f4"), TiffLayout(">")))
    assert (record.format, record.width_px, record.height_px) == ("TIFF", colours().shape[1], colours().shape[0])


def test_a_small_range_far_from_zero_keeps_its_steps() -> None:
    assert_close(tiff((greys().astype(np.uint32) + 3_000_000_000).astype(np.uint32)), stretched(greys()))
    assert_close(tiff((greys().astype(np.int32) - 2_000_000_000).astype(np.int32)), stretched(greys()))


@pytest.mark.parametrize("sample_type", ["u2", "u4", "f4"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_wide_samples_where_zero_is_white_are_not_a_negative(sample_type: str, order: str) -> None:
    data = tiff(spread(255 - greys(), sample_type), TiffLayout(order, photometric=0))
    assert_close(data, stretched(greys()))


@pytest.mark.parametrize("sample_type", ["u4", "f4"])
def test_wide_colours_with_alpha_stand_on_white(sample_type: str) -> None:
    whole = 1.0 if sample_type == "f4" else np.iinfo(sample_type).max
    alpha = (half_transparent() / 255 * whole).astype(sample_type)
    samples = np.concatenate([spread(colours(), sample_type), alpha[:, :, None]], axis=2)
    shown = colours().astype(float)[half_transparent() > 0]
    scaled = np.clip((colours() - shown.min()) / (shown.max() - shown.min()) * 255, 0, 255).astype(np.uint8)
    assert_close(tiff(samples, TiffLayout(extra_samples=(2,))), on_white(scaled, half_transparent()), 2)


@pytest.mark.parametrize("orientation", range(2, 9))
@pytest.mark.parametrize("sample_type", ["u2", "u4"])
def test_turned_wide_colours_are_stretched_and_upright(sample_type: str, orientation: int) -> None:
    dark = colours().astype(sample_type) * 16
    assert_close(tiff(_as_stored(dark, orientation), TiffLayout(orientation=orientation)), colours())


def _as_stored(upright: Samples, orientation: int) -> Samples:
    """Rows and columns in the order that the tag Orientation of TIFF 6.0 says (5 to 8: columns come as rows)."""
    flipped = {1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1]}
    if orientation in flipped:
        return flipped[orientation]
    swapped = upright.swapaxes(0, 1)
    return {5: swapped, 6: swapped[::-1], 7: swapped[::-1, ::-1], 8: swapped[:, ::-1]}[orientation]


def test_sixteen_bit_grey_with_alpha_is_stretched_on_white() -> None:
    alpha = half_transparent()
    values = greys().astype(np.uint16) * _FACTOR + _OFFSET
    shown = values[alpha > 0].astype(float)
    scaled = np.clip((values - shown.min()) / (shown.max() - shown.min()) * 255, 0, 255).astype(np.uint8)
    data = png_of_16_bits(np.stack([values, alpha.astype(np.uint16) * 257], axis=-1))
    assert_close(data, on_white(as_rgb(scaled), alpha))


@pytest.mark.parametrize("factor", [16, 257])
def test_sixteen_bit_colours_of_a_png_keep_their_range_or_are_stretched(factor: int) -> None:
    assert_close(png_of_16_bits(colours().astype(np.uint16) * factor), colours())


@pytest.mark.parametrize("factor", [16, 257])
def test_sixteen_bit_colours_with_alpha_stand_on_white(factor: int) -> None:
    alpha = half_transparent()
    samples = np.concatenate([colours().astype(np.uint16) * factor, alpha[:, :, None].astype(np.uint16) * 257], axis=2)
    assert_close(png_of_16_bits(samples), on_white(colours(), alpha), 1 if factor == 257 else 8)


@pytest.mark.parametrize("factor", [16, 255])
def test_a_transparent_colour_of_16_bits_is_white(factor: int) -> None:
    hidden = (200, 30, 30)
    expected = colours()
    expected[(expected == hidden).all(axis=2)] = 255
    data = png_of_16_bits(colours().astype(np.uint16) * factor, tuple(value * factor for value in hidden))
    assert_close(data, expected, 1 if factor == 16 else 2)


@pytest.mark.parametrize("factor", [16, 257])
def test_a_sixteen_bit_png_is_the_picture_and_not_the_animation_beside_it(factor: int) -> None:
    data = png_of_16_bits(np.dstack([colours().astype(np.uint16) * factor, np.full(greys().shape, 65535, np.uint16)]))
    other = png_of_16_bits(np.dstack([colours()[::-1].astype(np.uint16) * factor, np.full(greys().shape, 65535, np.uint16)]))
    size = struct.pack(">II", WIDTH, HEIGHT)
    frames = b""
    for number in (0, 2):
        frames += chunk(b"fcTL", struct.pack(">I", number) + size + struct.pack(">IIHHBB", 0, 0, 1, 10, 0, 0))
        frames += chunk(b"fdAT", struct.pack(">I", number + 1) + other[other.index(b"IDAT") + 4 : other.index(b"IEND") - 8])
    animated = data.replace(chunk(b"IEND", b""), frames + chunk(b"IEND", b""))
    head = data.index(b"IDAT") - 4
    animated = animated[:head] + chunk(b"acTL", struct.pack(">II", 2, 0)) + animated[head:]
    assert_close(animated, colours())


def test_a_transparent_grey_of_16_bits_is_white_and_no_part_of_the_range() -> None:
    values = greys().astype(np.uint16) * _FACTOR + _OFFSET
    expected = stretched(greys())
    values[:10], expected[:10] = 65535, 255
    shown = greys()[10:].astype(float)
    expected[10:] = as_rgb(np.floor((shown - shown.min()) / (shown.max() - shown.min()) * 255 + 0.5))
    assert_close(png_of_16_bits(values, (65535,)), expected)


def test_sixteen_bit_colours_of_a_tiff_are_not_taken_for_the_grey_of_a_png() -> None:
    """Whatever its bytes hold where a PNG says what its samples are."""
    alpha = np.full(greys().shape, 65535, dtype=np.uint16)
    alpha[:, 100:] = 0
    samples = np.concatenate([(60 + colours().astype(np.uint16) // 2) * 257, alpha[:, :, None]], axis=2)
    samples[0, 2, 0] = 0x0410
    data = tiff(samples, TiffLayout(extra_samples=(2,)))
    assert data[24:26] == b"\x10\x04"
    assert_close(data, on_white((samples[:, :, :3] >> 8).astype(np.uint8), (alpha >> 8).astype(np.uint8)))


def as_shown(pixels: Pixels, profile: bytes) -> Pixels:
    """By Pillow's colour management, of pixels of 8 bits."""
    source = Image.fromarray(pixels)
    srgb = ImageCms.createProfile("sRGB")
    shown = ImageCms.profileToProfile(source, ImageCms.ImageCmsProfile(io.BytesIO(profile)), srgb, outputMode="RGB")
    assert shown is not None
    assert np.abs(np.asarray(shown).astype(int) - np.asarray(source.convert("RGB"))).mean() > 10
    return np.asarray(shown)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("sample_type", ["u2", "u4", "i4", "f4"])
def test_the_profile_of_wide_grey_is_applied_to_what_was_stretched(sample_type: str, order: str) -> None:
    data = tiff(spread(greys(), sample_type), TiffLayout(order, profile=linear_grey_profile()))
    expected = as_shown(stretched(greys())[:, :, 0], linear_grey_profile())
    assert np.abs(pixels_of(data).astype(int) - expected).mean() <= 0.5


def test_the_profile_of_a_sixteen_bit_grey_png_is_applied_and_its_transparent_value_stays_white() -> None:
    values = greys().astype(np.uint16) * _FACTOR + _OFFSET
    expected = as_shown(stretched(greys())[:, :, 0], linear_grey_profile()).copy()
    assert_close(png_of_16_bits(values, profile=linear_grey_profile()), expected)
    hidden = int(values[60, 80])
    expected[values == hidden] = 255
    assert_close(png_of_16_bits(values, (hidden,), profile=linear_grey_profile()), expected)


def test_the_profile_of_a_sixteen_bit_grey_png_with_alpha_is_applied_before_the_white() -> None:
    alpha = np.full(greys().shape, 255, dtype=np.uint8)
    alpha[:, 100:] = 128
    samples = np.stack([greys().astype(np.uint16) * 257, alpha.astype(np.uint16) * 257], axis=-1)
    expected = on_white(as_shown(stretched(greys())[:, :, 0], linear_grey_profile()), alpha)
    assert_close(png_of_16_bits(samples, profile=linear_grey_profile()), expected, 2)


@pytest.mark.parametrize(
    "data",
    [
        tiff(spread(colours(), "f4"), TiffLayout(profile=swapped_profile())),
        tiff(spread(colours(), "u4"), TiffLayout(">", profile=swapped_profile())),
        tiff(colours().astype(np.uint16) * 16, TiffLayout(profile=swapped_profile())),
        png_of_16_bits(colours().astype(np.uint16) * 16, profile=swapped_profile()),
        png_of_16_bits(colours().astype(np.uint16) * 257, profile=swapped_profile()),
    ],
    ids=["floats", "32 bits", "dark tiff", "dark png", "16 bits"],
)
def test_the_profile_of_wide_colours_is_applied(data: bytes) -> None:
    expected = as_shown(colours(), swapped_profile())
    assert np.abs(pixels_of(data).astype(int) - expected).mean() <= 1.0


@pytest.mark.parametrize("profile", [b"broken", swapped_profile()])
def test_a_profile_that_is_not_for_wide_grey_is_ignored(profile: bytes) -> None:
    assert_close(tiff(spread(greys(), "f4"), TiffLayout(">", profile=profile)), stretched(greys()))


def test_pillow_reads_for_others_what_it_did_before() -> None:
    """Floats, and 32 bits, which it takes for signed ones; a big-endian 16 bits whose zero is white it does not know."""
    known, layout = dict(TiffImagePlugin.OPEN_INFO), TiffLayout()
    for sample_type in ("f4", "i4"):
        data = tiff(spread(greys(), sample_type), layout)
        assert_close(data, stretched(greys()))
        with Image.open(io.BytesIO(data)) as opened:
            assert np.array_equal(np.asarray(opened), spread(greys(), sample_type))
    unknown = tiff(spread(greys(), "u2"), TiffLayout(">", photometric=0))
    pixels_of(unknown)
    with pytest.raises(OSError, match="cannot identify"), Image.open(io.BytesIO(unknown)):
        pass
    assert known == TiffImagePlugin.OPEN_INFO


@pytest.mark.parametrize(
    ("samples", "layout"),
    [
        (greys().astype(np.float16), TiffLayout()),
        (np.repeat(greys()[:, :, None], 5, axis=2), TiffLayout(photometric=1, extra_samples=(0, 0, 0, 0))),
        (np.repeat(greys()[:, :, None], 2, axis=2).astype(np.uint32), TiffLayout(extra_samples=(2,))),
        (colours().astype(np.float32), TiffLayout(planar=2)),
        (colours().astype(np.float32), TiffLayout(planar=2, compression=_DEFLATE)),
        (colours().astype(np.uint16) * 257, TiffLayout(planar=2)),
        (greys().astype(np.int8), TiffLayout()),
        (greys().astype(np.int8), TiffLayout(compression=_DEFLATE)),
        (colours().astype(np.int8), TiffLayout()),
        (greys(), TiffLayout(compression=34712)),  # JPEG 2000
        (greys(), TiffLayout(photometric=32803)),  # a camera's colour filter array
    ],
)
def test_a_tiff_of_a_kind_that_nothing_here_reads_is_unsupported(samples: Samples, layout: TiffLayout) -> None:
    assert reason_of(tiff(samples, layout)) is Reason.UNSUPPORTED


@pytest.mark.parametrize(
    ("channels", "layout"),
    [
        (colours(), TiffLayout(compression=_LZMA)),
        (colours(), TiffLayout(planar=2, compression=_DEFLATE)),  # of which OpenCV leaves out parts
        (np.dstack([colours(), np.full_like(greys(), 255)]), TiffLayout(planar=2, compression=_DEFLATE, extra_samples=(2,))),
        (np.dstack([colours(), np.full_like(greys(), 255)]), TiffLayout(extra_samples=(1,))),  # multiplied with alpha
        (np.dstack([colours(), greys()]), TiffLayout(photometric=5)),  # CMYK
    ],
)
def test_sixteen_bits_that_nothing_stretches_are_unsupported_where_they_are_dark(channels: Samples, layout: TiffLayout) -> None:
    assert reason_of(tiff(channels.astype(np.uint16) * 257, layout)) is None
    dark = channels.astype(np.uint16) * 16
    if layout.extra_samples:
        dark[:, :, 3] = 65535
    assert reason_of(tiff(dark, layout)) is Reason.UNSUPPORTED


def test_uncompressed_ycbcr_with_subsampled_colours_is_unsupported() -> None:
    assert reason_of(tiff(colours(), TiffLayout(photometric=6))) is Reason.UNSUPPORTED


@pytest.mark.parametrize("samples", [greys(), colours(), greys().astype(np.uint32)])
def test_a_tiff_with_missing_strips_is_truncated(samples: Samples) -> None:
    height = len(samples)
    whole, third = (struct.pack("<HHII", 278, 4, 1, rows) for rows in (height, height // 3))
    assert reason_of(tiff(samples)) is None
    assert reason_of(tiff(samples).replace(whole, third)) is Reason.TRUNCATED


def test_kinds_of_jpeg_and_bmp_that_nothing_here_reads_are_unsupported() -> None:
    jpeg, bmp = bytearray(encoded(image(), "JPEG")), bytearray(encoded(image(), "BMP"))
    jpeg[jpeg.index(b"\xff\xc0") + 4] = 12  # bits a sample
    bmp[30] = 4  # the compression: a JPEG inside
    assert (reason_of(bytes(jpeg)), reason_of(bytes(bmp))) == (Reason.UNSUPPORTED, Reason.UNSUPPORTED)


@pytest.mark.parametrize("sample_type", ["u4", "f4"])
@pytest.mark.parametrize("compression", [1, _DEFLATE])
def test_wide_samples_that_end_early_are_truncated(sample_type: str, compression: int) -> None:
    data = tiff(spread(colours(), sample_type), TiffLayout(compression=compression))
    directory_at = int.from_bytes(data[4:8], "little")
    hole = directory_at // 2
    if compression == 1:  # the strip is said to lie where the file has no more bytes
        data = data.replace((8).to_bytes(4, "little"), (len(data) - 100).to_bytes(4, "little"))
    else:
        data = data[:hole] + b"\0" * (directory_at - hole) + data[directory_at:]
    assert reason_of(data) is Reason.TRUNCATED


def test_the_order_of_bytes_changes_no_pixel() -> None:
    layout = TiffLayout(compression=_DEFLATE)
    for sample_type in _TYPES:
        samples = spread(colours(), sample_type)
        assert np.array_equal(pixels_of(tiff(samples, layout)), pixels_of(tiff(samples, replace(layout, order=">"))))
