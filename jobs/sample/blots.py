"""Blots and gels: lanes of bands, dark on light or bright on dark."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from jobs.sample.canvas import INK, Canvas, from_array

FADES = ("to the right", "to the left", "evenly", "alternately", "in the middle")
WEIGHTS = (15, 25, 37, 42, 55, 70, 100, 130, 180, 250)
MARGIN_LEFT_PX, MARGIN_TOP_PX, EDGE_PX = 62, 22, 8


@dataclass(frozen=True)
class Blot:
    """Rows of bands over lanes whose strength follows a rule."""

    lanes: int
    rows: int
    fade: str
    is_gel: bool


def choose_blot(rng: np.random.Generator) -> Blot:
    """A blot of four to eight lanes and one to three rows of bands."""
    return Blot(int(rng.integers(4, 9)), int(rng.integers(1, 4)), str(rng.choice(FADES)), bool(rng.random() < 0.45))


def draw_blot(blot: Blot, rng: np.random.Generator) -> Image.Image:
    """Blurred bands with film grain in a frame, lanes numbered above and weights beside; a gel glows on black."""
    pitch_x, pitch_y = int(rng.integers(34, 44)), int(rng.integers(42, 66))
    film = _film(blot, (pitch_x, pitch_y), rng)
    canvas = Canvas(film.width + MARGIN_LEFT_PX + 6, film.height + MARGIN_TOP_PX + 6)
    for lane in range(blot.lanes):
        canvas.text((MARGIN_LEFT_PX + EDGE_PX + (lane + 0.5) * pitch_x, 11), str(lane + 1), 13)
    weights = sorted(rng.choice(WEIGHTS, blot.rows, replace=False), reverse=True)
    for row, weight in enumerate(weights):
        canvas.text((MARGIN_LEFT_PX - 6, MARGIN_TOP_PX + EDGE_PX + (row + 0.5) * pitch_y), f"{weight} kDa", 12, anchor="rm")
    image = canvas.image
    image.paste(film, (MARGIN_LEFT_PX, MARGIN_TOP_PX))
    edges = (MARGIN_LEFT_PX - 1, MARGIN_TOP_PX - 1, MARGIN_LEFT_PX + film.width, MARGIN_TOP_PX + film.height)
    ImageDraw.Draw(image).rectangle(edges, outline=INK, width=2)
    return image


def _film(blot: Blot, pitch: tuple[int, int], rng: np.random.Generator) -> Image.Image:
    width, height = pitch[0] * blot.lanes + 2 * EDGE_PX, pitch[1] * blot.rows + 2 * EDGE_PX
    ink = np.zeros((height, width))
    for row in range(blot.rows):
        y = EDGE_PX + int((row + rng.uniform(0.35, 0.65)) * pitch[1])
        for lane, strength in enumerate(_strengths(blot, rng)):
            x, half, bend = EDGE_PX + lane * pitch[0], int(rng.integers(5, 10)), y + int(rng.integers(-3, 4))
            ink[max(0, bend - half) : bend + half, x + 4 : x + pitch[0] - 4] += strength
    blurred = (
        np.asarray(Image.fromarray((np.clip(ink, 0, 1) * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(2.2))) / 255.0
    )
    grain, ramp = rng.normal(0, 4.0, (height, width)), np.linspace(0, float(rng.uniform(-25, 25)), width)[None, :]
    return from_array(26 + ramp * 0.5 + 215 * blurred + grain if blot.is_gel else 205 + ramp - 180 * blurred + grain)


def _strengths(blot: Blot, rng: np.random.Generator) -> np.ndarray:
    place = np.linspace(0, 1, blot.lanes)
    shape = {
        "to the right": 1 - 0.92 * place,
        "to the left": 0.08 + 0.92 * place,
        "evenly": np.full(blot.lanes, 0.9),
        "alternately": np.where(np.arange(blot.lanes) % 2 == 0, 0.95, 0.08),
        "in the middle": np.clip(1.05 - 2.0 * np.abs(place - 0.5), 0.05, 1),
    }[blot.fade]
    return np.clip(shape * rng.uniform(0.9, 1.1, blot.lanes), 0.03, 1)
