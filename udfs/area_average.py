"""Area average of colour pixels, in one compiled pass over them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from udfs.compiled import compiled
from udfs.weighted_pixel import LANES, put_weighted_pixel

Pixels = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]
Weights = tuple[npt.NDArray[np.int32], Values]


def area_average(pixels: Pixels, width: int, height: int) -> Pixels:
    """RGB pixels [rows, columns, 3] averaged to [height, width, 3], which is no larger in either direction.

    A new pixel is the mean of the area that it covers, pixels on its border weighted by the part of them that it covers: as
    cv2.INTER_AREA in a third of its time, but for the rounding of a value that lies between two.
    """
    rows, columns = pixels.shape[:2]
    out = np.empty(height * width * 3 + LANES, dtype=np.uint8)
    flat = np.ascontiguousarray(pixels).reshape(rows, -1)
    _average(flat, _weights(columns, width), _weights(rows, height), out)
    return out[: height * width * 3].reshape(height, width, 3)


@lru_cache(maxsize=256)
def _weights(length: int, new_length: int) -> Weights:
    """Of each of `new_length` parts of `length`: the first index in it, and the weights [new_length, most] from there on."""
    starts = np.arange(new_length, dtype=np.int64) * length  # in units of 1 / new_length, so that nothing is rounded
    first = starts // new_length
    most = -(-length // new_length) + 1
    borders = (first[:, None] + np.arange(most)) * new_length
    covered = np.minimum(borders + new_length, starts[:, None] + length) - np.maximum(borders, starts[:, None])
    return first.astype(np.int32), (np.maximum(covered, 0) / length).astype(np.float32)


@compiled
def _average(pixels: Pixels, across: Weights, down: Weights, out: Pixels) -> None:
    """Rows [any, 3 * columns] summed up to one, and that one's columns to a row of `out`, which is flat and LANES longer."""
    first, weights = down
    first_x, weights_x = across
    num_x = weights_x.shape[1]
    sums = np.zeros(pixels.shape[1] + 3 * num_x + LANES, np.float32)  # weights behind the last column are 0
    for y in range(first.size):
        for x in range(sums.size):
            sums[x] = 0.0
        for index in range(weights.shape[1]):
            if weights[y, index] > 0:
                _add(sums, pixels[first[y] + index], weights[y, index])
        for x in range(first_x.size):
            at, to = np.uintp(3 * first_x[x]), np.uintp(3 * (y * first_x.size + x))
            put_weighted_pixel(sums, at, weights_x, np.uintp(x * num_x), np.uintp(num_x), out, to)


@compiled
def _add(sums: Values, row: Pixels, weight: np.float32) -> None:
    for x in range(row.size):
        sums[x] += weight * np.float32(row[x])
