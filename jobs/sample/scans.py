"""Scans: sections through a phantom as a tomograph would show them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from jobs.sample.canvas import from_array

REGIONS = ("head", "chest", "abdomen")
SIDES = ("left", "right", "no")


@dataclass(frozen=True)
class Scan:
    """An axial section with a lesion on one side, or none."""

    region: str
    side: str
    lesion: str
    is_large: bool


def choose_scan(rng: np.random.Generator) -> Scan:
    """A section of the head, the chest or the abdomen."""
    return Scan(str(rng.choice(REGIONS)), str(rng.choice(SIDES)), str(rng.choice(["bright", "dark"])), bool(rng.random() < 0.5))


def draw_scan(scan: Scan, rng: np.random.Generator) -> Image.Image:
    """Grey section on black; the lesion lies on the image side that is named."""
    width = int(rng.integers(240, 300))
    height = int(width * {"head": 1.12, "chest": 0.78, "abdomen": 0.74}[scan.region] * rng.uniform(0.97, 1.03))
    plane = _Plane(width, height)
    {"head": _head, "chest": _chest, "abdomen": _abdomen}[scan.region](plane, rng)
    if scan.side != "no":
        x = {"left": -1, "right": 1}[scan.side] * rng.uniform(0.32, 0.46)
        size = rng.uniform(0.17, 0.22) if scan.is_large else rng.uniform(0.09, 0.12)
        plane.ellipse((x, rng.uniform(-0.25, 0.2)), (size, size * width / height), 245 if scan.lesion == "bright" else 12)
    plane.values = np.asarray(
        Image.fromarray(plane.values).rotate(float(rng.uniform(-9, 9)), Image.Resampling.BILINEAR, expand=True)
    )
    body = plane.values > 0
    smooth = Image.fromarray(plane.values.astype(np.uint8)).filter(ImageFilter.GaussianBlur(1.3))
    noise = rng.normal(0, 7, plane.values.shape) * body
    return from_array(np.asarray(smooth, dtype=float) + noise)


class _Plane:
    """A grey plane with coordinates from -1 to 1 in which ellipses are painted."""

    def __init__(self, width_px: int, height_px: int) -> None:
        self.values = np.zeros((height_px, width_px))
        self._y, self._x = np.mgrid[-1 : 1 : height_px * 1j, -1 : 1 : width_px * 1j]

    def ellipse(self, centre: tuple[float, float], radii: tuple[float, float], value: float) -> None:
        inside = ((self._x - centre[0]) / radii[0]) ** 2 + ((self._y - centre[1]) / radii[1]) ** 2 <= 1
        self.values[inside] = value


def _head(plane: _Plane, rng: np.random.Generator) -> None:
    grey = rng.uniform(95, 125)
    plane.ellipse((0, 0), (0.94, 0.95), 90)
    plane.ellipse((0, 0), (0.9, 0.91), 250)
    plane.ellipse((0, 0), (0.79, 0.81), grey)
    for side in (-1, 1):
        plane.ellipse((side * 0.12, -0.12), (0.07, rng.uniform(0.22, 0.32)), 25)
        plane.ellipse((side * 0.2, 0.25), (0.1, 0.12), grey + 30)
    plane.ellipse((0, 0.42), (0.1, 0.06), 20)


def _chest(plane: _Plane, rng: np.random.Generator) -> None:
    plane.ellipse((0, 0), (0.96, 0.93), 120)
    plane.ellipse((0, 0), (0.86, 0.8), 150)
    for side in (-1, 1):
        plane.ellipse((side * 0.44, -0.02), (rng.uniform(0.31, 0.36), rng.uniform(0.55, 0.66)), 28)
    plane.ellipse((-0.1, -0.15), (rng.uniform(0.2, 0.27), rng.uniform(0.25, 0.33)), 185)
    plane.ellipse((0, 0.6), (0.12, 0.17), 250)
    plane.ellipse((0, 0.6), (0.04, 0.06), 90)


def _abdomen(plane: _Plane, rng: np.random.Generator) -> None:
    plane.ellipse((0, 0), (0.96, 0.93), 80)
    plane.ellipse((0, 0), (0.84, 0.8), 130)
    plane.ellipse((-0.42, -0.12), (rng.uniform(0.34, 0.4), rng.uniform(0.48, 0.56)), 175)
    plane.ellipse((0.36, -0.32), (rng.uniform(0.2, 0.26), rng.uniform(0.2, 0.26)), 55)
    for side in (-1, 1):
        plane.ellipse((side * 0.36, 0.4), (0.12, 0.19), 205)
    plane.ellipse((0, 0.5), (0.13, 0.18), 250)
    plane.ellipse((0, 0.5), (0.04, 0.06), 90)
