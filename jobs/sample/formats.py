"""File forms: an image written in every way the source may hold one, and the copies of it that circulate."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from jobs.sample import contents


@dataclass(frozen=True)
class Form:
    """How an image is written: extension, Pillow's format and mode, options; `tones` limits what may be drawn in it."""

    extension: str
    format: str
    mode: str = "RGB"
    options: tuple[tuple[str, Any], ...] = ()
    tones: str = "colour"


FORMS: dict[str, Form] = {
    "jpg": Form("jpg", "JPEG", options=(("quality", 90),)),
    "progressive": Form("jpg", "JPEG", options=(("quality", 88), ("progressive", True))),
    "jpeg": Form("jpeg", "JPEG", options=(("quality", 92), ("subsampling", 0))),
    "grey": Form("jpg", "JPEG", "L", (("quality", 90),), "grey"),
    "cmyk": Form("jpg", "JPEG", "CMYK", (("quality", 92),)),
    "png": Form("png", "PNG"),
    "palette": Form("png", "PNG", "P"),
    "alpha": Form("png", "PNG", "RGBA"),
    "gif": Form("gif", "GIF", "P"),
    "tif": Form("tif", "TIFF", options=(("compression", "raw"),)),
    "tiff": Form("tiff", "TIFF", options=(("compression", "tiff_lzw"),)),
    "tif16": Form("tif", "TIFF", "I;16", (("compression", "raw"),), "grey"),
    "bilevel": Form("tif", "TIFF", "1", (("compression", "group4"),), "bilevel"),
    "webp": Form("webp", "WEBP", options=(("quality", 90), ("method", 2))),
    "bmp": Form("bmp", "BMP"),
}
LOSSLESS_TWINS = {contents.AS_BMP: "bmp", contents.AS_TIFF: "tiff"}
SIXTEEN_BIT_LOW, SIXTEEN_BIT_HIGH = 300, 4095
COPY_ATTEMPTS: dict[str, tuple[tuple[float, int], ...]] = {
    contents.RESIZED: ((0.5, 80), (0.5, 90), (0.5, 97)),
    contents.RECOMPRESSED: ((1.0, 35), (1.0, 50), (1.0, 70), (1.0, 85), (1.0, 97)),
}


def encode(image: Image.Image, form_name: str) -> bytes:
    """The file of an RGB image in a form; the same bytes for the same image."""
    form, buffer = FORMS[form_name], io.BytesIO()
    _in_mode(image, form.mode).save(buffer, form.format, **dict(form.options))
    return buffer.getvalue()


def decode(data: bytes) -> Image.Image:
    """The image of a file as a reader sees it: RGB, transparency on white, 16 bits scaled by their range."""
    image = Image.open(io.BytesIO(data))
    if image.mode.startswith("I"):
        values = np.asarray(image, dtype=float)
        return Image.fromarray(np.interp(values, (values.min(), values.max()), (0, 255)).astype(np.uint8)).convert("RGB")
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image).convert("RGB")
    return image.convert("RGB")


def copies(original: bytes, copy: str) -> Iterator[bytes]:
    """Files of the same picture in a kind of copy, the most changed first."""
    image = decode(original)
    if copy in LOSSLESS_TWINS:
        yield encode(image, LOSSLESS_TWINS[copy])
    elif copy == contents.THUMBNAIL:
        yield encode(_shrunk(image, 0.5), "gif")
    else:
        yield from (_jpeg(_shrunk(image, scale), quality) for scale, quality in COPY_ATTEMPTS[copy])


def _shrunk(image: Image.Image, scale: float) -> Image.Image:
    return (
        image
        if scale == 1.0
        else image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS)
    )


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "P":
        return image.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    if mode == "RGBA":
        return _white_made_transparent(image)
    if mode == "I;16":
        grey = np.asarray(image.convert("L"), dtype=float) / 255
        return Image.fromarray((SIXTEEN_BIT_LOW + grey * (SIXTEEN_BIT_HIGH - SIXTEEN_BIT_LOW)).astype(np.uint16))
    if mode == "1":
        return image.convert("L").point(lambda value: 255 if value > 170 else 0).convert("1", dither=Image.Dither.NONE)
    return image.convert(mode)


def _white_made_transparent(image: Image.Image) -> Image.Image:
    pixels = np.asarray(image)
    alpha = np.where((pixels == 255).all(axis=2), 0, 255).astype(np.uint8)
    hidden = np.where(alpha[..., None] == 0, 0, pixels).astype(np.uint8)
    return Image.fromarray(np.dstack([hidden, alpha]))
