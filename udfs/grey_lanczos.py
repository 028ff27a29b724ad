"""Colour pixels to a small grey square, value for value as Pillow's convert("L").resize(LANCZOS), in one pass over them."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from udfs.compiled import compiled

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.int32]
Weights = tuple[Values, Values]

_STRIP_PIXELS = 4_000_000
_LOBES = 3.0
_PRECISION_BITS = 22  # Pillow's fixed point for 8-bit images
_HALF = 1 << (_PRECISION_BITS - 1)
_VECTOR = 16  # weights are as many times this, so that no loop over them ends one by one


def grey_square(pixels: Pixels, side: int) -> Pixels:
    """RGB pixels [height, width, 3] as grey [side, side].

    Pillow shrinks rows first unless the height shrinks by more than twice as much as the width: such images and those too
    small to shrink are left to Pillow, and so is everything if the installed Pillow should calculate otherwise.
    """
    height, width = pixels.shape[:2]
    if height <= side or height - side > 2 * (width - side) or not _agrees_with_pillow():
        return square_by_pillow(pixels, side)
    return _square(np.ascontiguousarray(pixels), side)


def square_by_pillow(pixels: Pixels, side: int) -> Pixels:
    """The same by Pillow itself, strip by strip, so that a large image needs no second copy of itself."""
    grey = np.empty(pixels.shape[:2], dtype=np.uint8)
    rows = max(1, _STRIP_PIXELS // pixels.shape[1])
    for top in range(0, pixels.shape[0], rows):
        grey[top : top + rows] = np.asarray(Image.fromarray(pixels[top : top + rows]).convert("L"))
    return np.asarray(Image.fromarray(grey).resize((side, side), Image.Resampling.LANCZOS))


@cache
def _agrees_with_pillow() -> bool:
    generator = np.random.default_rng(0)
    samples = (generator.integers(0, 256, (*size, 3), dtype=np.uint8) for size in ((90, 90), (61, 97), (40, 333), (98, 65)))
    return all(np.array_equal(_square(pixels, 32), square_by_pillow(pixels, 32)) for pixels in samples)


def _square(pixels: Pixels, side: int) -> Pixels:
    height, width = pixels.shape[:2]
    return _shrink(pixels, _weights(width, side), _weights(height, side))


@lru_cache(maxsize=256)
def _weights(length: int, side: int) -> Weights:
    """First source index [side] and weights [side, most] of `side` values made of `length`; weights past an end are 0."""
    scale = length / side
    support = _LOBES * scale
    centres = (np.arange(side) + 0.5) * scale
    first = np.maximum(0, (centres - support + 0.5).astype(np.int32))
    count = np.minimum(length, (centres + support + 0.5).astype(np.int32)) - first
    steps = np.arange(-(-int(count.max()) // _VECTOR) * _VECTOR)
    distance = (steps + first[:, None] - centres[:, None] + 0.5) / scale
    inside = (distance >= -_LOBES) & (distance < _LOBES) & (steps < count[:, None])
    raw = np.where(inside, np.sinc(distance) * np.sinc(distance / _LOBES), 0.0)
    shares = raw / raw.sum(axis=1, keepdims=True) * (1 << _PRECISION_BITS)
    return first, np.trunc(shares + np.copysign(0.5, shares)).astype(np.int32)


@compiled
def _luma(row: Pixels, grey: Values) -> None:
    """Unsigned 32-bit arithmetic on a flat row: the form that the compiler turns into vector instructions."""
    for x in range(grey.size):
        red, green, blue = np.uint32(row[3 * x]), np.uint32(row[3 * x + 1]), np.uint32(row[3 * x + 2])
        total = red * np.uint32(19595) + green * np.uint32(38470) + blue * np.uint32(7471) + np.uint32(32768)
        grey[x] = total >> np.uint32(16)


@compiled
def _weighted(values: Values, weights: Values) -> int:
    """The sum stays one of 32 bits, as Pillow's, so that twice as many fit into a vector as of 64."""
    total = np.int32(_HALF)
    for index in range(weights.size):
        total = np.int32(total + np.int32(values[index] * weights[index]))
    return min(255, max(0, int(total >> _PRECISION_BITS)))


@compiled
def _shrink(pixels: Pixels, across: Weights, down: Weights) -> Pixels:
    """Luma of each row, the row shrunk, then the columns; each step rounded to 8 bits."""
    height, width = pixels.shape[:2]
    first_x, weights_x = across
    first_y, weights_y = down
    side, num_x, num_y = first_x.size, weights_x.shape[1], weights_y.shape[1]
    grey, columns = np.zeros(width + num_x, np.int32), np.zeros((side, height + num_y), np.int32)
    for y in range(height):
        _luma(pixels[y].reshape(-1), grey[:width])
        for x in range(side):
            columns[x, y] = _weighted(grey[first_x[x] : first_x[x] + num_x], weights_x[x])
    out = np.empty((side, side), np.uint8)
    for y in range(side):
        for x in range(side):
            out[y, x] = _weighted(columns[x, first_y[y] : first_y[y] + num_y], weights_y[y])
    return out
