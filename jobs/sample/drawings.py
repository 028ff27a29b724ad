"""Every kind of figure: how one is chosen and drawn, compound figures included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from jobs.sample import blots, diagrams, micrographs, plots, scans
from jobs.sample.canvas import INK, WHITE, font

Single = (
    plots.LinePlot
    | plots.BarChart
    | plots.ScatterPlot
    | plots.HeatMap
    | plots.PieChart
    | blots.Blot
    | micrographs.Fluorescence
    | micrographs.Histology
    | micrographs.Plate
    | scans.Scan
    | diagrams.Diagram
)


@dataclass(frozen=True)
class Compound:
    """Panels (A), (B), ... in rows of so many columns."""

    panels: tuple[Single, ...]
    num_columns: int


Subject = Single | Compound

Chooser = Callable[[np.random.Generator], Single]
_CHOOSERS: tuple[tuple[Chooser, float], ...] = (
    (plots.choose_line_plot, 0.14),
    (plots.choose_bar_chart, 0.14),
    (plots.choose_scatter_plot, 0.12),
    (plots.choose_heat_map, 0.07),
    (plots.choose_pie_chart, 0.05),
    (blots.choose_blot, 0.11),
    (micrographs.choose_fluorescence, 0.12),
    (micrographs.choose_histology, 0.08),
    (micrographs.choose_plate, 0.05),
    (scans.choose_scan, 0.07),
    (diagrams.choose_diagram, 0.05),
)
_PAINTERS: dict[type, Callable[[Any, np.random.Generator], Image.Image]] = {
    plots.LinePlot: plots.draw_line_plot,
    plots.BarChart: plots.draw_bar_chart,
    plots.ScatterPlot: plots.draw_scatter_plot,
    plots.HeatMap: plots.draw_heat_map,
    plots.PieChart: plots.draw_pie_chart,
    blots.Blot: blots.draw_blot,
    micrographs.Fluorescence: micrographs.draw_fluorescence,
    micrographs.Histology: micrographs.draw_histology,
    micrographs.Plate: micrographs.draw_plate,
    scans.Scan: scans.draw_scan,
    diagrams.Diagram: diagrams.draw_diagram,
}
COMPOUND_SHARE = 0.12
PANEL_PX, LETTER_PX, GAP_PX = (185, 165), 22, 10


def choose_subject(rng: np.random.Generator, tones: str = "colour") -> Subject:
    """What a figure shows, single or compound, each kind with its share; tones: colour, grey or bilevel."""
    if tones == "grey":
        return blots.choose_blot(rng) if rng.random() < 0.5 else scans.choose_scan(rng)
    if tones == "bilevel":
        return plots.choose_black_plot(rng)
    if rng.random() < COMPOUND_SHARE:
        count = int(rng.choice([2, 2, 3, 4]))
        return Compound(tuple(_choose_single(rng) for _ in range(count)), 1 if count == 2 and rng.random() < 0.4 else 2)
    return _choose_single(rng)


def _choose_single(rng: np.random.Generator) -> Single:
    shares = np.array([share for _, share in _CHOOSERS])
    chooser, _ = _CHOOSERS[int(rng.choice(len(_CHOOSERS), p=shares / shares.sum()))]
    return chooser(rng)


def draw(subject: Subject, rng: np.random.Generator) -> Image.Image:
    """The figure as an RGB image of at most 450 pixels a side."""
    if isinstance(subject, Compound):
        return _draw_compound(subject, rng)
    return _PAINTERS[type(subject)](subject, rng)


def _draw_compound(compound: Compound, rng: np.random.Generator) -> Image.Image:
    panels = [_fit(draw(panel, rng)) for panel in compound.panels]
    places = [divmod(i, compound.num_columns) for i in range(len(panels))]
    width, height = PANEL_PX[0] + LETTER_PX, PANEL_PX[1] + GAP_PX
    sheet = Image.new("RGB", (width * (places[1][1] + 1), height * (places[-1][0] + 1)), WHITE)
    pen = ImageDraw.Draw(sheet)
    for letter, panel, (row, column) in zip("ABCD", panels, places, strict=False):
        sheet.paste(panel, (column * width + LETTER_PX, row * height + GAP_PX // 2))
        pen.text((column * width + 3, row * height + 3), letter, fill=INK, font=font(20))
    return sheet


def _fit(panel: Image.Image) -> Image.Image:
    fitted = panel.copy()
    fitted.thumbnail(PANEL_PX, Image.Resampling.LANCZOS)
    return fitted
