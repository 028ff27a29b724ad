"""What happens to figures on their way from one article to another: changes whose result is the bytes of a file."""

from __future__ import annotations

import io
from collections.abc import Callable

from PIL import Image, ImageDraw, ImageFont, ImageOps

Change = Callable[[Image.Image], bytes]

_LETTER_SHARE = 0.06


def _file(image: Image.Image, file_format: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, file_format, **options)
    return out.getvalue()


def _resized(image: Image.Image, scale: float) -> Image.Image:
    return image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))), Image.Resampling.LANCZOS)


def _cropped(image: Image.Image, share: float) -> bytes:
    across, down = round(image.width * share), round(image.height * share)
    return _file(image.crop((across, down, image.width - across, image.height - down)), "PNG", compress_level=1)


def _bordered(image: Image.Image, share: float) -> bytes:
    widths = (round(image.width * share), round(image.height * share))
    return _file(ImageOps.expand(image, widths, "white"), "PNG", compress_level=1)


def _lettered(image: Image.Image, letter: str, is_right: bool = False) -> bytes:
    copy, size = image.copy(), max(12, round(min(image.size) * _LETTER_SHARE))
    left = image.width - size * 1.2 if is_right else size * 0.3
    ImageDraw.Draw(copy).text((left, size * 0.2), letter, fill="black", font=ImageFont.load_default(size=size))
    return _file(copy, "JPEG", quality=90)


def _dithered(image: Image.Image, colours: int) -> bytes:
    return _file(image.convert("P", palette=Image.Palette.ADAPTIVE, colors=colours), "GIF")


CHANGES: dict[str, Change] = {
    "half size": lambda image: _file(_resized(image, 0.5), "JPEG", quality=90),
    "140 px thumbnail": lambda image: _file(_resized(image, 140 / max(image.size)), "JPEG", quality=85),
    "JPEG q30": lambda image: _file(image, "JPEG", quality=30),
    "grey": lambda image: _file(image.convert("L"), "JPEG", quality=90),
    "64-colour GIF": lambda image: _file(image.quantize(64), "GIF"),
    "2 % crop": lambda image: _cropped(image, 0.02),
    "5 % crop": lambda image: _cropped(image, 0.05),
    "5 % border": lambda image: _bordered(image, 0.05),
    "added letter": lambda image: _lettered(image, "A"),
    "as WebP": lambda image: _file(image, "WEBP", quality=80, method=0),
}

# Changes that no threshold was chosen on; where the content box is placed was picked with them in view.
OTHER_CHANGES: dict[str, Change] = {
    "0.7 of the size": lambda image: _file(_resized(image, 0.7), "JPEG", quality=85),
    "160 px thumbnail": lambda image: _file(_resized(image, 160 / max(image.size)), "JPEG", quality=80),
    "JPEG q15": lambda image: _file(image, "JPEG", quality=15),
    "16 colours, dithered": lambda image: _dithered(image, 16),
    "1 % crop": lambda image: _cropped(image, 0.01),
    "3 % crop": lambda image: _cropped(image, 0.03),
    "3 % border": lambda image: _bordered(image, 0.03),
    "9 % border": lambda image: _bordered(image, 0.09),
    "letter at the right": lambda image: _lettered(image, "B", is_right=True),
    "a tenth lighter": lambda image: _file(image.point(lambda value: min(255, int(value * 1.1 + 5))), "JPEG", quality=90),
}
