"""Any image, decoded once and in full to upright sRGB pixels and their grey version."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import ExifTags, Image

from schemas.rejects import Reason, Rejected
from udfs.image_colour import Pixels, is_srgb, to_srgb
from udfs.image_header import HEADER_ERRORS
from udfs.image_wide import is_wide_colour, stretched

_STRIP_ROWS_PIXELS = 4_000_000
_UNSUPPORTED_WORDS = ("not supported", "unsupported", "unknown", "cannot handle", "not implemented", "not available")
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
    """An upright image: sRGB pixels [height, width, 3], and the same as the grey image ("L") that Pillow makes of them."""

    pixels: Pixels
    grey: Image.Image
    is_as_stored: bool  # True when the file's own pixels already were upright sRGB

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of height, width and sRGB values, row by row."""
        digest = hashlib.sha256(struct.pack(">II", *self.pixels.shape[:2]))
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


def decode(data: bytes, image: Image.Image) -> Picture:
    """The first frame of an opened image; Rejected: truncated, unsupported, too_large (for the memory there is)."""
    turn = orientation(image)
    try:
        stored = decode_jpeg(data, image.mode) if image.format == "JPEG" and image.mode in ("RGB", "L") else None
        if stored is not None and turn == 1 and is_srgb(image):
            return stored
        upright = _upright(data, image, turn) if stored is None else _turned(_profiled(stored, image), turn)
    except MemoryError as error:
        raise Rejected(Reason.TOO_LARGE, f"{image.format}: needs more memory than there is") from error
    except HEADER_ERRORS as error:
        raise Rejected(decoder_reason(error), f"{image.format}: {error}") from error
    return Picture(upright, grey_of(upright), is_as_stored=False)


def decode_jpeg(data: bytes, mode: str) -> Picture | None:
    """A grey or colour JPEG as stored, by libjpeg-turbo directly: the same values as Pillow's in half the time.

    Returns None where it complains of something that Pillow may put up with. Rejected: truncated, if pixels are missing,
    which Pillow would fill with grey.
    """
    try:
        values = simplejpeg.decode_jpeg(data, colorspace="GRAY" if mode == "L" else "RGBA", strict=True)
    except ValueError as error:
        if "premature end" in str(error).lower():
            raise Rejected(Reason.TRUNCATED, f"JPEG: {error}") from error
        return None
    if mode == "L":
        grey = values[:, :, 0]
        return Picture(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), _as_grey_image(grey), is_as_stored=True)
    # Four bytes a pixel are Pillow's own layout: it reads the array where it lies.
    padded = Image.frombuffer("RGBX", (values.shape[1], values.shape[0]), values, "raw", "RGBX", 0, 1)
    return Picture(cv2.cvtColor(values, cv2.COLOR_RGBA2RGB), padded.convert("L"), is_as_stored=True)


def grey_of(pixels: Pixels) -> Image.Image:
    """The grey image ("L") of RGB pixels [height, width, 3], value for value as Pillow converts them."""
    grey = np.empty(pixels.shape[:2], dtype=np.uint8)
    rows = max(1, _STRIP_ROWS_PIXELS // pixels.shape[1])
    for top in range(0, pixels.shape[0], rows):
        grey[top : top + rows] = np.asarray(Image.fromarray(pixels[top : top + rows]).convert("L"))
    return _as_grey_image(grey)


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1..8 of an opened image; 1 if it has none or a broken one."""
    if image.format not in ("TIFF",) and "exif" not in image.info and "Raw profile type exif" not in image.info:
        return 1
    try:
        value = image.getexif().get(ExifTags.Base.Orientation, 1)
    except HEADER_ERRORS:
        return 1
    return value if value in _TURNS else 1


def decoder_reason(error: BaseException) -> Reason:
    """unsupported for what the decoder does not know, truncated for data that end early or are damaged."""
    text = str(error).lower()
    unknown = isinstance(error, KeyError) or any(word in text for word in _UNSUPPORTED_WORDS)
    return Reason.UNSUPPORTED if unknown else Reason.TRUNCATED


def _profiled(stored: Picture, image: Image.Image) -> Pixels:
    if is_srgb(image):
        return stored.pixels
    source = stored.grey if image.mode == "L" else Image.fromarray(stored.pixels)
    source.info["icc_profile"] = image.info["icc_profile"]
    return to_srgb(source)


def _upright(data: bytes, image: Image.Image, turn: int) -> Pixels:
    is_wide = is_wide_colour(data, image)
    image.load()
    pixels = to_srgb(image)
    turned_by_pillow = image.format == "TIFF"  # while it loads
    if is_wide and (turn == 1 or not turned_by_pillow):
        pixels = stretched(data, pixels)
    return pixels if turned_by_pillow else _turned(pixels, turn)


def _turned(pixels: Pixels, turn: int) -> Pixels:
    return pixels if turn == 1 else np.ascontiguousarray(_TURNS[turn](pixels))


def _as_grey_image(grey: npt.NDArray[np.uint8]) -> Image.Image:
    contiguous = np.ascontiguousarray(grey)
    return Image.frombuffer("L", (contiguous.shape[1], contiguous.shape[0]), contiguous, "raw", "L", 0, 1)
