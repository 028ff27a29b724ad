"""Any image, decoded once to upright sRGB pixels on white."""

from __future__ import annotations

import hashlib
import io
import struct
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

from schemas.rejects import Reason, Rejected

Pixels = npt.NDArray[np.uint8]
_WIDE_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_ALPHA_MODES = ("RGBA", "LA", "PA", "La", "RGBa")
_SRGB = ImageCms.createProfile("sRGB")
_DECODER_ERRORS = (OSError, ValueError, SyntaxError, KeyError, IndexError, struct.error, EOFError, TypeError, OverflowError)


def decode(image: Image.Image) -> Image.Image:
    """The first frame as an upright sRGB image (mode RGB), transparent parts on white; Rejected: truncated, unsupported."""
    try:
        image.load()
        upright = ImageOps.exif_transpose(image)
    except MemoryError as error:
        raise Rejected(Reason.TOO_LARGE, "needs more memory than there is") from error
    except _DECODER_ERRORS as error:
        raise Rejected(_decoder_reason(error), f"{image.format}: {error}") from error
    return _to_srgb(upright)


def _decoder_reason(error: BaseException) -> Reason:
    text = str(error).lower()
    unsupported = isinstance(error, KeyError) or any(
        word in text for word in ("not supported", "unsupported", "unknown", "cannot handle")
    )
    return Reason.UNSUPPORTED if unsupported else Reason.TRUNCATED


def _to_srgb(image: Image.Image) -> Image.Image:
    if image.mode in _WIDE_MODES:
        return scale_to_8_bit(image)
    if image.mode in _ALPHA_MODES or "transparency" in image.info:
        rgba = image.convert("RGBA")
        colours = _apply_profile(rgba.convert("RGB"), image.info.get("icc_profile"))
        colours.putalpha(rgba.getchannel("A"))
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), colours).convert("RGB")
    if image.mode not in ("RGB", "L", "CMYK"):
        image = image.convert("RGB")
    return _apply_profile(image, image.info.get("icc_profile")).convert("RGB")


def scale_to_8_bit(image: Image.Image) -> Image.Image:
    """Grey values of 16 or 32 bits or floats, stretched from their smallest and largest finite value to 0..255."""
    values = np.asarray(image).astype(np.float32)
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    scale = 255.0 / (high - low) if high > low else 0.0
    grey = np.nan_to_num((values - low) * scale, nan=0.0, posinf=255.0, neginf=0.0)
    return Image.fromarray(np.clip(grey + 0.5, 0, 255).astype(np.uint8)).convert("RGB")


def _apply_profile(image: Image.Image, profile: bytes | None) -> Image.Image:
    transform = _transform(profile, image.mode) if profile else None
    if transform is None:
        return image
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


@lru_cache(maxsize=32)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """The transform to sRGB; None for a profile that is broken or made for another kind of pixel, which readers ignore too."""
    try:
        return ImageCms.buildTransform(ImageCms.ImageCmsProfile(io.BytesIO(profile)), _SRGB, mode, "RGB")
    except (ImageCms.PyCMSError, OSError):
        return None


def pixels_sha256(pixels: Pixels) -> str:
    """SHA-256 (hex) of height, width and RGB values [height, width, 3]."""
    digest = hashlib.sha256(struct.pack(">II", *pixels.shape[:2]))
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
