"""The compiled counts of a grey image equal those of OpenCV and numpy."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from udfs.grey_counts import count
from udfs.image_features import measure


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (16, 7), (512, 1), (1, 512), (384, 512)])
def test_histogram_and_laplacian_equal_those_of_other_libraries(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(size[0]).integers(0, 256, size, dtype=np.uint8)
    counts = count(grey)
    laplacian = cv2.Laplacian(grey, cv2.CV_16S).astype(np.int64)
    assert np.array_equal(counts.histogram, np.bincount(grey.ravel(), minlength=256))
    assert (counts.laplacian, counts.laplacian_squared) == (laplacian.sum(), (laplacian**2).sum())


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (3, 5), (384, 512)])
def test_steep_pixels_differ_from_their_left_and_upper_neighbours_by_more_than_32_together(size: tuple[int, int]) -> None:
    grey = np.random.default_rng(size[0]).integers(100, 130, size, dtype=np.uint8)
    across = np.abs(np.diff(grey.astype(int), axis=1))[1:]
    down = np.abs(np.diff(grey.astype(int), axis=0))[:, 1:]
    assert count(grey).num_steep == np.count_nonzero(across + down > 32)


def test_the_steepest_pattern_does_not_overflow() -> None:
    board = (np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)
    assert count(board).laplacian_squared == 512 * 512 * (4 * 255) ** 2


def test_sharpness_is_the_variance_of_the_laplacian() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (90, 120), dtype=np.uint8)
    pixels = np.repeat(grey[:, :, None], 3, axis=2)
    deviation = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S))[1][0, 0]
    assert measure(pixels, count(grey), grey).sharpness == float(deviation) ** 2
