"""Cheap measures of an image, from its shrunk version."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from udfs.grey_counts import count
from udfs.image_colour import Pixels

_BACKGROUND_TOLERANCE = 8
_STEEP_GRADIENT = 32
_BLANK_RANGE = 8
_EDGE_SHARE = 8  # of the height and of the width, at either end


@dataclass(frozen=True)
class Features:
    """Measures of one image; units stand in the comments of the table `images`."""

    entropy_bits: float
    background_share: float
    edge_density: float
    sharpness: float
    mean_red: float
    mean_green: float
    mean_blue: float


def measure(pixels: Pixels, grey: Pixels, content: Pixels) -> Features:
    """Features of RGB pixels [height, width, 3], their grey version [height, width] and what it has within its margin."""
    counts, total, squares = count(grey)
    histogram = counts.astype(np.float32)
    shares = histogram[histogram > 0] / grey.size
    commonest = int(histogram.argmax())
    near = histogram[max(0, commonest - _BACKGROUND_TOLERANCE) : commonest + _BACKGROUND_TOLERANCE + 1]
    red, green, blue, _ = cv2.mean(pixels)
    return Features(
        entropy_bits=0.0 if is_flat(content) else max(0.0, float(-(shares * np.log2(shares)).sum())),
        background_share=float(near.sum() / grey.size),
        edge_density=_edge_density(grey),
        sharpness=_deviation(total, squares, grey.size) ** 2,
        mean_red=red,
        mean_green=green,
        mean_blue=blue,
    )


def is_flat(content: Pixels) -> bool:
    """True when a grey image [height, width] has one value but near its edges: its hashes would be the noise of rounding."""
    height, width = content.shape
    inner = content[height // _EDGE_SHARE : height - height // _EDGE_SHARE, width // _EDGE_SHARE : width - width // _EDGE_SHARE]
    return bool(np.ptp(inner) < _BLANK_RANGE)


def is_one_colour(pixels: Pixels, grey: Pixels) -> bool:
    """True when no channel of the pixels [height, width, 3] varies visibly; grey [height, width] answers most cases fast."""
    if np.ptp(grey) >= _BLANK_RANGE:
        return False
    return int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) < _BLANK_RANGE


def _deviation(total: int, squares: int, num: int) -> float:
    """Standard deviation of so many values from their sum and sum of squares, rounded step by step as cv2.meanStdDev does."""
    share = 1.0 / num
    mean = total * share
    return math.sqrt(max(0.0, squares * share - mean * mean))


def _edge_density(grey: Pixels) -> float:
    """Share of steep pixels; 0 where the image is one pixel high or wide, in which none has neighbours both ways."""
    if min(grey.shape) < 2:
        return 0.0
    across = cv2.absdiff(grey[1:, 1:], grey[1:, :-1])
    down = cv2.absdiff(grey[1:, 1:], grey[:-1, 1:])
    steep = np.asarray(cv2.add(across, down)) > _STEEP_GRADIENT
    return float(np.count_nonzero(steep) / steep.size)
