"""Any image, decoded once to upright sRGB pixels: in full or, if asked to, shrunk by the decoder where it can."""

from __future__ import annotations

import hashlib
import re
import struct
from dataclasses import dataclass

import cv2
import numpy as np
import simplejpeg
from PIL import ExifTags, Image, ImageChops

from schemas.rejects import Reason, Rejected
from udfs.image_colour import Pixels, is_srgb, to_srgb
from udfs.image_header import HEADER_ERRORS, check_memory, decoder_reason, in_words
from udfs.image_parts import only_picture
from udfs.image_tiff import check_layout, check_samples, decode_admitted, is_admitted, mend_palette
from udfs.image_wide import is_wide_colour, stretched

_PNG_DEPTH = 24
_GREY_STEPS = {2: 85, 4: 17}  # by which Pillow multiplies grey of so many bits, but not the value that is transparent
# What libjpeg says where values are missing or wrong; a few bytes too many at the end of the data are not worth a picture.
_DAMAGE = re.compile(r"premature end|bad huffman code|instead of rst|(?P<surplus>\d+) extraneous bytes before marker 0xd9", re.I)
_FEW_SURPLUS_BYTES = 16
_JPEG_COLOURS = {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}
_SCALES = (8, 4, 2)
_SIDEWAYS = (5, 6, 7, 8)
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
    """An upright image: its full size and sRGB pixels [height, width, 3], fewer where the decoder shrank it."""

    pixels: Pixels
    width_px: int
    height_px: int
    is_as_stored: bool  # True when the file's own pixels already were upright sRGB

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of full height and width and of the sRGB values, row by row."""
        digest = hashlib.sha256(struct.pack(">II", self.height_px, self.width_px))
        digest.update(np.ascontiguousarray(self.pixels).data)
        return digest.hexdigest()


def decode(data: bytes, image: Image.Image, least_side: int = 0) -> Picture:
    """The first frame of an opened image; Rejected: truncated, unsupported. MemoryError.

    With `least_side` a JPEG's longest side may come out shrunk to a half, quarter or eighth, but no shorter than this (pixels).
    """
    try:
        turn, width, height = orientation(image), *image.size
        is_shrunk = _draft(image, least_side)
        stored = decode_jpeg(data, image) if image.format == "JPEG" and image.mode in _JPEG_COLOURS else None
        if stored is not None and turn == 1 and is_srgb(image):
            return Picture(_of_colours(stored), width, height, is_as_stored=True)
        upright = _upright(data, image, turn) if stored is None else turned(_profiled(stored, image), turn)
    except HEADER_ERRORS as error:
        check_memory(error)  # of the image or of the machine: only who has bounded the memory knows
        raise Rejected(decoder_reason(error), f"{image.format}: {in_words(error)}") from error
    if not is_shrunk:
        height, width = upright.shape[:2]
    elif turn in _SIDEWAYS:
        width, height = height, width
    return Picture(upright, width, height, is_as_stored=False)


def _draft(image: Image.Image, least_side: int) -> bool:
    """Have an opened JPEG decoded at 1/2, 1/4 or 1/8 where its longest side stays at least so long (0: never); True if it is."""
    width, height = image.size
    scale = next((scale for scale in _SCALES if max(width, height) >= scale * least_side), 1)
    if image.format == "JPEG" and least_side > 0:
        image.draft(image.mode, (max(1, width // scale), max(1, height // scale)))
    return image.size != (width, height)


def decode_jpeg(data: bytes, image: Image.Image) -> Pixels | None:
    """The values [height, width, 1, 3 or 4] of a grey, colour or CMYK JPEG, in the size that `image` says, as they are stored.

    libjpeg-turbo is called directly: the values that Pillow makes with it, in half the time. None where it complains of
    something that Pillow may put up with. Rejected: truncated, if pixels are missing or damaged, which Pillow would show.
    """
    try:
        colours, (width, height) = _JPEG_COLOURS[image.mode], image.size
        values = simplejpeg.decode_jpeg(data, colorspace=colours, min_width=width, min_height=height, strict=True)
    except ValueError as error:
        check_memory(error)
        complaint = str(error)
        if not _is_damage(complaint):  # it ends at its first one, which may hide that pixels are missing
            complaint = _complaint(only_picture(data), colours)
        if _is_damage(complaint):
            raise Rejected(Reason.TRUNCATED, f"JPEG: {complaint}") from error
        return None
    return np.asarray(values, dtype=np.uint8)


def _complaint(data: bytes, colours: str) -> str:
    try:
        simplejpeg.decode_jpeg(data, colorspace=colours, strict=True)
    except ValueError as error:
        check_memory(error)
        return str(error)
    return ""


def _is_damage(complaint: str) -> bool:
    found = _DAMAGE.search(complaint)
    return found is not None and int(found["surplus"] or _FEW_SURPLUS_BYTES + 1) > _FEW_SURPLUS_BYTES


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


def _of_colours(stored: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(stored, cv2.COLOR_GRAY2RGB), dtype=np.uint8) if stored.shape[2] == 1 else stored


def _profiled(stored: Pixels, image: Image.Image) -> Pixels:
    if is_srgb(image):
        return _of_colours(stored)
    if image.mode == "CMYK":
        ink = stored if _is_full_ink_255(image) else np.bitwise_not(stored)
        source = Image.frombuffer("CMYK", image.size, np.ascontiguousarray(ink), "raw", "CMYK", 0, 1)
    else:
        source = Image.fromarray(stored[:, :, 0] if image.mode == "L" else stored)
    source.info["icc_profile"] = image.info.get("icc_profile")
    return to_srgb(source)


def _upright(data: bytes, image: Image.Image, turn: int) -> Pixels:
    check_layout(image)
    if is_admitted(image):
        return decode_admitted(data, image)
    is_wide, frame = is_wide_colour(data, image), _frame(image)
    mend_palette(image)
    image.load()
    check_samples(image)
    if image.format == "PNG" and image.mode == "L" and isinstance(hidden := image.info.get("transparency"), int):
        image.info["transparency"] = hidden * _GREY_STEPS.get(data[_PNG_DEPTH], 1)
    pixels = to_srgb(_opaque(_inked(image) if image.format == "JPEG" else image))
    if is_wide:
        pixels = stretched(data, image, pixels)
    left, top, right, bottom = frame
    pixels[:top], pixels[bottom:], pixels[:, :left], pixels[:, right:] = 255, 255, 255, 255
    turned_by_decoder = image.format == "TIFF"  # by Pillow while it loads, by OpenCV as well
    return pixels if turned_by_decoder else turned(pixels, turn)


def _frame(image: Image.Image) -> tuple[int, int, int, int]:
    """What a GIF's first frame covers of its screen, the rest of which shows the page: left, top, right and bottom."""
    whole = (0, 0, image.width, image.height)
    tiles = getattr(image, "tile", ())
    return tiles[0].extents or whole if image.format == "GIF" and tiles else whole


def _opaque(image: Image.Image) -> Image.Image:
    """A BMP without its alpha where that is zero all over: writers leave it so, and mean it opaque."""
    is_unset = image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0)
    return image.convert("RGB") if is_unset else image


def _inked(image: Image.Image) -> Image.Image:
    """A JPEG with 255 as full ink: Pillow takes each of CMYK for Adobe's, which stores the inks the other way round."""
    if image.mode != "CMYK" or not _is_full_ink_255(image):
        return image
    inverted = ImageChops.invert(image)
    inverted.info = image.info
    return inverted


def _is_full_ink_255(image: Image.Image) -> bool:
    """True for a CMYK JPEG without Adobe's marker, or with one that is too short to say how colours are coded."""
    return "adobe_transform" not in image.info


def turned(pixels: Pixels, turn: int) -> Pixels:
    """The pixels [height, width, 3] upright, of an EXIF orientation 1..8."""
    return pixels if turn == 1 else np.ascontiguousarray(_TURNS[turn](pixels))
