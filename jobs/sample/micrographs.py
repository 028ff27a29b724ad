"""Micrographs: fluorescent cells on black, stained tissue in bright field, colonies on a plate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from jobs.sample.canvas import COLOURS, WHITE, Canvas, Rgb, from_array, tint

STAINS: dict[str, Rgb] = {
    "green": (40, 240, 80),
    "red": (250, 50, 40),
    "blue": (60, 90, 255),
    "magenta": (240, 50, 230),
    "cyan": (30, 225, 240),
    "yellow": (245, 230, 50),
}
SHAPES = ("round", "elongated", "star-shaped", "ring-shaped")
TISSUES: dict[str, tuple[Rgb, Rgb]] = {
    "haematoxylin and eosin": ((238, 175, 205), (95, 50, 140)),
    "brown immunostain": ((225, 220, 226), (135, 80, 35)),
    "blue trichrome": ((165, 195, 230), (150, 40, 60)),
    "green counterstain": ((185, 222, 185), (40, 85, 75)),
}
TEXTURES = ("scattered nuclei", "glands", "fibres")
COLONIES = ("white", "red", "yellow", "blue", "black")
AGARS: dict[str, Rgb] = {"red": (170, 50, 45), "beige": (235, 220, 180), "green": (110, 160, 90)}


@dataclass(frozen=True)
class Fluorescence:
    """Cells of one stain on black."""

    stain: str
    shape: str
    amount: str


@dataclass(frozen=True)
class Histology:
    """Tissue of a stain with a texture."""

    stain: str
    texture: str


@dataclass(frozen=True)
class Plate:
    """Colonies on agar in a round dish."""

    colony: str
    agar: str
    amount: str


def choose_fluorescence(rng: np.random.Generator) -> Fluorescence:
    """A few or many cells of a shape and a stain."""
    return Fluorescence(str(rng.choice(list(STAINS))), str(rng.choice(SHAPES)), str(rng.choice(["few", "many"])))


def choose_histology(rng: np.random.Generator) -> Histology:
    """A tissue section."""
    return Histology(str(rng.choice(list(TISSUES))), str(rng.choice(TEXTURES)))


def choose_plate(rng: np.random.Generator) -> Plate:
    """A culture plate whose colonies stand out from the agar."""
    agar = str(rng.choice(list(AGARS)))
    colony = str(rng.choice([c for c in COLONIES if c != agar]))
    return Plate(colony, agar, str(rng.choice(["few", "many"])))


def draw_fluorescence(cells: Fluorescence, rng: np.random.Generator) -> Image.Image:
    """Glowing cells with dim background and a scale bar."""
    width, height = int(rng.integers(240, 320)), int(rng.integers(220, 290))
    layer = Image.new("L", (width, height))
    draw = ImageDraw.Draw(layer)
    count = int(rng.integers(4, 8)) if cells.amount == "few" else int(rng.integers(28, 42))
    size = (20, 30) if cells.amount == "few" else (8, 13)
    for x, y in rng.uniform(0.04, 0.96, (count, 2)) * (width, height):
        _draw_cell(draw, cells.shape, (x, y), float(rng.uniform(*size)), rng)
    glow = np.asarray(layer.filter(ImageFilter.GaussianBlur(2.0)), dtype=float) / 255
    halo = np.asarray(layer.filter(ImageFilter.GaussianBlur(14)), dtype=float) / 255
    light = np.clip(glow * 0.92 + halo * 0.25, 0, 1) + rng.normal(0, 0.025, (height, width))
    pixels = light[..., None] * np.array(STAINS[cells.stain], dtype=float) + 6
    pixels[height - 14 : height - 10, width - 60 : width - 14] = 250
    return from_array(pixels)


def _draw_cell(draw: ImageDraw.ImageDraw, shape: str, at: tuple[float, float], size: float, rng: np.random.Generator) -> None:
    angle, light = float(rng.uniform(0, np.pi)), int(rng.integers(180, 256))
    stretch = {"elongated": 2.4}.get(shape, 1.0)
    turn = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    radius = size * np.ones(24)
    if shape == "star-shaped":
        radius = size * np.where(np.arange(24) % 4 == 0, 1.7, 0.5)
    x, y = radius * stretch * np.cos(turn), radius / stretch**0.8 * np.sin(turn)
    outline = [
        (at[0] + a * np.cos(angle) - b * np.sin(angle), at[1] + a * np.sin(angle) + b * np.cos(angle))
        for a, b in zip(x, y, strict=True)
    ]
    draw.polygon(outline, fill=light)
    if shape == "ring-shaped":
        hole = size * 0.55
        draw.ellipse((at[0] - hole, at[1] - hole, at[0] + hole, at[1] + hole), fill=0)


def draw_histology(tissue: Histology, rng: np.random.Generator) -> Image.Image:
    """Stained section: pale ground, dark structures, uneven stain."""
    width, height = int(rng.integers(250, 330)), int(rng.integers(210, 280))
    ground, dark = (np.array(c, dtype=float) for c in TISSUES[tissue.stain])
    layer = Image.new("L", (width, height))
    _TEXTURES[tissue.texture](ImageDraw.Draw(layer), (width, height), rng)
    mask = np.asarray(layer.filter(ImageFilter.GaussianBlur(1.2)), dtype=float)[..., None] / 255
    cloud = Image.fromarray(rng.integers(0, 256, (7, 9)).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)
    uneven = (np.asarray(cloud, dtype=float)[..., None] / 255 - 0.5) * 36
    pixels = ground * (1 - mask) + dark * mask + uneven + rng.normal(0, 5, (height, width, 1))
    return from_array(pixels)


def _draw_nuclei(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    for x, y in rng.uniform(0, 1, (int(rng.integers(70, 110)), 2)) * size:
        a, b = rng.uniform(4, 8, 2)
        draw.ellipse((x - a, y - b, x + a, y + b), fill=int(rng.integers(170, 256)))


def _draw_glands(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    for x, y in rng.uniform(0.05, 0.95, (int(rng.integers(6, 10)), 2)) * size:
        radius = rng.uniform(24, 42)
        for turn in np.linspace(0, 2 * np.pi, int(radius * 0.55), endpoint=False):
            a, b = x + radius * np.cos(turn), y + radius * 0.8 * np.sin(turn)
            draw.ellipse((a - 5, b - 5, a + 5, b + 5), fill=235)


def _draw_fibres(draw: ImageDraw.ImageDraw, size: tuple[int, int], rng: np.random.Generator) -> None:
    slope, wave = rng.uniform(-0.5, 0.5), rng.uniform(5, 14)
    for start in np.arange(-size[1], size[1] * 2, rng.uniform(13, 20)):
        x = np.arange(0, size[0] + 8, 8)
        y = start + slope * x + wave * np.sin(x / 28 + start)
        draw.line(
            [(float(a), float(b)) for a, b in zip(x, y, strict=True)],
            fill=int(rng.integers(150, 240)),
            width=int(rng.integers(3, 7)),
        )


_TEXTURES = {"scattered nuclei": _draw_nuclei, "glands": _draw_glands, "fibres": _draw_fibres}


def draw_plate(plate: Plate, rng: np.random.Generator) -> Image.Image:
    """A dish from above."""
    side = int(rng.integers(230, 290))
    canvas = Canvas(side, side, (60, 62, 68))
    centre, radius = (side / 2, side / 2), side / 2 - 8
    agar = AGARS[plate.agar]
    canvas.disc(centre, radius, tint(agar, 0.55), WHITE, 2)
    canvas.disc(centre, radius - 7, agar)
    colour = COLOURS.get(plate.colony, (245, 245, 240))
    count, size = (int(rng.integers(5, 9)), (11, 17)) if plate.amount == "few" else (int(rng.integers(40, 60)), (4, 7))
    for turn, reach in zip(rng.uniform(0, 2 * np.pi, count), np.sqrt(rng.uniform(0, 0.85, count)), strict=True):
        at = (centre[0] + np.cos(turn) * reach * (radius - 14), centre[1] + np.sin(turn) * reach * (radius - 14))
        canvas.disc(at, float(rng.uniform(*size)), colour, tint(colour, 0.4))
    return canvas.image
