"""The content of a figure without its white margin and without the small marks that stand alone in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from udfs.image_colour import Pixels

Mask = npt.NDArray[np.bool_]

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

    A mark that stands alone in the margin (a panel letter, a page number) is left out, so that a copy with a letter added
    gets the same box. Meant for an image shrunk to a fixed size, at which a copy of another size looks alike.
    """
    height, width = grey.shape
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    background = int(np.bincount(border, minlength=256).argmax())
    if background < _LIGHTEST_MARGIN:
        return Box(0, 0, width, height)
    return _bounds(np.abs(grey.astype(np.int16) - background) > _TOLERANCE)


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
