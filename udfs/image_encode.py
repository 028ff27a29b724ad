"""The normalised form of an image: bounded size, JPEG or WebP."""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image

from udfs.image_options import ImageOptions

_CHROMA = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


@dataclass(frozen=True)
class Encoded:
    """Encoded bytes with their format and size in pixels."""

    data: bytes
    format: str
    width_px: int
    height_px: int


def normalised_size(size: tuple[int, int], max_side_px: int) -> tuple[int, int]:
    """Width and height with the longest side at most max_side_px; 0 keeps the size."""
    scale = max_side_px / max(size) if max_side_px else 1.0
    if scale >= 1:
        return size
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def encode(image: Image.Image, options: ImageOptions) -> Encoded:
    """An RGB image, resized and encoded as the options say."""
    size = normalised_size(image.size, options.max_side_px)
    small = image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)
    out = io.BytesIO()
    if options.format == "WEBP":
        small.save(out, "WEBP", quality=options.quality, method=4)
    else:
        small.save(out, "JPEG", quality=options.quality, subsampling=_CHROMA[options.chroma])
    return Encoded(out.getvalue(), options.format, *size)
