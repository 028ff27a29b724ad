"""Diagrams: boxes joined by arrows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from jobs.sample.canvas import COLOURS, INK, Canvas, Point, tint

LAYOUTS = ("vertical chain", "horizontal chain", "cycle", "tree")
COLOUR_NAMES = ("red", "blue", "green", "orange", "purple", "cyan", "pink", "yellow")
WORDS = (
    "Enrolled",
    "Sample",
    "Library",
    "Assay",
    "Excluded",
    "Model",
    "Ligand",
    "Receptor",
    "Kinase",
    "Gene",
    "Protein",
    "Analysis",
)


@dataclass(frozen=True)
class Diagram:
    """Boxes of one colour in a layout."""

    layout: str
    count: int
    colour: str


def choose_diagram(rng: np.random.Generator) -> Diagram:
    """A diagram of three to six boxes."""
    return Diagram(str(rng.choice(LAYOUTS)), int(rng.integers(3, 7)), str(rng.choice(COLOUR_NAMES)))


def draw_diagram(diagram: Diagram, rng: np.random.Generator) -> Image.Image:
    """Boxes with words, arrows between them."""
    wide = {"vertical chain": (190, 290), "horizontal chain": (380, 130)}.get(diagram.layout, (300, 260))
    canvas = Canvas(int(wide[0] * rng.uniform(0.92, 1.08)), int(wide[1] * rng.uniform(0.92, 1.08)))
    places = [(x * canvas.width_px, y * canvas.height_px) for x, y in _places(diagram)]
    half_width = min(42.0, canvas.width_px / (2.6 * diagram.count)) if diagram.layout == "horizontal chain" else 38.0
    half_height = min(17.0, canvas.height_px / (2.9 * diagram.count)) if diagram.layout == "vertical chain" else 17.0
    for start, end in _links(diagram):
        _draw_arrow(canvas, places[start], places[end])
    words = rng.choice(WORDS, diagram.count, replace=False)
    for (x, y), word in zip(places, words, strict=True):
        colour = COLOURS[diagram.colour]
        canvas.box(
            (x - half_width, y - half_height, x + half_width, y + half_height), tint(colour, rng.uniform(0.0, 0.35)), INK, 6
        )
        canvas.text((x, y), str(word), 10, (255, 255, 255) if sum(colour) < 420 else INK)
    return canvas.image


def _places(diagram: Diagram) -> list[Point]:
    steps = [(i + 0.5) / diagram.count for i in range(diagram.count)]
    if diagram.layout == "vertical chain":
        return [(0.5, s) for s in steps]
    if diagram.layout == "horizontal chain":
        return [(s, 0.5) for s in steps]
    if diagram.layout == "tree":
        others = diagram.count - 1
        return [(0.5, 0.15), *((0.16 + 0.68 * i / (others - 1), 0.82 if i % 2 else 0.6) for i in range(others))]
    turns = [2 * np.pi * i / diagram.count - np.pi / 2 for i in range(diagram.count)]
    return [(0.5 + 0.35 * float(np.cos(t)), 0.5 + 0.38 * float(np.sin(t))) for t in turns]


def _links(diagram: Diagram) -> list[tuple[int, int]]:
    chain = [(i, i + 1) for i in range(diagram.count - 1)]
    if diagram.layout == "tree":
        return [(0, i) for i in range(1, diagram.count)]
    return [*chain, (diagram.count - 1, 0)] if diagram.layout == "cycle" else chain


def _draw_arrow(canvas: Canvas, start: Point, end: Point) -> None:
    canvas.line([start, end], INK, 2.5)
    middle = np.array(start) * 0.42 + np.array(end) * 0.58
    along = (np.array(end) - np.array(start)) / max(1.0, float(np.hypot(end[0] - start[0], end[1] - start[1])))
    across = np.array([-along[1], along[0]])
    tips = [middle + along * 7, middle - along * 4 + across * 6, middle - along * 4 - across * 6]
    canvas.polygon([(float(x), float(y)) for x, y in tips], INK)
