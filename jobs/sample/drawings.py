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
    """Panels (A), (B), ... side by side or one below the other."""

    panels: tuple[Single, ...]
    is_stacked: bool


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
PANEL_HEIGHT_PX = 180
MAX_SIDE_PX = 420
GAP_PX = 10


def choose_subject(rng: np.random.Generator, tones: str = "colour") -> Subject:
    """What a figure shows, single or compound, each kind with its share; tones: colour, grey or bilevel."""
    if tones == "grey":
        return blots.choose_blot(rng) if rng.random() < 0.5 else scans.choose_scan(rng)
    if tones == "bilevel":
        return plots.choose_black_plot(rng)
    if rng.random() < COMPOUND_SHARE:
        count = int(rng.choice([2, 2, 3]))
        return Compound(tuple(_choose_single(rng) for _ in range(count)), count == 2 and bool(rng.random() < 0.3))
    return _choose_single(rng)


def _choose_single(rng: np.random.Generator) -> Single:
    shares = np.array([share for _, share in _CHOOSERS])
    chooser, _ = _CHOOSERS[int(rng.choice(len(_CHOOSERS), p=shares / shares.sum()))]
    return chooser(rng)


def draw(subject: Subject, rng: np.random.Generator) -> Image.Image:
    """The figure as an RGB image of at most about 400 pixels a side; compound ones are scaled down to that."""
    if isinstance(subject, Compound):
        return _draw_compound(subject, rng)
    return _PAINTERS[type(subject)](subject, rng)


def _draw_compound(compound: Compound, rng: np.random.Generator) -> Image.Image:
    panels = [_fit(draw(panel, rng)) for panel in compound.panels]
    if compound.is_stacked:
        size = max(p.width for p in panels) + 24, sum(p.height + GAP_PX for p in panels)
    else:
        size = sum(p.width + 24 for p in panels), max(p.height for p in panels) + GAP_PX
    sheet = Image.new("RGB", size, WHITE)
    pen, x, y = ImageDraw.Draw(sheet), 0, 0
    for letter, panel in zip("ABCD", panels, strict=False):
        sheet.paste(panel, (x + 22, y + 4))
        pen.text((x + 3, y + 3), letter, fill=INK, font=font(20))
        x, y = (x, y + panel.height + GAP_PX) if compound.is_stacked else (x + panel.width + 24, y)
    sheet.thumbnail((MAX_SIDE_PX, MAX_SIDE_PX), Image.Resampling.LANCZOS)
    return sheet


def _fit(panel: Image.Image) -> Image.Image:
    width = round(panel.width * PANEL_HEIGHT_PX / panel.height)
    return panel.resize((min(width, 260), PANEL_HEIGHT_PX), Image.Resampling.LANCZOS)
