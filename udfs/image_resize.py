"""Shrinking by averaging."""

from __future__ import annotations

import cv2
import numpy as np

from udfs.area_average import area_average
from udfs.image_colour import Pixels

cv2.setNumThreads(1)  # the unit of parallelism is the task: threads in a kernel would fight the other tasks' for cores


def fitted_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """Width and height with the longest side at most longest_side pixels, aspect kept; 0 keeps the size."""
    scale = longest_side / max(width, height) if longest_side else 1.0
    if scale >= 1:
        return width, height
    return max(1, round(width * scale)), max(1, round(height * scale))


def shrink(pixels: Pixels, longest_side: int) -> Pixels:
    """Pixels [height, width, 3], area-averaged to the fitted size; never enlarged."""
    height, width = pixels.shape[:2]
    size = fitted_size(width, height, longest_side)
    return pixels if size == (width, height) else area_average(pixels, *size)


def shrink_grey(pixels: Pixels, longest_side: int) -> Pixels:
    """Pixels [height, width], shrunk to the fitted size; never enlarged.

    First whole blocks are averaged, down to one and a half to three times the size, then a bilinear step to exactly twice
    the size and an average of two by two: close to an area average, but smooth where that takes over most pixels as they are,
    a little smaller than it began. Copies of many sizes come out alike, which their content box and hashes need.
    """
    height, width = pixels.shape
    new_width, new_height = fitted_size(width, height, longest_side)
    if (new_width, new_height) == (width, height):
        return pixels
    block_x, block_y = max(1, int(width / new_width / 1.5)), max(1, int(height / new_height / 1.5))
    if block_x > 1 or block_y > 1:
        whole = pixels[: height // block_y * block_y, : width // block_x * block_x]
        pixels = _resized(whole, (width // block_x, height // block_y), cv2.INTER_AREA)
    doubled = _resized(pixels, (2 * new_width, 2 * new_height), cv2.INTER_LINEAR)
    return _resized(doubled, (new_width, new_height), cv2.INTER_AREA)


def squared(pixels: Pixels, side: int) -> Pixels:
    """Pixels [height, width] as a square [side, side], aspect given up: averaged where they shrink, interpolated where not."""
    height, width = pixels.shape
    shrunk = _resized(pixels, (min(width, side), min(height, side)), cv2.INTER_AREA)
    return shrunk if shrunk.shape == (side, side) else _resized(shrunk, (side, side), cv2.INTER_LINEAR)


def to_grey(pixels: Pixels) -> Pixels:
    """Luma (ITU-R 601) [height, width] of RGB pixels [height, width, 3]."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _resized(pixels: Pixels, size: tuple[int, int], interpolation: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, size, interpolation=interpolation), dtype=np.uint8)
