"""One decoded image as a row of the table `images`."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import cv2
from PIL import Image

from schemas.rejects import Reason, Rejected
from udfs.grey_counts import count
from udfs.image_colour import Pixels
from udfs.image_decode import Picture, decode
from udfs.image_encode import Encoded, encode, may_keep_original
from udfs.image_features import is_one_colour, measure
from udfs.image_header import Header, check_header, open_image, read_header
from udfs.image_margin import Box, content_box
from udfs.image_options import SHRUNK_SIDE_PX, ImageOptions
from udfs.image_resize import shrink, shrink_grey, to_grey
from udfs.phash import pack_bits, phash_bits, phash_to_int, windowed_bits

WORKING_SIDE_PX = SHRUNK_SIDE_PX  # of the version that is measured, whatever size is stored
HASHED_SIDE_PX = 256  # of the version whose margin is cut and whose content is hashed


@dataclass(frozen=True)
class ImageRecord:
    """One row of the table `images`: names, order and units as there."""

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


@dataclass(frozen=True)
class Planned:
    """An image whose header was read and found within bounds, before any pixel is decoded."""

    image: Image.Image
    header: Header
    mode: str


def process(data: bytes, options: ImageOptions) -> ImageRecord:
    """The record of one image, decoded in a process of bounded memory; Rejected as `udfs.images.process_image`, except timeout.

    Too large is an image that needs more than that process may have.
    """
    try:
        return make_record(data, plan(data, options), options)
    except (MemoryError, cv2.error) as error:
        if isinstance(error, cv2.error) and error.code != cv2.Error.StsNoMem:
            raise
        raise Rejected(Reason.TOO_LARGE, f"it needs more memory than a decoder may have: {error}") from error


def prepare() -> None:
    """Put a small picture through: what the first image of a process would compile is not that image's time."""
    stream, page = io.BytesIO(), Image.new("RGB", (WORKING_SIDE_PX + 200, WORKING_SIDE_PX + 100), "white")
    page.paste(Image.radial_gradient("L"), (100, 200))  # with a margin to find, and larger than what is measured
    page.save(stream, "PNG")
    process(stream.getvalue(), ImageOptions())


def plan(data: bytes, options: ImageOptions) -> Planned:
    """Read the header of a file and hold it against the bounds; Rejected: not_an_image, unsupported, too_large, ..."""
    image = open_image(data)
    header = read_header(data, image)
    check_header(header, options)
    return Planned(image, header, image.mode)


def make_record(data: bytes, planned: Planned, options: ImageOptions) -> ImageRecord:
    """Decode, measure, hash and encode one image; Rejected: truncated, unsupported, blank. MemoryError."""
    picture = decode(data, planned.image, SHRUNK_SIDE_PX if options.shrink_on_load else 0)
    width, height = picture.width_px, picture.height_px
    working = shrink(picture.pixels, WORKING_SIDE_PX)
    grey = to_grey(working)
    counts = count(grey)
    if is_one_colour(working, counts):
        raise Rejected(Reason.BLANK, f"{width} x {height} pixels of one colour")
    small = shrink_grey(grey, HASHED_SIDE_PX)
    box = content_box(small)
    content = small[box.top : box.bottom, box.left : box.right]
    encoded = _normalised(data, picture, working, options)
    return ImageRecord(
        image_sha256=hashlib.sha256(data).hexdigest(),
        pixels_sha256=picture.sha256,
        format=planned.header.format,
        mode=planned.mode,
        width_px=width,
        height_px=height,
        aspect=width / height,
        num_bytes=len(data),
        **_hashes(picture, content),
        hash_version=options.hash_version,
        **vars(measure(working, counts, content)),
        **_content(box.scaled(width / small.shape[1], height / small.shape[0], width, height)),
        image=encoded.data,
        image_format=encoded.format,
        image_width_px=encoded.width_px,
        image_height_px=encoded.height_px,
    )


def _hashes(picture: Picture, trimmed_grey: Pixels) -> dict[str, Any]:
    trimmed, trimmed_256 = windowed_bits(trimmed_grey)
    return {
        "phash": phash_to_int(phash_bits(picture.pixels)),
        "phash_trimmed": phash_to_int(trimmed),
        "phash256_trimmed": pack_bits(trimmed_256),
    }


def _content(box: Box) -> dict[str, Any]:
    return {
        "content_left_px": box.left,
        "content_top_px": box.top,
        "content_width_px": box.right - box.left,
        "content_height_px": box.bottom - box.top,
    }


def _normalised(data: bytes, picture: Picture, working: Pixels, options: ImageOptions) -> Encoded:
    if picture.is_as_stored and may_keep_original(data, picture.width_px, picture.height_px, options):
        return Encoded(data, "JPEG", picture.width_px, picture.height_px)
    return encode(working if options.max_side_px == WORKING_SIDE_PX else picture.pixels, options)
