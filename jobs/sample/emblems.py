"""Graphics that are no figures: the journal's logo, equations, symbols in the text, a blank sheet."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from jobs.sample import contents
from jobs.sample.canvas import COLOURS, INK, WHITE, Canvas

_LETTERS = ("x", "y", "k", "n", "S", "v", "c", "t", "K", "m", "R", "p")
_OPERATORS = ("+", "-", "/", "·", "=")


def draw_logo(rng: np.random.Generator) -> Image.Image:
    """A journal's logo: an open book in an orange disc beside the name."""
    canvas = Canvas(280, 80)
    canvas.disc((40, 40), 34, COLOURS["orange"])
    canvas.polygon([(40, 26), (18, 20), (18, 54), (40, 60)], WHITE)
    canvas.polygon([(40, 26), (62, 20), (62, 54), (40, 60)], WHITE)
    canvas.line([(40, 26), (40, 60)], COLOURS["orange"], 2)
    canvas.text((84, 30), "Open Sample", 24, COLOURS["orange"], "lm")
    canvas.text((84, 56), "JOURNALS", 18, INK, "lm")
    return canvas.image


def draw_equation(rng: np.random.Generator) -> Image.Image:
    """A line of letters and operators, with a fraction bar."""
    length = int(rng.integers(5, 10))
    canvas = Canvas(26 * length + 20, 64)
    bar = int(rng.integers(1, length - 1))
    for i in range(length):
        x = 20 + 26 * i
        words = str(rng.choice(_LETTERS if i % 2 == 0 else _OPERATORS))
        if i // 2 == bar // 2:
            canvas.text((x, 18), words, 20)
            canvas.line([(x - 13, 32), (x + 13, 32)], INK, 2)
            canvas.text((x, 46), str(rng.choice(_LETTERS)), 20)
        else:
            canvas.text((x, 32), words, 24)
    return canvas.image


def draw_symbol(rng: np.random.Generator) -> Image.Image:
    """A small sign as it stands in a line of text: a star or a polygon."""
    canvas = Canvas(48, 40)
    corners = int(rng.integers(3, 9))
    turns = np.linspace(0, 2 * np.pi, 2 * corners, endpoint=False) + rng.uniform(0, 1)
    reach = np.where(np.arange(2 * corners) % 2 == 0, 17, rng.uniform(5, 16))
    points = [(24 + float(r * np.cos(t)), 20 + float(r * np.sin(t))) for r, t in zip(reach, turns, strict=True)]
    canvas.polygon(points, COLOURS[str(rng.choice(["red", "blue", "green", "black"]))])
    return canvas.image


def draw_blank(rng: np.random.Generator) -> Image.Image:
    """A white sheet, as lost figures leave it."""
    return Image.new("RGB", (int(rng.integers(180, 260)), 160), WHITE)


def draw_tiny(rng: np.random.Generator) -> Image.Image:
    """A speck of a few pixels, as broken conversions leave it."""
    return Image.fromarray(rng.integers(0, 256, (7, 9, 3)).astype(np.uint8))


PAINTERS: dict[str, Callable[[np.random.Generator], Image.Image]] = {
    contents.LOGO: draw_logo,
    contents.EQUATION: draw_equation,
    contents.SYMBOL: draw_symbol,
    contents.BLANK: draw_blank,
    contents.TINY: draw_tiny,
}
