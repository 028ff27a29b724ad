"""Pixels of any mode as sRGB on white, strip by strip, so that a large image needs no second copy of itself."""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Pixels = npt.NDArray[np.uint8]

WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_STRIP_PIXELS = 4_000_000
_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")
_PROFILE_MODES = ("RGB", "L", "CMYK", "LAB")
_SRGB = ImageCms.createProfile("sRGB")
_PHOTOMETRIC_TAG = 262
_WHITE_IS_ZERO = 0
_SAME_COLOUR_LEVELS = 2
_TAG_TABLE_BYTES = 128  # where the table of an ICC profile's tags begins
_MAX_KEPT_BYTES = 2**20


def to_srgb(image: Image.Image) -> Pixels:
    """The pixels of a loaded image as sRGB [height, width, 3], transparent parts on white, ICC profile applied."""
    out: Pixels = np.empty((image.height, image.width, 3), dtype=np.uint8)
    value_range = _value_range(image) if image.mode in WIDE_MODES else None
    for top, strip in _strips(image):
        out[top : top + strip.height] = _strip_to_rgb(strip) if value_range is None else _shown(strip, value_range)
    return out


def scale_to_8_bit(values: npt.NDArray[np.generic], black: float, white: float) -> Pixels:
    """Values stretched from black..white (in either order) to 0..255; what is no number becomes 0, infinities the ends.

    Wider values than 16 bits are reckoned as doubles: floats would lose the steps of a small range far from zero.
    """
    numbers: npt.NDArray[Any] = values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)
    span = white - black
    with np.errstate(over="ignore", invalid="ignore"):  # values that are no numbers, or a range that no number holds
        scaled = (numbers - black) * (255.0 / span if span else 0.0)
    finite = np.nan_to_num(scaled, nan=0.0, posinf=255.0, neginf=0.0)
    return np.asarray(np.clip(finite + 0.5, 0, 255), dtype=np.uint8)


def is_srgb(image: Image.Image) -> bool:
    """True when the image's values are sRGB as they stand: no profile, a broken one, or one that changes next to nothing."""
    profile = image.info.get("icc_profile")
    return image.mode in ("RGB", "L") and (not profile or _transform(profile, image.mode) is None)


def with_profile(pixels: Pixels, profile: bytes | None) -> Pixels:
    """Pixels [height, width, 1 or 3] that a profile for grey or for RGB describes, as sRGB; without one, as they are."""
    if not profile:
        return pixels
    image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))
    return np.array(_apply_profile(image, profile).convert("RGB"))


def _shown(image: Image.Image, value_range: tuple[float, float]) -> Pixels:
    values, hidden = np.asarray(image), image.info.get("transparency")
    rows = with_profile(scale_to_8_bit(values, *value_range)[:, :, None], image.info.get("icc_profile"))
    if isinstance(hidden, int):
        rows[values == hidden] = 255
    return rows


def _strips(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    height = max(1, _STRIP_PIXELS // image.width)
    if height >= image.height:
        yield 0, image
        return
    for top in range(0, image.height, height):
        strip = image.crop((0, top, image.width, min(image.height, top + height)))
        strip.info = image.info
        yield top, strip


def _value_range(image: Image.Image) -> tuple[float, float]:
    """The smallest and the largest finite value that is not transparent, exchanged where the file says that zero is white."""
    low, high, hidden = np.inf, -np.inf, image.info.get("transparency")
    for _, strip in _strips(image):
        values = np.asarray(strip)
        values = values[values != hidden] if isinstance(hidden, int) else values
        finite = values[np.isfinite(values)] if image.mode == "F" else values
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    if low > high:
        return 0.0, 0.0
    inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC_TAG) == _WHITE_IS_ZERO
    return (high, low) if inverted else (low, high)


def _strip_to_rgb(image: Image.Image) -> Pixels:
    return np.asarray(_in_srgb(image))


def _in_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        rgba = image.convert("RGBA")
        opaque = image.getchannel("L") if image.mode in ("L", "LA") else rgba.convert("RGB")
        colours = _apply_profile(opaque, profile).convert("RGB")
        white = Image.new("RGB", image.size, "white")
        white.paste(colours, mask=rgba.getchannel("A"))
        return white
    if image.mode not in _PROFILE_MODES:
        image = image.convert("L" if image.mode == "1" else "RGB")
    return _apply_profile(image, profile).convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile or b"", image.mode) if profile or image.mode == "LAB" else None
    converted = ImageCms.applyTransform(image, transform) if transform else None
    return image if converted is None else converted


def is_slow_profile(profile: bytes | None) -> bool:
    """True for a profile whose transform may take any time: one of processing elements, of which thousands may be the same bytes.

    Such are the tags D2B0 to D2B3 and B2D0 to B2D3 of ICC.1:2022, 9.2.
    """
    table = (profile or b"")[_TAG_TABLE_BYTES:]
    num_tags = int.from_bytes(table[:4], "big")
    names = (table[at : at + 3] for at in range(4, min(len(table), 4 + 12 * num_tags), 12))
    return any(name in (b"D2B", b"B2D") for name in names)


def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform to sRGB; None if it would change nothing, or if the profile is broken or made for other pixels."""
    return (_kept_transform if len(profile) <= _MAX_KEPT_BYTES else _built_transform)(profile, mode)


def _built_transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile)) if profile else ImageCms.createProfile("LAB")
        transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None
    return None if mode in ("RGB", "L") and _changes_nothing(transform, mode) else transform


# Profiles of many images are the same. Large ones are not kept: what an image may take must not depend on those before it.
_kept_transform = lru_cache(maxsize=32)(_built_transform)


def _changes_nothing(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Tell sRGB under another name from a real profile by what becomes of a grid of colours."""
    levels = np.arange(0, 256, 17, dtype=np.uint8)
    if mode == "L":
        before = Image.fromarray(levels[None, :])
    else:
        before = Image.fromarray(np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(1, -1, 3))
    after = ImageCms.applyTransform(before, transform)
    if after is None:
        return True
    change = np.asarray(after).astype(np.int16) - np.asarray(before.convert("RGB"))
    return int(np.abs(change).max()) <= _SAME_COLOUR_LEVELS
