"""What the measures of a grey image count, in one compiled pass over its pixels."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from udfs.compiled import compiled

Pixels = npt.NDArray[np.uint8]
Histogram = npt.NDArray[np.int64]

_STEEP_GRADIENT = 32
_NUM_TABLES = 4  # neighbours are often equal: counted in one table, each would wait for the one before it


@dataclass(frozen=True)
class Counts:
    """Of a grey image: how many pixels have each value [256], its Laplacian summed up, squared too, and its steep pixels."""

    histogram: Histogram
    laplacian: int
    laplacian_squared: int
    num_steep: int


def count(grey: Pixels) -> Counts:
    """The counts of a grey image [height, width].

    The Laplacian of a pixel is the sum of its four neighbours less four times itself; the image is mirrored at its edges,
    without repeating them, as by cv2.Laplacian. A pixel is steep if it differs from those at its left and above by more than
    32 together; those of the first row and column have no such two and are not.
    """
    tables = np.zeros((_NUM_TABLES, 256), dtype=np.int64)
    framed = np.asarray(cv2.copyMakeBorder(grey, 1, 1, 1, 1, cv2.BORDER_REFLECT_101), dtype=np.uint8)
    laplacian, squared, steep = _count(framed, tables)
    return Counts(tables.sum(axis=0), laplacian, squared, steep)


@compiled
def _count(framed: Pixels, tables: Histogram) -> tuple[int, int, int]:
    """Of an image [height + 2, width + 2] with a frame of one pixel, which is not counted itself; fills the tables."""
    total, squares, steep = 0, 0, 0
    for y in range(1, framed.shape[0] - 1):
        above, row, below = framed[y - 1], framed[y], framed[y + 1]
        for x in range(1, row.size - 1):
            around = np.int32(above[x]) + np.int32(below[x]) + np.int32(row[x - 1]) + np.int32(row[x + 1])
            change = np.int32(around - 4 * np.int32(row[x]))
            total += int(change)
            squares += int(np.int32(change * change))
        for x in range(1, row.size - 1):
            tables[x % _NUM_TABLES, row[x]] += 1
        if y > 1:
            for x in range(2, row.size - 1):
                slope = abs(np.int32(row[x]) - np.int32(row[x - 1])) + abs(np.int32(row[x]) - np.int32(above[x]))
                steep += int(slope > _STEEP_GRADIENT)
    return total, squares, steep
