"""Drawn line art by kind, bilevel and drawn anew from a seed: what real figures of articles have too little of to measure on."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

SIZE = (800, 600)
_BLACK = 0
Drawing = Callable[[ImageDraw.ImageDraw, np.random.Generator], None]


def _axes(draw: ImageDraw.ImageDraw) -> None:
    draw.line((60, 20, 60, 560, 780, 560), fill=_BLACK, width=3)


def _survival(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    _axes(draw)
    for _ in range(2):
        x, y = 60, 30
        while x < 740:
            right, low = x + int(rng.integers(20, 80)), min(550, y + int(rng.integers(5, 50)))
            draw.line((x, y, right, y, right, low), fill=_BLACK, width=2)
            x, y = right, low


def _scatter(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.rectangle((40, 40, 760, 560), outline=_BLACK, width=3)
    for x, y in rng.integers((60, 60), (740, 540), (30, 2)).tolist():
        draw.ellipse((x, y, x + 6, y + 6), fill=_BLACK)


def _tree(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    ends = [(780, y) for y in np.linspace(30, 570, 24).tolist()]
    while len(ends) > 1:
        at = int(rng.integers(len(ends) - 1))
        (x, y), (other_x, other_y) = ends[at : at + 2]
        left = min(x, other_x) - int(rng.integers(10, 32))
        draw.line((x, y, left, y, left, other_y, other_x, other_y), fill=_BLACK, width=2)
        ends[at : at + 2] = [(left, (y + other_y) / 2)]


def _forest_plot(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.line((400, 20, 400, 560), fill=_BLACK, width=2)
    draw.line((60, 560, 740, 560), fill=_BLACK, width=2)
    for y in np.linspace(40, 540, 12).tolist():
        x, half = 400 + int(rng.integers(-90, 90)), int(rng.integers(20, 100))
        draw.line((x - half, y, x + half, y), fill=_BLACK, width=2)
        draw.rectangle((x - 5, y - 5, x + 5, y + 5), fill=_BLACK)


def _spectrum(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    draw.line((40, 570, 780, 570), fill=_BLACK, width=2)
    for x in rng.integers(50, 770, 25).tolist():
        draw.line((x, 570, x, 570 - rng.exponential(120)), fill=_BLACK, width=2)


def _structure(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y = 400.0 + rng.integers(-150, 150), 300.0 + rng.integers(-100, 100)
    for _ in range(4):
        corners = [(x + 60 * np.cos(angle), y + 60 * np.sin(angle)) for angle in np.linspace(0, 2 * np.pi, 7).tolist()]
        draw.line(corners, fill=_BLACK, width=3)
        turn = np.pi / 6 + np.pi / 3 * rng.integers(6)
        x, y = x + 104 * np.cos(turn), y + 104 * np.sin(turn)


def _flow_chart(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    places = rng.integers((20, 20), (620, 520), (6, 2)).tolist()
    draw.line([(x + 75, y + 30) for x, y in places], fill=_BLACK, width=2)
    for x, y in places:
        draw.rectangle((x, y, x + 150, y + 60), outline=_BLACK, fill=1, width=3)


def _mirrored(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    for _ in range(3):
        x, y, width, height = rng.integers((40, 40, 40, 40), (300, 400, 100, 160)).tolist()
        for left in (x, 799 - x - width):
            draw.ellipse((left, y, left + width, y + height), outline=_BLACK, width=3)


def _nearly_mirrored(draw: ImageDraw.ImageDraw, rng: np.random.Generator) -> None:
    x, y = rng.integers((60, 60), (740, 540)).tolist()  # first, so that no drawing has the rings of a mirrored one
    _mirrored(draw, rng)
    draw.text((x, y), chr(65 + int(rng.integers(26))), fill=_BLACK, font_size=28)


KINDS: dict[str, Drawing] = {
    "survival curves": _survival,
    "scatter plots": _scatter,
    "trees": _tree,
    "forest plots": _forest_plot,
    "spectra": _spectrum,
    "structures": _structure,
    "flow charts": _flow_chart,
    "mirrored": _mirrored,
    "mirrored but for a letter": _nearly_mirrored,
}


CHANGED = ("half size", "140 px thumbnail", "JPEG q30", "64-colour GIF", "as WebP", "0.7 of the size", "1 % crop", "2 % crop")


def bilevel_copy(image: Image.Image) -> bytes:
    """Three quarters of the size and black and white still, as a fax-coded TIFF."""
    small = image.convert("L").resize((image.width * 3 // 4, image.height * 3 // 4), Image.Resampling.BICUBIC)
    out = io.BytesIO()
    small.point(lambda value: 255 * (value > 128)).convert("1").save(out, "TIFF", compression="group4")
    return out.getvalue()


def drawing(kind: str, seed: int) -> Image.Image:
    """A bilevel drawing of one of KINDS."""
    image = Image.new("1", SIZE, 1)
    KINDS[kind](ImageDraw.Draw(image), np.random.default_rng(seed))
    return image
