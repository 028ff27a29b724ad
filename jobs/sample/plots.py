"""Plots: curves, bars, points, heat maps and pies, each with what can be said about it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from jobs.sample.canvas import COLOURS, GRID, INK, Axes, Canvas, Rgb, draw_axes, tint

SERIES = ("red", "blue", "green", "orange", "purple", "black", "cyan", "pink", "brown", "yellow")
TRENDS = ("rising", "falling", "peaked", "oscillating", "stepwise", "saturating")
ORDERS = ("increasing", "decreasing", "peaked", "alternating")
CORRELATIONS = ("positive", "negative", "no", "clustered")
MARKERS = ("circles", "squares", "triangles")
PATTERNS = ("diagonal", "checkerboard", "centre", "left", "top", "stripes")
PALETTES: dict[str, tuple[Rgb, Rgb, Rgb]] = {
    "blue to red": ((40, 80, 190), (245, 245, 245), (200, 30, 40)),
    "green to yellow": ((20, 80, 70), (60, 170, 110), (250, 230, 60)),
    "black to white": ((10, 10, 10), (128, 128, 128), (250, 250, 250)),
    "purple to orange": ((90, 30, 120), (200, 90, 110), (255, 190, 80)),
}
X_NAMES = ("Time (h)", "Dose (mg)", "Age (years)", "Distance (mm)", "Time (days)", "Temperature (°C)")
Y_NAMES = ("Viability (%)", "Expression", "Concentration", "Signal (a.u.)", "Response", "Growth rate")


@dataclass(frozen=True)
class LinePlot:
    """Curves of several colours, each with its trend."""

    colours: tuple[str, ...]
    trends: tuple[str, ...]
    is_filled: bool
    names: tuple[str, str]


@dataclass(frozen=True)
class BarChart:
    """Bars of one colour in an order."""

    count: int
    colour: str
    order: str
    is_horizontal: bool
    names: tuple[str, str]


@dataclass(frozen=True)
class ScatterPlot:
    """Points of one or two colours with a correlation."""

    colours: tuple[str, ...]
    correlation: str
    marker: str
    names: tuple[str, str]


@dataclass(frozen=True)
class HeatMap:
    """A grid of cells in a palette, high along a pattern."""

    palette: str
    pattern: str
    size: int


@dataclass(frozen=True)
class PieChart:
    """Slices of a pie, the largest of a colour."""

    colours: tuple[str, ...]
    largest: str


def _names(rng: np.random.Generator) -> tuple[str, str]:
    return str(rng.choice(X_NAMES)), str(rng.choice(Y_NAMES))


def choose_line_plot(rng: np.random.Generator) -> LinePlot:
    """A line plot of one to three curves."""
    count = int(rng.choice([1, 2, 2, 3]))
    colours = tuple(str(c) for c in rng.choice(SERIES, count, replace=False))
    trends = tuple(str(t) for t in rng.choice(TRENDS, count))
    return LinePlot(colours, trends, count == 1 and bool(rng.random() < 0.5), _names(rng))


def choose_black_plot(rng: np.random.Generator) -> LinePlot:
    """A single black curve, as it is scanned in black and white."""
    return LinePlot(("black",), (str(rng.choice(TRENDS)),), False, _names(rng))


def choose_bar_chart(rng: np.random.Generator) -> BarChart:
    """A bar chart of three to eight bars."""
    return BarChart(
        int(rng.integers(3, 9)), str(rng.choice(SERIES)), str(rng.choice(ORDERS)), bool(rng.random() < 0.4), _names(rng)
    )


def choose_scatter_plot(rng: np.random.Generator) -> ScatterPlot:
    """A scatter plot of one or two groups."""
    colours = tuple(str(c) for c in rng.choice(SERIES, int(rng.choice([1, 2])), replace=False))
    return ScatterPlot(colours, str(rng.choice(CORRELATIONS)), str(rng.choice(MARKERS)), _names(rng))


def choose_heat_map(rng: np.random.Generator) -> HeatMap:
    """A square heat map of 5 to 12 rows."""
    return HeatMap(str(rng.choice(list(PALETTES))), str(rng.choice(PATTERNS)), int(rng.integers(5, 13)))


def choose_pie_chart(rng: np.random.Generator) -> PieChart:
    """A pie of three to five slices."""
    colours = tuple(str(c) for c in rng.choice(SERIES, int(rng.integers(3, 6)), replace=False))
    return PieChart(colours, colours[0])


def draw_line_plot(plot: LinePlot, rng: np.random.Generator) -> Image.Image:
    """Curves with slight noise of their own."""
    canvas = _plot_canvas(rng)
    axes = draw_axes(canvas, plot.names, rng)
    for colour, trend in zip(plot.colours, plot.trends, strict=True):
        x = np.linspace(0, 1, 60)
        y = _curve(trend, x, rng)
        points = [axes.at(a, b) for a, b in zip(x, y, strict=True)]
        if plot.is_filled:
            canvas.polygon([axes.at(0, 0), *points, axes.at(1, 0)], tint(COLOURS[colour], 0.45))
        canvas.line(points, COLOURS[colour], 4.5)
    return canvas.image


def _curve(trend: str, x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    low, high = rng.uniform(0.05, 0.25), rng.uniform(0.7, 0.97)
    middle, phase = rng.uniform(0.35, 0.65), rng.uniform(0, 2 * np.pi)
    shape = {
        "rising": x ** rng.uniform(0.9, 2.2),
        "falling": (1 - x) ** rng.uniform(0.9, 2.2),
        "peaked": np.exp(-(((x - middle) / rng.uniform(0.1, 0.2)) ** 2)),
        "oscillating": 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(2, 4) * x + phase),
        "stepwise": 1 - np.floor(x * rng.integers(4, 8)) / 8 - 0.1 * (x > middle),
        "saturating": 1 - np.exp(-x * rng.uniform(5, 9)),
    }[trend]
    return np.clip(low + (high - low) * shape + rng.normal(0, 0.006, x.size), 0.0, 1.0)


def draw_bar_chart(chart: BarChart, rng: np.random.Generator) -> Image.Image:
    """Bars with error bars, upright or lying."""
    canvas = _plot_canvas(rng)
    names = chart.names if not chart.is_horizontal else (chart.names[1], "Group")
    axes = draw_axes(canvas, names, rng)
    width, has_errors = rng.uniform(0.55, 0.85), bool(rng.random() < 0.6)
    for i, height in enumerate(_heights(chart, rng)):
        low, high = (i + 0.5 - width / 2) / chart.count, (i + 0.5 + width / 2) / chart.count
        error = (height - 0.05, min(1.0, height + rng.uniform(0.02, 0.08))) if has_errors else (height, height)
        _draw_bar(canvas, axes, chart, (low, high, float(height)), error)
    return canvas.image


def _draw_bar(canvas: Canvas, axes: Axes, chart: BarChart, bar: tuple[float, float, float], error: tuple[float, float]) -> None:
    low, high, height = bar
    corners = [(low, 0.0), (low, height), (high, height), (high, 0.0)]
    ends = [((low + high) / 2, e) for e in error]
    if chart.is_horizontal:
        corners, ends = [(y, x) for x, y in corners], [(y, x) for x, y in ends]
    canvas.polygon([axes.at(*c) for c in corners], COLOURS[chart.colour], INK)
    canvas.line([axes.at(*e) for e in ends], INK, 1.5)


def _heights(chart: BarChart, rng: np.random.Generator) -> NDArray[np.float64]:
    place = np.linspace(0, 1, chart.count)
    shape = {
        "increasing": 0.15 + 0.75 * place,
        "decreasing": 0.9 - 0.75 * place,
        "peaked": 0.9 - 1.5 * np.abs(place - 0.5),
        "alternating": np.where(np.arange(chart.count) % 2 == 0, 0.85, 0.3),
    }[chart.order]
    return np.clip(shape + rng.normal(0, 0.035, chart.count), 0.06, 0.96)


def draw_scatter_plot(plot: ScatterPlot, rng: np.random.Generator) -> Image.Image:
    """Points of each colour, correlated as said; two clusters when clustered."""
    canvas = _plot_canvas(rng)
    axes = draw_axes(canvas, plot.names, rng)
    for i, colour in enumerate(plot.colours):
        for x, y in _points(plot.correlation, i, rng):
            _draw_marker(canvas, axes.at(x, y), plot.marker, COLOURS[colour])
    return canvas.image


def _points(correlation: str, group: int, rng: np.random.Generator) -> NDArray[np.float64]:
    count = int(rng.integers(25, 50))
    x = rng.uniform(0.04, 0.96, count)
    if correlation == "clustered":
        centres = np.array([[0.25, 0.72], [0.75, 0.28]]) if group == 0 else np.array([[0.3, 0.25], [0.72, 0.75]])
        return np.clip(centres[rng.integers(0, 2, count)] + rng.normal(0, 0.065, (count, 2)), 0.03, 0.97)
    slope = {"positive": 0.75, "negative": -0.75, "no": 0.0}[correlation]
    spread = 0.28 if correlation == "no" else 0.07
    y = 0.5 + slope * (x - 0.5) + rng.normal(0, spread, count) + (0.12 if group else 0.0)
    return np.clip(np.stack([x, y], axis=1), 0.03, 0.97)


def _draw_marker(canvas: Canvas, at: tuple[float, float], marker: str, colour: Rgb) -> None:
    (x, y), r = at, 4.5
    if marker == "circles":
        canvas.disc(at, r, colour, tint(colour, 0.5))
    elif marker == "squares":
        canvas.box((x - r, y - r, x + r, y + r), colour, tint(colour, 0.5))
    else:
        canvas.polygon([(x - r, y + r), (x + r, y + r), (x, y - r)], colour, tint(colour, 0.5))


def draw_heat_map(heat_map: HeatMap, rng: np.random.Generator) -> Image.Image:
    """Cells coloured by value beside a colour bar."""
    side = int(rng.integers(230, 300))
    canvas = Canvas(side + 40, side)
    values = _cells(heat_map, rng)
    pitch = (side - 20) / heat_map.size
    for row in range(heat_map.size):
        for column in range(heat_map.size):
            x, y = 10 + column * pitch, 10 + row * pitch
            canvas.box((x, y, x + pitch, y + pitch), _shade(heat_map.palette, values[row, column]))
    for step in range(40):
        y = 10 + step * (side - 20) / 40
        canvas.box((side + 6, y, side + 22, y + (side - 20) / 40), _shade(heat_map.palette, 1 - step / 39))
    return canvas.image


def _cells(heat_map: HeatMap, rng: np.random.Generator) -> NDArray[np.float64]:
    n = heat_map.size
    row, column = np.mgrid[0:n, 0:n] / (n - 1)
    index = np.add.outer(np.arange(n), np.arange(n))
    shape = {
        "diagonal": np.exp(-(((row - column) / 0.16) ** 2)),
        "checkerboard": (index % 2).astype(float),
        "centre": np.exp(-((row - 0.5) ** 2 + (column - 0.5) ** 2) / 0.06),
        "left": 1 - column,
        "top": 1 - row,
        "stripes": np.broadcast_to((np.arange(n) % 2).astype(float), (n, n)),
    }[heat_map.pattern]
    return np.asarray(np.clip(0.1 + 0.8 * shape + rng.normal(0, 0.09, (n, n)), 0, 1))


def _shade(palette: str, value: float) -> Rgb:
    stops = np.array(PALETTES[palette], dtype=float)
    red, green, blue = (round(float(np.interp(value, [0, 0.5, 1], stops[:, c]))) for c in range(3))
    return red, green, blue


def draw_pie_chart(pie: PieChart, rng: np.random.Generator) -> Image.Image:
    """Slices clockwise, the largest about half the pie, with a legend."""
    canvas = Canvas(int(rng.integers(280, 350)), int(rng.integers(200, 250)))
    radius = canvas.height_px / 2 - 12
    rest = rng.uniform(0.6, 1.4, len(pie.colours) - 1)
    shares = np.concatenate([[rng.uniform(0.42, 0.6)], rest])
    shares[1:] *= (1 - shares[0]) / rest.sum()
    angle = float(rng.uniform(0, 360))
    for i, (colour, share) in enumerate(zip(pie.colours, shares, strict=True)):
        canvas.sector((radius + 16, canvas.height_px / 2), radius, (angle, angle + 360 * share), COLOURS[colour])
        angle += 360 * share
        y = 30 + i * 24
        canvas.box((canvas.width_px - 62, y, canvas.width_px - 50, y + 12), COLOURS[colour], GRID)
        canvas.text((canvas.width_px - 44, y + 6), f"{share:.0%}", 11, anchor="lm")
    return canvas.image


def _plot_canvas(rng: np.random.Generator) -> Canvas:
    return Canvas(int(rng.integers(270, 380)), int(rng.integers(200, 280)))
