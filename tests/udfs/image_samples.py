"""Images made in code, in every format and mode, with the pixels that must come out."""

from __future__ import annotations

import io
import struct

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

Pixels = npt.NDArray[np.uint8]

HEIGHT, WIDTH = 120, 160


def colours() -> Pixels:
    """Gradients with a red rectangle off the middle, so that every turn and flip shows."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([x * 255 // (WIDTH - 1), y * 255 // (HEIGHT - 1), (x + y) % 256], axis=-1).astype(np.uint8)
    pixels[20:60, 30:80] = (200, 30, 30)
    return pixels


def image() -> Image.Image:
    return Image.fromarray(colours())


def greys() -> Pixels:
    return np.asarray(image().convert("L"))


def as_rgb(grey: npt.NDArray[np.generic]) -> Pixels:
    return np.repeat(np.asarray(grey, dtype=np.uint8)[:, :, None], 3, axis=2)


def stretched(grey: npt.NDArray[np.generic]) -> Pixels:
    """Grey values stretched from their own range to 0..255."""
    values = grey.astype(np.float64)
    return as_rgb(np.floor((values - values.min()) / (values.max() - values.min()) * 255 + 0.5))


def encoded(picture: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, file_format, **options)
    return out.getvalue()


def with_alpha(alpha: Pixels) -> Image.Image:
    picture = image()
    picture.putalpha(Image.fromarray(alpha))
    return picture


def half_transparent() -> Pixels:
    alpha = np.full((HEIGHT, WIDTH), 255, dtype=np.uint8)
    alpha[:, :40], alpha[:, 40:60] = 0, 128
    return alpha


def on_white(pixels: Pixels, alpha: Pixels) -> Pixels:
    share = alpha[:, :, None] / 255
    return np.round(pixels * share + 255 * (1 - share)).astype(np.uint8)


def lab_image() -> Image.Image:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    converted = ImageCms.applyTransform(image(), ImageCms.buildTransform(srgb, lab, "RGB", "LAB"))
    assert converted is not None
    return converted


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def swapped_profile() -> bytes:
    """An RGB profile in which red and green have changed places: a reader that ignores it shows other colours."""
    profile = bytearray(srgb_profile())
    red, green = profile.find(b"rXYZ"), profile.find(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(profile)


def png_with_16_bits(pixels: npt.NDArray[np.uint16]) -> bytes:
    done, data = cv2.imencode(".png", pixels[:, :, ::-1])
    assert done
    return data.tobytes()


def tiff_with_16_bits(pixels: npt.NDArray[np.uint16]) -> bytes:
    """An uncompressed RGB TIFF with 16 bits a channel, which Pillow cannot write."""
    height, width = pixels.shape[:2]
    data = pixels.astype("<u2").tobytes()
    bits_at = 8 + 2 + 12 * 9 + 4
    tags = [(256, width), (257, height), (258, bits_at), (259, 1), (262, 2), (273, bits_at + 6), (277, 3), (278, height)]
    directory = b"".join(struct.pack("<HHII", tag, 3 if tag == 258 else 4, 3 if tag == 258 else 1, value) for tag, value in tags)
    directory += struct.pack("<HHII", 279, 4, 1, len(data))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 9) + directory + b"\0" * 4 + struct.pack("<HHH", 16, 16, 16) + data
