"""Files that their writers meant otherwise than a decoder at first reads them."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from schemas.rejects import Rejected
from tests.udfs.image_samples import Pixels, colours, greys, half_transparent
from tests.udfs.wide_samples import TiffLayout, tiff
from udfs.image_decode import decode
from udfs.image_options import ImageOptions
from udfs.image_record import plan
from udfs.images import process_image

_BLACK_IS_ZERO, _WHITE_IS_ZERO, _PALETTE = 1, 0, 3


def pixels_of(data: bytes) -> Pixels:
    return decode(data, plan(data, ImageOptions()).image).pixels


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("dtype", [np.int16, np.uint16, np.float32])
@pytest.mark.parametrize("photometric", [_BLACK_IS_ZERO, _WHITE_IS_ZERO])
def test_a_tiff_whose_zero_is_white_is_no_negative(order: str, compression: int, dtype: type, photometric: int) -> None:
    ramp = np.tile(np.linspace(0, 100, 64).astype(dtype), (48, 1))
    shown = pixels_of(tiff(ramp, TiffLayout(order, photometric, compression)))[:, :, 0]
    ends = (255, 0) if photometric == _WHITE_IS_ZERO else (0, 255)
    assert (shown[0, 0], shown[0, -1]) == ends
    assert abs(int(shown[0, 32]) - 128) <= 5


def palette_tiff(indexes: Pixels, colours_of: Pixels) -> bytes:
    """A TIFF with a map of these colours [256, 3], whose values are written as they are."""
    height, width = indexes.shape
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, _PALETTE), (273, 4, 8), (277, 3, 1)]
    tags += [(278, 4, height), (279, 4, indexes.size)]
    directory_at = 8 + indexes.size
    map_at = directory_at + 2 + 12 * (len(tags) + 1) + 4
    entries = b"".join(struct.pack("<HHI", tag, kind, 1) + struct.pack("<I", value) for tag, kind, value in tags)
    entries += struct.pack("<HHII", 320, 3, 768, map_at)
    directory = struct.pack("<H", len(tags) + 1) + entries + bytes(4)
    return struct.pack("<2sHI", b"II", 42, directory_at) + indexes.tobytes() + directory + colours_of.T.astype("<u2").tobytes()


@pytest.mark.parametrize("factor", [1, 257])
def test_a_colour_map_of_eight_bits_is_not_black(factor: int) -> None:
    rng = np.random.default_rng(5)
    chosen = rng.integers(0, 256, (256, 3))
    indexes = rng.integers(0, 256, (48, 64), dtype=np.uint8)
    assert np.array_equal(pixels_of(palette_tiff(indexes, chosen * factor)), chosen[indexes])


@pytest.mark.parametrize("corner", [(0, 0), (10, 6), (30, 20)])
def test_what_a_gifs_first_frame_leaves_of_its_screen_is_white(corner: tuple[int, int]) -> None:
    """As in browsers, which show the page there, whatever colour the file names as background."""
    stream = io.BytesIO()
    frame = Image.fromarray(greys()[:30, :40])
    frame.save(stream, "GIF")
    data = bytearray(stream.getvalue())
    data[6:10] = struct.pack("<HH", 70, 50)
    at = data.index(b"\x2c", 13 + 3 * 2 ** ((data[10] & 7) + 1))
    data[at + 1 : at + 5] = struct.pack("<HH", *corner)
    pixels = pixels_of(bytes(data))
    left, top = corner
    assert np.array_equal(pixels[top : top + 30, left : left + 40, 0], np.asarray(frame))
    outside = np.ones((50, 70), np.bool_)
    outside[top : top + 30, left : left + 40] = False
    assert set(pixels[outside].ravel()) == {255}


@pytest.mark.parametrize("is_unset", [True, False])
def test_a_bmp_with_no_alpha_anywhere_is_opaque(is_unset: bool) -> None:
    alpha = np.zeros_like(half_transparent()) if is_unset else half_transparent()
    height, width = alpha.shape
    stored = np.dstack([colours()[::-1, :, ::-1], alpha[::-1]])
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, stored.size, 0, 0, 0, 0) + masks + b"BGRs" + bytes(48)
    data = b"BM" + struct.pack("<IHHI", 14 + 108 + stored.size, 0, 0, 14 + 108) + header + stored.tobytes()
    share = np.ones((height, width, 1)) if is_unset else alpha[:, :, None] / 255
    assert np.abs(pixels_of(data) - (colours() * share + 255 * (1 - share))).max() <= 1


@pytest.mark.parametrize("compression", [1, 8])
def test_grey_and_alpha_in_planes_are_unsupported(compression: int) -> None:
    samples = np.dstack([greys(), half_transparent()])
    assert (
        refusal(tiff(samples, TiffLayout(photometric=1, compression=compression, planar=2, extra_samples=(2,)))) == "unsupported"
    )


def test_colours_with_an_unnamed_channel_in_planes_are_unsupported() -> None:
    samples = np.dstack([colours(), half_transparent()])
    assert refusal(tiff(samples, TiffLayout(planar=2, extra_samples=(0,)))) == "unsupported"


def test_mirrored_bytes_come_out_right_or_are_unsupported() -> None:
    assert np.abs(pixels_of(tiff(colours(), TiffLayout(fill_order=2))) - colours()).max() <= 1
    assert refusal(tiff(colours(), TiffLayout(planar=2, fill_order=2))) == "unsupported"


def refusal(data: bytes) -> str:
    with pytest.raises(Rejected) as refused:
        process_image(data)
    return str(refused.value.reason)
