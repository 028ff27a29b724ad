"""The content of a figure without its white margin and without the small marks that stand alone in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from udfs.compiled import compiled
from udfs.image_colour import Pixels
from udfs.image_resize import shrink_grey

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
    coarse = shrink_grey(grey, _COARSE_SIDE_PX)
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
    longest = max(content.shape)
    turned = np.ascontiguousarray(content.T)
    left, top, right, bottom = _without_marks(content, turned, max(1.0, _GAP_SHARE * longest), _MARK_SHARE * longest)
    return Box(left, top, right, bottom)


@compiled
def _without_marks(content: Mask, turned: Mask, gap: float, mark: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a mask [height, width] has, small marks that stand alone at its ends left out.

    All of it if it has nothing. Rows and columns (those of `turned`) are looked at in turns.
    """
    left, top, right, bottom = 0, 0, content.shape[1], content.shape[0]
    for _ in range(_PASSES):  # a mark dropped in one direction may free the other
        first_row, last_row = _ends(content, top, bottom, left, right, gap, mark)
        if first_row == last_row:
            break
        first, last = _ends(turned, left, right, first_row, last_row, gap, mark)
        if first == last or (first == left and last == right and first_row == top and last_row == bottom):
            break
        left, top, right, bottom = first, first_row, last, last_row
    return left, top, right, bottom


@compiled
def _ends(content: Mask, top: int, bottom: int, left: int, right: int, gap: float, mark: float) -> tuple[int, int]:
    """First and last + 1 row with content, a small mark that stands alone at either end left out; both 0 without content."""
    filled = np.zeros((bottom - top, 4), np.int64)  # of each run of rows with content: first, last + 1; columns: first, last + 1
    num, is_inside = 0, False
    for y in range(top, bottom):
        first, last = right, left
        for x in range(left, right):
            if content[y, x]:
                first, last = min(first, x), x + 1
        if first >= last:
            is_inside = False
            continue
        if not is_inside:
            filled[num, 0], filled[num, 2], filled[num, 3] = y, first, last
            num, is_inside = num + 1, True
        run = filled[num - 1]
        run[1], run[2], run[3] = y + 1, min(run[2], first), max(run[3], last)
    if num == 0:
        return 0, 0
    start, end = 0, num - 1
    if start < end and filled[1, 0] - filled[0, 1] >= gap and _longer_side(filled[0]) <= mark:
        start = 1
    if start < end and filled[end, 0] - filled[end - 1, 1] >= gap and _longer_side(filled[end]) <= mark:
        end -= 1
    return filled[start, 0], filled[end, 1]


@compiled
def _longer_side(filled: npt.NDArray[np.int64]) -> int:
    return int(max(filled[1] - filled[0], filled[3] - filled[2]))
