"""The content of a figure without its white margin and without the small marks that stand alone in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from udfs.image_colour import Pixels
from udfs.image_resize import shrink

Mask = npt.NDArray[np.bool_]

_COARSE_SIDE_PX = 128  # at a larger size an original still shows faint lines that a thumbnail of it has lost
_LIGHTEST_MARGIN = 230  # a darker border is part of the picture: its texture would make the box jump
_TOLERANCE = 16
_GAP_SHARE = 0.02  # a mark stands alone with this much of the longest side between it and the rest
_MARK_SHARE = 0.08  # and is a mark, not content, up to this size
_PASSES = 3


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, right and bottom excluded."""

    left: int
    top: int
    right: int
    bottom: int

    def scaled(self, x: float, y: float, width: int, height: int) -> Box:
        """The box in an image x and y times as large, of the given size, rounded outwards."""
        right, bottom = min(width, int(np.ceil(self.right * x))), min(height, int(np.ceil(self.bottom * y)))
        return Box(min(int(self.left * x), right - 1), min(int(self.top * y), bottom - 1), right, bottom)


def content_box(grey: Pixels) -> Box:
    """The box of what differs from a white margin, of a grey image [height, width]; the whole image if it has none.

    What is content is told at a small size, at which copies of all sizes look alike; where it ends, on the image given.
    A mark that stands alone in the margin (a panel letter, a page number) is left out, so that a copy with a letter added
    gets the same box.
    """
    height, width = grey.shape
    coarse = shrink(grey, _COARSE_SIDE_PX)
    background = _margin_grey(coarse)
    if background is None:
        return Box(0, 0, width, height)
    x, y = width / coarse.shape[1], height / coarse.shape[0]
    box = _bounds(_differs(coarse, background)).scaled(x, y, width, height)
    return box if grey.shape == coarse.shape else _tightened(box, _differs(grey, background), int(np.ceil(2 * max(x, y))))


def _margin_grey(grey: Pixels) -> int | None:
    """The commonest grey of the border where it is light enough for a margin."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    commonest = int(np.bincount(border, minlength=256).argmax())
    return commonest if commonest >= _LIGHTEST_MARGIN else None


def _differs(grey: Pixels, background: int) -> Mask:
    differs: Mask = np.abs(grey.astype(np.int16) - background) > _TOLERANCE
    return differs


def _tightened(box: Box, content: Mask, most: int) -> Box:
    """The box without what is empty at its ends, up to so many pixels; an end that is empty further in stays."""
    part = content[box.top : box.bottom, box.left : box.right]
    rows: Mask = np.any(part, axis=1)
    columns: Mask = np.any(part, axis=0)
    return Box(
        box.left + _empty(columns, most),
        box.top + _empty(rows, most),
        box.right - _empty(columns[::-1], most),
        box.bottom - _empty(rows[::-1], most),
    )


def _empty(lines: Mask, most: int) -> int:
    """Number of lines without content before the first with any; 0 if it is not among the first `most`, or the last of all."""
    found = np.flatnonzero(lines[: min(most, len(lines) // 2)])
    return int(found[0]) if found.size else 0


def _bounds(content: Mask) -> Box:
    box = Box(0, 0, content.shape[1], content.shape[0])
    for _ in range(_PASSES):  # a mark dropped in one direction may free the other
        part = content[box.top : box.bottom, box.left : box.right]
        rows = _without_marks(part, max(content.shape))
        if rows is None:
            break
        columns = _without_marks(part[rows[0] : rows[1]].T, max(content.shape))
        if columns is None:
            break
        found = Box(box.left + columns[0], box.top + rows[0], box.left + columns[1], box.top + rows[1])
        if found == box:
            break
        box = found
    return box


def _without_marks(content: Mask, longest_side: int) -> tuple[int, int] | None:
    """First and last + 1 row with content, a small mark that stands alone at either end left out; None without content."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], content.any(axis=1).view(np.int8), [0]])))
    starts, stops = edges[::2], edges[1::2]
    if starts.size == 0:
        return None
    first, last = 0, starts.size - 1
    gap = max(1.0, _GAP_SHARE * longest_side)
    if first < last and starts[1] - stops[0] >= gap and _is_mark(content[starts[0] : stops[0]], longest_side):
        first = 1
    if first < last and starts[last] - stops[last - 1] >= gap and _is_mark(content[starts[last] : stops[last]], longest_side):
        last -= 1
    return int(starts[first]), int(stops[last])


def _is_mark(content: Mask, longest_side: int) -> bool:
    columns = np.flatnonzero(content.any(axis=0))
    return bool(max(content.shape[0], columns[-1] + 1 - columns[0]) <= _MARK_SHARE * longest_side)
