"""Samples of more than eight bits, which OpenCV reads as they are, as sRGB on white, stretched from their real range."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from schemas.rejects import Reason, Rejected
from udfs.image_colour import Pixels, scale_to_8_bit, with_profile
from udfs.image_parts import bare_png

Samples = npt.NDArray[Any]

_BITS_PER_SAMPLE_TAG = 258
_PHOTOMETRIC_TAG = 262
_RGB = 2
_EXTRA_SAMPLES_TAG = 338
_PLANES_TAG = 284
_PREMULTIPLIED = 1
_PNG_DEPTH_AND_TYPE = slice(24, 26)
_PNG_GREY_AND_ALPHA = b"\x10\x04"
_PNG_WIDE = (b"\x10\x02", _PNG_GREY_AND_ALPHA, b"\x10\x06")  # 16 bits; colour, grey with alpha, colour with alpha
_GREY_AND_ALPHA = 2  # channels
HALF_RANGE = 128
_FULL_RANGE = 65535.0
_STRIP_SAMPLES = 4_000_000


def is_wide_colour(data: bytes, image: Image.Image) -> bool:
    """True for a PNG or TIFF of several channels with 16 bits each, of which Pillow keeps the upper eight."""
    return data[_PNG_DEPTH_AND_TYPE] in _PNG_WIDE if image.format == "PNG" else is_wide_tiff(image)


def is_wide_tiff(image: Image.Image) -> bool:
    """True for a TIFF of red, green and blue with 16 bits each, and alpha that they are not multiplied with."""
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(_BITS_PER_SAMPLE_TAG, ())
    is_rgb = tags.get(_PHOTOMETRIC_TAG) == _RGB and _PREMULTIPLIED not in tags.get(_EXTRA_SAMPLES_TAG, ())
    return image.format == "TIFF" and is_rgb and isinstance(bits, tuple) and len(bits) > 1 and set(bits) == {16}


def stretched(data: bytes, image: Image.Image, pixels: Pixels) -> Pixels:
    """The image decoded anew with all its bits, as OpenCV lays it, transparent parts on white.

    Grey is stretched to its real range, as grey without alpha is; colours are if they use less than half of the range.
    `pixels` are the upper eight bits: they are returned as they are where that suffices. Rejected: unsupported, where it does
    not and OpenCV cannot read more, or would make something up, as of a TIFF whose planes lie apart.
    """
    is_grey = image.format == "PNG" and data[_PNG_DEPTH_AND_TYPE] == _PNG_GREY_AND_ALPHA
    is_hidden, profile = "transparency" in image.info, image.info.get("icc_profile")
    if image.mode == "RGB" and not is_hidden and int(pixels.max()) >= HALF_RANGE:
        return pixels
    is_apart = getattr(image, "tag_v2", {}).get(_PLANES_TAG, 1) != 1
    # Of an animated PNG OpenCV reads the first frame of the animation, which need not be the picture.
    samples = None if is_apart else read_samples(bare_png(data, (b"tRNS",)) if image.format == "PNG" else data)
    if samples is None or samples.dtype != np.uint16 or samples.shape[:2] != pixels.shape[:2] or samples.ndim != 3:
        check_range(image)
        return pixels
    shows_alpha = has_alpha(samples) and (image.mode == "RGBA" or is_hidden)
    samples = samples[:, :, 2:] if is_grey and shows_alpha else samples  # grey profiles are not for three channels
    black, white = visible_range(samples, shows_alpha)
    if is_grey or white < HALF_RANGE * 256:
        return to_rgb(samples, black, white, shows_alpha, profile)
    return to_rgb(samples, 0.0, _FULL_RANGE, shows_alpha, profile) if is_hidden else pixels


def check_range(image: Image.Image) -> None:
    """Refuse, as unsupported, a loaded image of 16 bits that ought to be stretched: it uses less than half of its range."""
    counts = np.reshape(image.histogram(), (-1, 256))
    is_colour = [band not in ("A", "a") for band in image.getbands()]
    if not counts[is_colour, HALF_RANGE:].any():
        raise Rejected(Reason.UNSUPPORTED, f"{image.format}: {image.mode} of 16 bits that uses less than half of its range")


def read_samples(data: bytes) -> Samples | None:
    """Samples [height, width] or [height, width, 3 or 4], blue first, in the type of the file; None if OpenCV cannot.

    A TIFF comes out upright, anything else as stored. MemoryError where there is too little.
    """
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if error.code == cv2.Error.StsNoMem:
            raise MemoryError(str(error)) from error
        return None


def has_alpha(samples: Samples) -> bool:
    """True for samples of four channels."""
    return samples.ndim == 3 and samples.shape[2] == 4


def visible_range(samples: Samples, shows_alpha: bool) -> tuple[float, float]:
    """The smallest and the largest finite value of what is not fully transparent; zeros where nothing is."""
    low, high = np.inf, -np.inf
    for rows in _strips(samples):
        part = samples[rows]
        values = _colours(part)[part[:, :, -1] > 0] if shows_alpha else _colours(part)
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def to_rgb(samples: Samples, black: float, white: float, shows_alpha: bool, profile: bytes | None) -> Pixels:
    """Samples stretched from black..white, taken as colours of the profile, as sRGB [height, width, 3] on white, in strips."""
    out: Pixels = np.empty((*samples.shape[:2], 3), dtype=np.uint8)
    for rows in _strips(samples):
        part = samples[rows]
        scaled = with_profile(scale_to_8_bit(_colours(part), black, white), profile)
        out[rows] = _on_white(scaled, part[:, :, -1]) if shows_alpha else scaled
    return out


def _colours(samples: Samples) -> Samples:
    """Grey [height, width, 1], or red, green and blue [height, width, 3], without alpha."""
    if samples.ndim == 2:
        return samples[:, :, None]
    return samples[:, :, :1] if samples.shape[2] == _GREY_AND_ALPHA else samples[:, :, 2::-1]


def _on_white(colours: Pixels, alpha: Samples) -> Pixels:
    whole = 1.0 if alpha.dtype.kind == "f" else float(np.iinfo(alpha.dtype).max)
    share = np.clip(np.nan_to_num(alpha.astype(np.float32) / np.float32(whole)), 0.0, 1.0)[:, :, None]
    return np.asarray(colours * share + 255.0 * (1.0 - share) + 0.5, dtype=np.uint8)


def _strips(samples: Samples) -> Iterator[slice]:
    height = max(1, _STRIP_SAMPLES * samples.shape[0] // max(1, samples.size))
    for top in range(0, samples.shape[0], height):
        yield slice(top, top + height)
