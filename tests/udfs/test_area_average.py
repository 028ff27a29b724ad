"""The compiled area average is the mean over the area that each new pixel covers."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.area_average import area_average
from udfs.image_colour import Pixels


def noise(height: int, width: int, seed: int = 0) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def covered(length: int, new_length: int) -> npt.NDArray[np.float64]:
    """How much [new_length, length] of each pixel a new one covers, by definition."""
    starts, index = np.arange(new_length)[:, None] * length / new_length, np.arange(length)
    return np.clip(np.minimum(index + 1, starts + length / new_length) - np.maximum(index, starts), 0, 1)


def by_definition(pixels: Pixels, width: int, height: int) -> npt.NDArray[np.float64]:
    down, across = covered(pixels.shape[0], height), covered(pixels.shape[1], width)
    sums = np.einsum("yi,ijc,xj->yxc", down, pixels.astype(np.float64), across)
    return sums / np.outer(down.sum(axis=1), across.sum(axis=1))[:, :, None]


@settings(max_examples=100, deadline=None)
@given(data=st.data(), height=st.integers(1, 120), width=st.integers(1, 120))
def test_a_pixel_is_the_mean_of_the_area_it_covers(data: st.DataObject, height: int, width: int) -> None:
    new_height, new_width = data.draw(st.integers(1, height)), data.draw(st.integers(1, width))
    pixels = noise(height, width, height * 1000 + width)
    out = area_average(pixels, new_width, new_height)
    assert np.abs(out - by_definition(pixels, new_width, new_height)).max() < 0.501


@pytest.mark.parametrize("size", [(960, 1280), (512, 512), (513, 600), (1537, 2000), (3, 4000), (4000, 1)])
def test_opencv_s_area_average_differs_by_rounding_alone(size: tuple[int, int]) -> None:
    pixels = noise(*size)
    width, height = max(1, size[1] * 2 // 5), max(1, size[0] * 2 // 5)
    opencv = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    assert np.abs(area_average(pixels, width, height).astype(int) - opencv).max() <= 1


def test_a_view_of_other_pixels_is_averaged_as_its_copy() -> None:
    pixels = noise(200, 300)[::-1, ::2]
    assert np.array_equal(area_average(pixels, 70, 90), area_average(pixels.copy(), 70, 90))


@pytest.mark.parametrize("value", [0, 1, 127, 255])
def test_one_colour_stays_that_colour(value: int) -> None:
    pixels = np.full((301, 407, 3), value, dtype=np.uint8)
    assert np.all(area_average(pixels, 130, 97) == value)


def test_white_does_not_turn_black_where_millions_of_pixels_are_averaged() -> None:
    for size in ((3_000_000, 1), (1, 3_000_000)):
        assert area_average(np.full((*size, 3), 255, np.uint8), 1, 1).min() >= 254
