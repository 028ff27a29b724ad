"""Image kernel: the bytes of anything in, one clean record or a reject out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from PIL import Image

from schemas.rejects import Reason, Rejected
from udfs.image_decode import decode, pixels_sha256
from udfs.image_encode import Encoded, encode
from udfs.image_features import Box, content_box, measure, shrink
from udfs.image_header import check_size, open_image
from udfs.image_options import ImageOptions
from udfs.phash import HASH_VERSION, pack_bits, phash_bits, phash_to_int

__all__ = ["ImageOptions", "ImageRecord", "process_image"]

_FEATURE_SIDE_PX = 512


@dataclass(frozen=True)
class ImageRecord:
    """One row of the table `images`; names, order and units as there."""

    image_sha256: str
    pixels_sha256: str
    format: str
    mode: str
    width_px: int
    height_px: int
    aspect: float
    num_bytes: int
    phash: int
    phash_trimmed: int
    phash256_trimmed: bytes
    hash_version: str
    entropy_bits: float
    background_share: float
    edge_density: float
    sharpness: float
    content_left_px: int
    content_top_px: int
    content_width_px: int
    content_height_px: int
    mean_red: float
    mean_green: float
    mean_blue: float
    image: bytes
    image_format: str
    image_width_px: int
    image_height_px: int


def process_image(data: bytes, options: ImageOptions = ImageOptions()) -> ImageRecord:  # noqa: B008 (frozen)
    """The record of one image.

    Raises Rejected with one of the reasons not_an_image, truncated, too_large, too_small, blank, unsupported, timeout.
    """
    opened = open_image(data, options)
    mode, name = opened.mode, str(opened.format)
    upright = decode(opened)
    check_size(upright.size, options)
    return _record(data, upright, _kept(data, upright, name, options) or encode(upright, options), (name, mode))


def _kept(data: bytes, upright: Image.Image, name: str, options: ImageOptions) -> Encoded | None:
    return None


def _record(data: bytes, upright: Image.Image, encoded: Encoded, format_and_mode: tuple[str, str]) -> ImageRecord:
    whole_grey = upright.convert("L")
    small_grey = shrink(whole_grey, _FEATURE_SIDE_PX)
    grey = np.asarray(small_grey)
    if int(grey.max()) - int(grey.min()) < 8:
        raise Rejected(Reason.BLANK, f"{upright.width} x {upright.height} pixels of one colour")
    pixels = np.asarray(upright)
    features, box = measure(grey), content_box(grey)
    trimmed = small_grey.crop((box.left, box.top, box.right, box.bottom))
    content = _scaled(box, upright.width / small_grey.width, upright.height / small_grey.height)
    means = pixels.reshape(-1, 3).mean(axis=0)
    return ImageRecord(
        image_sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=pixels_sha256(pixels),
        format=format_and_mode[0],
        mode=format_and_mode[1],
        width_px=upright.width,
        height_px=upright.height,
        aspect=upright.width / upright.height,
        num_bytes=len(data),
        phash=phash_to_int(phash_bits(whole_grey)),
        phash_trimmed=phash_to_int(phash_bits(trimmed)),
        phash256_trimmed=pack_bits(phash_bits(trimmed, 16)),
        hash_version=HASH_VERSION,
        entropy_bits=features.entropy_bits,
        background_share=features.background_share,
        edge_density=features.edge_density,
        sharpness=features.sharpness,
        content_left_px=content.left,
        content_top_px=content.top,
        content_width_px=content.right - content.left,
        content_height_px=content.bottom - content.top,
        mean_red=float(means[0]),
        mean_green=float(means[1]),
        mean_blue=float(means[2]),
        image=encoded.data,
        image_format=encoded.format,
        image_width_px=encoded.width_px,
        image_height_px=encoded.height_px,
    )


def _scaled(box: Box, x: float, y: float) -> Box:
    return Box(int(box.left * x), int(box.top * y), int(np.ceil(box.right * x)), int(np.ceil(box.bottom * y)))
