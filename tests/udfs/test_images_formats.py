"""Any format and mode decodes to the same upright sRGB pixels on white."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageCms

from schemas.rejects import Reason, Rejected
from tests.udfs.image_samples import (
    Pixels,
    as_rgb,
    colours,
    encoded,
    greys,
    half_transparent,
    image,
    lab_image,
    on_white,
    png_with_16_bits,
    srgb_profile,
    stretched,
    swapped_profile,
    tiff_with_16_bits,
    with_alpha,
)
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image

Sample = tuple[bytes, Pixels, float]

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def pixels_of(data: bytes) -> Pixels:
    return decode(data, plan(data, ImageOptions()).image).pixels


def test_of_a_jpeg_with_further_pictures_the_first_counts() -> None:
    """As MPO, which cameras write: `Image.open` gives it a format and a decoder of its own."""
    data = encoded(image(), "MPO", save_all=True, append_images=[image().rotate(90)], quality=95)
    assert Image.open(io.BytesIO(data)).format == "MPO"
    assert process_image(data).format == "JPEG"
    assert_pixels(data, pixels_of(encoded(image(), "JPEG", quality=95)))
    with pytest.raises(Rejected) as caught:
        process_image(data[: len(data) // 4])
    assert caught.value.reason is Reason.TRUNCATED


def assert_pixels(data: bytes, expected: Pixels, mean_error: float = 0.0) -> None:
    pixels = pixels_of(data)
    assert pixels.shape == expected.shape
    assert np.abs(pixels.astype(int) - expected).mean() <= mean_error


@pytest.mark.parametrize(
    ("file_format", "options", "mean_error"),
    [
        ("PNG", {}, 0.0),
        ("BMP", {}, 0.0),
        ("WEBP", {"lossless": True}, 0.0),
        ("GIF", {}, 4.0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 1.0),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 1.0),
        ("TIFF", {}, 0.0),
        ("TIFF", {"compression": "tiff_lzw"}, 0.0),
        ("TIFF", {"compression": "tiff_adobe_deflate"}, 0.0),
        ("TIFF", {"compression": "packbits"}, 0.0),
        ("TIFF", {"compression": "jpeg", "quality": 95}, 1.0),
    ],
)
def test_colours_come_out_of_every_format(file_format: str, options: dict[str, object], mean_error: float) -> None:
    data = encoded(image(), file_format, **options)
    assert_pixels(data, colours(), mean_error)
    assert process_image(data).format == file_format


@pytest.mark.parametrize(
    ("file_format", "options"), [("PNG", {}), ("BMP", {}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_grey_images_keep_their_values(file_format: str, options: dict[str, object]) -> None:
    assert_pixels(encoded(Image.fromarray(greys()), file_format, **options), as_rgb(greys()))


def test_a_grey_jpeg_keeps_its_mode_and_values() -> None:
    data = encoded(Image.fromarray(greys()), "JPEG", quality=95)
    assert_pixels(data, as_rgb(greys()), 0.5)
    assert process_image(data).mode == "L"


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("TIFF", {"compression": "group4"})])
def test_one_bit_is_black_and_white(file_format: str, options: dict[str, object]) -> None:
    black_and_white = image().convert("1")
    assert_pixels(encoded(black_and_white, file_format, **options), as_rgb(np.asarray(black_and_white.convert("L"))))


@pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
def test_sixteen_bits_are_stretched_from_their_real_range(file_format: str) -> None:
    values = (1000 + greys().astype(np.uint16) * 9).astype(np.uint16)
    assert_pixels(encoded(Image.fromarray(values), file_format), stretched(greys()))


def test_thirty_two_bits_and_floats_are_stretched_from_their_real_range() -> None:
    assert_pixels(encoded(Image.fromarray(greys().astype(np.int32) * 1000 - 5000), "TIFF"), stretched(greys()))
    assert_pixels(encoded(Image.fromarray(greys().astype(np.float32) / 7 - 3), "TIFF"), stretched(greys()), 0.01)


def test_floats_that_are_no_numbers_do_not_spoil_the_range() -> None:
    values = greys().astype(np.float32) / 7 - 3
    values[0, 0], values[0, 1] = np.nan, np.inf
    pixels = pixels_of(encoded(Image.fromarray(values), "TIFF"))
    assert tuple(pixels[0, :2, 0]) == (0, 255)
    assert np.abs(pixels[1:].astype(int) - stretched(greys())[1:]).max() <= 2


def test_sixteen_bits_where_zero_is_white_are_not_a_negative() -> None:
    values = greys().astype(np.uint16) * 200
    assert_pixels(encoded(Image.fromarray(values), "TIFF", tiffinfo={262: 0}), 255 - stretched(greys()), 0.5)


@pytest.mark.parametrize("write", [png_with_16_bits, tiff_with_16_bits])
@pytest.mark.parametrize("factor", [16, 257])
def test_colours_of_12_bits_in_16_are_not_black(write: Callable[..., bytes], factor: int) -> None:
    assert_pixels(write(colours().astype(np.uint16) * factor), colours())


@pytest.mark.parametrize(
    ("file_format", "options"), [("JPEG", {"quality": 95}), ("TIFF", {}), ("TIFF", {"compression": "tiff_lzw"})]
)
def test_cmyk_is_not_a_negative(file_format: str, options: dict[str, object]) -> None:
    data = encoded(image().convert("CMYK"), file_format, **options)
    assert_pixels(data, colours(), 1.0)
    assert process_image(data).mode == "CMYK"


def test_lab_and_ycbcr_are_converted() -> None:
    assert_pixels(encoded(lab_image(), "TIFF"), colours(), 2.0)
    assert_pixels(encoded(image().convert("YCbCr"), "TIFF"), colours(), 2.0)


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "GIF"])
def test_palettes_are_looked_up(file_format: str) -> None:
    palette = image().quantize(64)
    assert_pixels(encoded(palette, file_format), np.asarray(palette.convert("RGB")))


@pytest.mark.parametrize(("file_format", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True, "exact": True})])
def test_transparent_parts_stand_on_white(file_format: str, options: dict[str, object]) -> None:
    alpha = half_transparent()
    assert_pixels(encoded(with_alpha(alpha), file_format, **options), on_white(colours(), alpha), 0.01)


def test_grey_with_alpha_stands_on_white() -> None:
    picture = Image.fromarray(greys()).convert("LA")
    picture.putalpha(Image.fromarray(half_transparent()))
    assert_pixels(encoded(picture, "PNG"), on_white(as_rgb(greys()), half_transparent()), 0.01)


@pytest.mark.parametrize("file_format", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(file_format: str) -> None:
    palette = image().quantize(64)
    expected = np.asarray(palette.convert("RGB")).copy()
    expected[np.asarray(palette) == 5] = 255
    assert_pixels(encoded(palette, file_format, transparency=5), expected)


def test_a_transparent_colour_is_white() -> None:
    expected = colours()
    expected[(expected == (200, 30, 30)).all(axis=2)] = 255
    assert_pixels(encoded(image(), "PNG", transparency=(200, 30, 30)), expected)


def png_of_grey(levels: Pixels, depth: int, transparent: int) -> bytes:
    """A grey PNG of so many bits with one transparent value."""
    bits = np.unpackbits(levels[:, :, None], axis=2)[:, :, 8 - depth :].reshape(len(levels), -1)
    rows = b"".join(b"\0" + np.packbits(row).tobytes() for row in bits)
    header = struct.pack(">IIBBBBB", levels.shape[1], len(levels), depth, 0, 0, 0, 0)
    parts = ((b"IHDR", header), (b"tRNS", struct.pack(">H", transparent)), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize("depth", [2, 4])
def test_the_transparent_value_of_grey_with_few_bits_is_white(depth: int) -> None:
    levels = (greys() >> (8 - depth)).astype(np.uint8)
    shown = np.where(levels == 2, 255, levels * (255 // (2**depth - 1)))
    assert_pixels(png_of_grey(levels, depth, transparent=2), as_rgb(shown))


def test_an_orientation_that_stands_behind_the_pixels_of_a_png_counts() -> None:
    exif = Image.Exif()
    exif[274] = 6
    data = encoded(image().transpose(_TURNS[6]), "PNG", exif=exif)
    start = data.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(data[start : start + 4], "big")
    late = data[:start] + data[end:-12] + data[start:end] + data[-12:]
    assert late.index(b"eXIf") > late.index(b"IDAT")
    assert_pixels(late, colours())


@pytest.mark.parametrize("orientation", sorted(_TURNS))
@pytest.mark.parametrize(
    ("file_format", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
    ],
)
def test_the_camera_s_orientation_is_undone(file_format: str, options: dict[str, object], orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(image().transpose(_TURNS[orientation]), file_format, exif=exif, **options)
    assert_pixels(data, colours(), 1.0)
    assert (process_image(data).width_px, process_image(data).height_px) == image().size


@pytest.mark.parametrize("file_format", ["PNG", "TIFF", "JPEG"])
def test_an_icc_profile_is_applied(file_format: str) -> None:
    options = {"quality": 95, "subsampling": 0} if file_format == "JPEG" else {}
    profile = swapped_profile()
    source, srgb = ImageCms.getOpenProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
    by_littlecms = ImageCms.profileToProfile(image(), source, srgb)
    assert by_littlecms is not None
    assert np.abs(np.asarray(by_littlecms).astype(int) - colours()).mean() > 20
    assert_pixels(encoded(image(), file_format, icc_profile=profile, **options), np.asarray(by_littlecms), 1.5)


@pytest.mark.parametrize("profile", [srgb_profile(), b"no profile at all" * 20, b""])
def test_an_srgb_or_broken_profile_changes_nothing(profile: bytes) -> None:
    assert_pixels(encoded(image(), "PNG", icc_profile=profile), colours())


def test_only_the_first_frame_counts() -> None:
    other = image().transpose(Image.Transpose.ROTATE_180)
    for file_format in ("GIF", "TIFF", "WEBP"):
        options = {"lossless": True} if file_format == "WEBP" else {}
        data = encoded(image(), file_format, save_all=True, append_images=[other], **options)
        assert_pixels(data, colours(), 4.0 if file_format == "GIF" else 0.0)


def test_a_large_image_converted_in_strips_equals_one_converted_whole() -> None:
    large = with_alpha(half_transparent()).resize((2400, 1800), Image.Resampling.NEAREST)
    expected = on_white(np.asarray(large.convert("RGB")), np.asarray(large.getchannel("A")))
    assert_pixels(encoded(large, "PNG", compress_level=1), expected, 0.01)
