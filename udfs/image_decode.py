"""Any image, decoded once and in full to upright sRGB pixels."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageChops

from schemas.rejects import Reason, Rejected
from udfs.image_colour import Pixels, is_srgb, to_srgb
from udfs.image_header import HEADER_ERRORS, decoder_reason
from udfs.image_tiff import check_planes, decode_admitted, is_admitted
from udfs.image_wide import is_wide_colour, stretched

_PNG_DEPTH = 24
_GREY_STEPS = {2: 85, 4: 17}  # by which Pillow multiplies grey of so many bits, but not the value that is transparent
_TURNS = {
    2: lambda pixels: cv2.flip(pixels, 1),
    3: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_180),
    4: lambda pixels: cv2.flip(pixels, 0),
    5: lambda pixels: cv2.transpose(pixels),
    6: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cv2.flip(cv2.transpose(pixels), -1),
    8: lambda pixels: cv2.rotate(pixels, cv2.ROTATE_90_COUNTERCLOCKWISE),
}


@dataclass(frozen=True)
class Picture:
    """An upright image: sRGB pixels [height, width, 3]."""

    pixels: Pixels
    is_as_stored: bool  # True when the file's own pixels already were upright sRGB

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of height, width and sRGB values, row by row."""
        digest = hashlib.sha256(struct.pack(">II", *self.pixels.shape[:2]))
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


def decode(data: bytes, image: Image.Image) -> Picture:
    """The first frame of an opened image; Rejected: truncated, unsupported, too_large (for the memory there is)."""
    try:
        turn = orientation(image)
        stored = decode_jpeg(data, image.mode) if image.format == "JPEG" and image.mode in ("RGB", "L") else None
        if stored is not None and turn == 1 and is_srgb(image):
            return Picture(stored, is_as_stored=True)
        upright = _upright(data, image, turn) if stored is None else _turned(_profiled(stored, image), turn)
    except MemoryError as error:
        raise Rejected(Reason.TOO_LARGE, f"{image.format}: needs more memory than there is") from error
    except HEADER_ERRORS as error:
        raise Rejected(decoder_reason(error), f"{image.format}: {error}") from error
    return Picture(upright, is_as_stored=False)


def decode_jpeg(data: bytes, mode: str) -> Pixels | None:
    """The pixels of a grey or colour JPEG as stored, by libjpeg-turbo directly: the same values as Pillow's in half the time.

    Returns None where it complains of something that Pillow may put up with. Rejected: truncated, if pixels are missing,
    which Pillow would fill with grey.
    """
    try:
        values = simplejpeg.decode_jpeg(data, colorspace="GRAY" if mode == "L" else "RGB", strict=True)
    except ValueError as error:
        if "premature end" in str(error).lower():
            raise Rejected(Reason.TRUNCATED, f"JPEG: {error}") from error
        return None
    return np.asarray(cv2.cvtColor(values, cv2.COLOR_GRAY2RGB) if mode == "L" else values, dtype=np.uint8)


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8 of an opened image; 1 if it has none or a broken one. A PNG is loaded: its EXIF may come last."""
    if image.format == "PNG":
        image.load()
    if image.format not in ("TIFF",) and "exif" not in image.info and "Raw profile type exif" not in image.info:
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except HEADER_ERRORS:
        return 1
    return value if value in _TURNS else 1


def _profiled(stored: Pixels, image: Image.Image) -> Pixels:
    if is_srgb(image):
        return stored
    source = Image.fromarray(stored[:, :, 0] if image.mode == "L" else stored)
    source.info["icc_profile"] = image.info["icc_profile"]
    return to_srgb(source)


def _upright(data: bytes, image: Image.Image, turn: int) -> Pixels:
    check_planes(image)
    if is_admitted(image):
        return decode_admitted(data, image)
    is_wide = is_wide_colour(data, image)
    image.load()
    if image.format == "PNG" and image.mode == "L" and isinstance(hidden := image.info.get("transparency"), int):
        image.info["transparency"] = hidden * _GREY_STEPS.get(data[_PNG_DEPTH], 1)
    pixels = to_srgb(_inked(image))
    if is_wide:
        pixels = stretched(data, image, pixels)
    turned_by_decoder = image.format == "TIFF"  # by Pillow while it loads, by OpenCV as well
    return pixels if turned_by_decoder else _turned(pixels, turn)


def _inked(image: Image.Image) -> Image.Image:
    """The image with 255 as full ink: Pillow takes each CMYK JPEG for Adobe's, which stores the inks the other way round."""
    if image.format != "JPEG" or image.mode != "CMYK" or "adobe" in image.info:
        return image
    inverted = ImageChops.invert(image)
    inverted.info = image.info
    return inverted


def _turned(pixels: Pixels, turn: int) -> Pixels:
    return pixels if turn == 1 else np.ascontiguousarray(_TURNS[turn](pixels))
