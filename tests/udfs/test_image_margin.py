"""The content box leaves out white margins and lonely marks, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from udfs.image_colour import Pixels
from udfs.image_margin import Box, content_box


def canvas(value: int = 255) -> Pixels:
    return np.full((200, 256), value, dtype=np.uint8)


def test_a_white_margin_is_cut() -> None:
    grey = canvas()
    grey[40:150, 60:200] = 90
    assert content_box(grey) == Box(60, 40, 200, 150)


def test_faint_noise_in_the_margin_is_margin() -> None:
    grey = canvas()
    grey[40:150, 60:200] = 90
    grey[5, 5], grey[190, 250] = 245, 243
    assert content_box(grey) == Box(60, 40, 200, 150)


def test_a_letter_alone_in_the_margin_is_left_out() -> None:
    grey = canvas()
    grey[60:180, 80:240] = 90
    grey[4:16, 4:14] = 0
    assert content_box(grey) == Box(80, 60, 240, 180)


def test_an_axis_label_as_long_as_the_figure_is_content() -> None:
    grey = canvas()
    grey[60:180, 80:240] = 90
    grey[4:12, 90:230] = 0
    assert content_box(grey) == Box(80, 4, 240, 180)


def test_a_dark_border_is_part_of_the_picture() -> None:
    grey = canvas(128)
    grey[60:180, 80:240] = 250
    assert content_box(grey) == Box(0, 0, 256, 200)


def test_an_image_without_margin_is_all_content() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (200, 256), dtype=np.uint8)
    assert content_box(grey) == Box(0, 0, 256, 200)


def test_an_empty_image_is_all_content() -> None:
    assert content_box(canvas()) == Box(0, 0, 256, 200)


def test_one_mark_on_white_is_the_content() -> None:
    grey = canvas()
    grey[100:104, 30:34] = 0
    assert content_box(grey) == Box(30, 100, 34, 104)


def test_the_box_ends_where_the_content_ends_at_the_size_given() -> None:
    grey = canvas()
    grey[41:151, 61:203] = 90
    assert content_box(grey) == Box(61, 41, 203, 151)


def test_a_faint_line_that_a_smaller_copy_loses_is_margin() -> None:
    grey = canvas()
    grey[40:150, 60:200] = 90
    grey[10:190, 20] = 230  # above the tolerance here, below it at half the size
    assert content_box(grey) == Box(60, 40, 200, 150)


@pytest.mark.parametrize("scale", [2, 3])
def test_a_copy_of_another_size_has_the_same_box(scale: int) -> None:
    grey = canvas()[:120, :128].copy()
    grey[20:100, 30:110], grey[5:9, 3:8] = 90, 0
    large = np.kron(grey, np.ones((scale, scale), dtype=np.uint8))
    assert content_box(large) == Box(30 * scale, 20 * scale, 110 * scale, 100 * scale)
    assert content_box(grey) == Box(30, 20, 110, 100)


def test_scaling_rounds_outwards_and_stays_inside() -> None:
    assert Box(10, 10, 20, 20).scaled(2.5, 2.55, 1000, 1000) == Box(25, 25, 50, 51)
    assert Box(10, 10, 256, 200).scaled(2.5, 2.5, 639, 499) == Box(25, 25, 639, 499)
