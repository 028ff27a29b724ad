"""Colour images with 16 bits a channel whose values use only the lower part of the range (12-bit cameras in 16-bit files)."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from udfs.image_colour import Pixels, scale_to_8_bit

_BITS_PER_SAMPLE_TAG = 258
_PNG_DEPTH_AND_TYPE = slice(24, 26)
_PNG_WIDE_COLOUR = (b"\x10\x02", b"\x10\x06")  # 16 bits; colour without and with alpha
_HALF_RANGE = 128


def is_wide_colour(data: bytes, image: Image.Image) -> bool:
    """True for a PNG or TIFF of several channels with 16 bits each, of which Pillow keeps the upper eight."""
    if image.format == "PNG":
        return data[_PNG_DEPTH_AND_TYPE] in _PNG_WIDE_COLOUR
    bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE_TAG, ())
    return image.format == "TIFF" and isinstance(bits, tuple) and len(bits) > 1 and set(bits) == {16}


def stretched(data: bytes, pixels: Pixels) -> Pixels:
    """The image decoded anew with all its bits and stretched to its real range, as stored, transparent parts on white.

    `pixels` are its upper eight bits: they are returned as they are where they use the range, or no decoder knows better.
    """
    if int(pixels.max()) >= _HALF_RANGE:
        return pixels
    try:
        values = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return pixels
    if values is None or values.dtype != np.uint16 or values.shape[:2] != pixels.shape[:2] or values.ndim != 3:
        return pixels
    colours = np.asarray(values)[:, :, 2::-1]  # OpenCV keeps blue first
    scaled = scale_to_8_bit(colours, float(colours.min()), float(colours.max()))
    return scaled if values.shape[2] == 3 else _on_white(scaled, np.asarray(values)[:, :, 3])


def _on_white(colours: Pixels, alpha: np.ndarray[tuple[int, ...], np.dtype[np.generic]]) -> Pixels:
    share = alpha.astype(np.float32)[:, :, None] / np.float32(65535.0)
    return np.asarray(colours * share + 255.0 * (1.0 - share) + 0.5, dtype=np.uint8)
