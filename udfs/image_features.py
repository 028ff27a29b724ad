"""Cheap measures of an image, from its shrunk version."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from udfs.grey_counts import Counts
from udfs.image_colour import Pixels

_BACKGROUND_TOLERANCE = 8
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


def measure(pixels: Pixels, counts: Counts, content: Pixels) -> Features:
    """Features of RGB pixels [height, width, 3], of the counts of their grey version, and of what that has within its margin."""
    histogram = counts.histogram.astype(np.float32)
    num_pixels = pixels.shape[0] * pixels.shape[1]
    shares = histogram[histogram > 0] / num_pixels
    commonest = int(histogram.argmax())
    near = histogram[max(0, commonest - _BACKGROUND_TOLERANCE) : commonest + _BACKGROUND_TOLERANCE + 1]
    red, green, blue, _ = cv2.mean(pixels)
    return Features(
        entropy_bits=0.0 if is_flat(content) else max(0.0, float(-(shares * np.log2(shares)).sum())),
        background_share=float(near.sum() / num_pixels),
        edge_density=counts.num_steep / max(1, (pixels.shape[0] - 1) * (pixels.shape[1] - 1)),
        sharpness=_deviation(counts.laplacian, counts.laplacian_squared, num_pixels) ** 2,
        mean_red=red,
        mean_green=green,
        mean_blue=blue,
    )


def is_flat(content: Pixels) -> bool:
    """True when a grey image [height, width] has one value but near its edges: its hashes would be the noise of rounding."""
    height, width = content.shape
    inner = content[height // _EDGE_SHARE : height - height // _EDGE_SHARE, width // _EDGE_SHARE : width - width // _EDGE_SHARE]
    return bool(np.ptp(inner) < _BLANK_RANGE)


def is_one_colour(pixels: Pixels, counts: Counts) -> bool:
    """True when no channel of the pixels [height, width, 3] varies visibly; the counts of their grey answer most cases fast."""
    values = np.flatnonzero(counts.histogram)
    if values[-1] - values[0] >= _BLANK_RANGE:
        return False
    return int(np.ptp(pixels.reshape(-1, 3), axis=0).max()) < _BLANK_RANGE


def _deviation(total: int, squares: int, num: int) -> float:
    """Standard deviation of so many values from their sum and sum of squares, rounded step by step as cv2.meanStdDev does."""
    share = 1.0 / num
    mean = total * share
    return math.sqrt(max(0.0, squares * share - mean * mean))
