"""The normalised form of an image: bounded size, JPEG or WebP."""

from __future__ import annotations

import io
from dataclasses import dataclass

import simplejpeg
from PIL import Image

from udfs.image_colour import Pixels
from udfs.image_header import is_plain_jpeg, opens_as_it_is
from udfs.image_options import ImageOptions
from udfs.image_resize import shrink

_MAX_KEPT_METADATA_BYTES = 4096
_MOST_SIDE_PX = {"JPEG": 65_500, "WEBP": 16_383}  # that libjpeg and libwebp encode


@dataclass(frozen=True)
class Encoded:
    """Encoded bytes with their format and size in pixels."""

    data: bytes
    format: str
    width_px: int
    height_px: int


def encode(pixels: Pixels, options: ImageOptions) -> Encoded:
    """sRGB pixels [height, width, 3], shrunk and encoded as the options say; equal pixels give equal bytes.

    A side longer than the encoder takes is shrunk to what it takes, whatever the options say.
    """
    most = _MOST_SIDE_PX[options.format]
    small = shrink(pixels, min(options.max_side_px or most, most))
    height, width = small.shape[:2]
    if options.format == "WEBP":
        out = io.BytesIO()
        Image.fromarray(small).save(out, "WEBP", quality=options.quality, method=4)
        return Encoded(out.getvalue(), "WEBP", width, height)
    chroma = options.chroma.replace(":", "")
    data = simplejpeg.encode_jpeg(small, quality=options.quality, colorspace="RGB", colorsubsampling=chroma)
    return Encoded(data, "JPEG", width, height)


def may_keep_original(data: bytes, width: int, height: int, options: ImageOptions) -> bool:
    """True when the bytes of an upright sRGB JPEG can stand as they are: wanted, small enough, and nothing but a picture."""
    if options.format != "JPEG" or not options.keep_original:
        return False
    small_enough = options.max_side_px == 0 or max(width, height) <= options.max_side_px
    return small_enough and is_plain_jpeg(data, _MAX_KEPT_METADATA_BYTES) and opens_as_it_is(data)
