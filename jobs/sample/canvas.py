"""The drawing surface: colours, type, anti-aliasing, axes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Rgb = tuple[int, int, int]
Point = tuple[float, float]

COLOURS: dict[str, Rgb] = {
    "red": (214, 39, 40),
    "blue": (31, 98, 190),
    "green": (44, 150, 60),
    "orange": (245, 130, 20),
    "purple": (130, 75, 175),
    "black": (35, 35, 35),
    "cyan": (20, 180, 200),
    "pink": (235, 100, 170),
    "brown": (140, 86, 60),
    "yellow": (228, 195, 25),
}
WHITE: Rgb = (255, 255, 255)
INK: Rgb = (45, 45, 50)
GRID: Rgb = (225, 228, 232)
OVERSAMPLING = 2


@cache
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The built-in face at a size in canvas pixels, so that no font file is looked for."""
    return ImageFont.load_default(size_px)


def tint(colour: Rgb, share: float) -> Rgb:
    """The colour mixed with white; share 0 is the colour, 1 is white."""
    red, green, blue = (round(c + (255 - c) * share) for c in colour)
    return red, green, blue


class Canvas:
    """An RGB surface drawn at twice its size; `image` is the anti-aliased result. Coordinates are final pixels."""

    def __init__(self, width_px: int, height_px: int, background: Rgb = WHITE) -> None:
        self.width_px, self.height_px = width_px, height_px
        self._image = Image.new("RGB", (width_px * OVERSAMPLING, height_px * OVERSAMPLING), background)
        self._draw = ImageDraw.Draw(self._image)

    @property
    def image(self) -> Image.Image:
        """The drawing at its final size."""
        return self._image.reduce(OVERSAMPLING)

    def line(self, points: list[Point], colour: Rgb, width_px: float = 1.0) -> None:
        """A polyline with round joints."""
        scaled = _scaled(points)
        self._draw.line(scaled, fill=colour, width=max(1, round(width_px * OVERSAMPLING)), joint="curve")

    def polygon(self, points: list[Point], fill: Rgb | None, outline: Rgb | None = None, width_px: float = 1.0) -> None:
        """A closed shape."""
        self._draw.polygon(_scaled(points), fill=fill, outline=outline, width=max(1, round(width_px * OVERSAMPLING)))

    def box(
        self, corners: tuple[float, float, float, float], fill: Rgb | None, outline: Rgb | None = None, radius_px: float = 0
    ) -> None:
        """A rectangle (left, top, right, bottom), with round corners if a radius is given."""
        scaled = tuple(c * OVERSAMPLING for c in corners)
        self._draw.rounded_rectangle(scaled, radius_px * OVERSAMPLING, fill=fill, outline=outline, width=OVERSAMPLING)

    def disc(self, centre: Point, radius_px: float, fill: Rgb | None, outline: Rgb | None = None, width_px: float = 1.0) -> None:
        """A filled circle."""
        (x, y), r = centre, radius_px
        box = tuple(c * OVERSAMPLING for c in (x - r, y - r, x + r, y + r))
        self._draw.ellipse(box, fill=fill, outline=outline, width=max(1, round(width_px * OVERSAMPLING)))

    def sector(self, centre: Point, radius_px: float, angles: tuple[float, float], fill: Rgb) -> None:
        """A slice of a pie between two angles (degrees, clockwise from three o'clock)."""
        (x, y), r = centre, radius_px
        box = tuple(c * OVERSAMPLING for c in (x - r, y - r, x + r, y + r))
        self._draw.pieslice(box, *angles, fill=fill, outline=WHITE, width=OVERSAMPLING * 2)

    def text(self, at: Point, words: str, size_px: int = 11, colour: Rgb = INK, anchor: str = "mm") -> None:
        """Words at a point; the anchor is Pillow's (mm: centred)."""
        self._draw.text(
            (at[0] * OVERSAMPLING, at[1] * OVERSAMPLING), words, fill=colour, font=font(size_px * OVERSAMPLING), anchor=anchor
        )

    def sideways(self, at: Point, words: str, size_px: int = 11) -> None:
        """Words that read upwards, centred on a point: the title of a vertical axis."""
        length = round(font(size_px * OVERSAMPLING).getlength(words)) + 4
        strip = Image.new("L", (length, size_px * OVERSAMPLING + 8))
        ImageDraw.Draw(strip).text(
            (length / 2, strip.height / 2), words, fill=255, font=font(size_px * OVERSAMPLING), anchor="mm"
        )
        turned = strip.transpose(Image.Transpose.ROTATE_90)
        corner = (round(at[0] * OVERSAMPLING - turned.width / 2), round(at[1] * OVERSAMPLING - turned.height / 2))
        self._image.paste(INK, corner, turned)


@dataclass(frozen=True)
class Axes:
    """A plotting area on a canvas; data coordinates run from 0 to 1, upwards."""

    left: float
    top: float
    right: float
    bottom: float

    def at(self, x: float, y: float) -> Point:
        """Canvas position of a data point."""
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)


def draw_axes(canvas: Canvas, names: tuple[str, str], rng: np.random.Generator) -> Axes:
    """Axes with ticks, their names and perhaps a grid; returns the area to plot in."""
    axes = Axes(44, 14, canvas.width_px - 14, canvas.height_px - 38)
    num_ticks = int(rng.integers(3, 7))
    ticks = [i / num_ticks for i in range(num_ticks + 1)]
    has_grid, step = bool(rng.random() < 0.5), int(rng.choice([1, 2, 5, 10, 20]))
    for tick in ticks:
        if has_grid:
            canvas.line([axes.at(0, tick), axes.at(1, tick)], GRID)
        x, y = axes.at(tick, 0)
        canvas.line([(x, y), (x, y + 4)], INK)
        canvas.text((x, y + 10), str(round(tick * num_ticks) * step), 9)
        x, y = axes.at(0, tick)
        canvas.line([(x - 4, y), (x, y)], INK)
        canvas.text((x - 6, y), str(round(tick * num_ticks) * step), 9, anchor="rm")
    canvas.line([axes.at(0, 1), axes.at(0, 0), axes.at(1, 0)], INK, 1.5)
    canvas.text(((axes.left + axes.right) / 2, canvas.height_px - 10), names[0], 11)
    canvas.sideways((10, (axes.top + axes.bottom) / 2), names[1], 11)
    return axes


def from_array(values: NDArray[np.float64]) -> Image.Image:
    """An RGB image of an array of 0..255, shape (height, width) or (height, width, 3)."""
    pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels).convert("RGB")


def _scaled(points: list[Point]) -> list[Point]:
    return [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]
