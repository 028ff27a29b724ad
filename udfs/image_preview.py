"""Small pictures for people to look at."""

from __future__ import annotations

import io

from PIL import Image, ImageFile

from udfs.image_colour import to_srgb
from udfs.image_decode import orientation, turned
from udfs.image_header import FORMATS  # which also lifts Pillow's own bound on pixels: what the archive holds was within its own


def thumbnail(data: bytes, max_side_px: int) -> bytes:
    """The image as a JPEG whose sides are at most so long, upright and on white; raises whatever its decoder raises."""
    with Image.open(io.BytesIO(data), formats=FORMATS) as image:
        image.draft("RGB", (max_side_px, max_side_px))
        turn = 1 if image.format == "TIFF" else orientation(image)  # Pillow turns a TIFF itself
        image.load()
        small = Image.fromarray(turned(to_srgb(image), turn))
    small.thumbnail((max_side_px, max_side_px))
    stream = io.BytesIO()
    small.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def preview(data: bytes, max_side_px: int) -> bytes:
    """The thumbnail of an image that was refused, grey where its data end.

    To be called in a process of its own: what was refused may never end.
    """
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    return thumbnail(data, max_side_px)
