"""Intervals of a text, asked for overlap in logarithmic time: hostile paragraphs hold very many of them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from itertools import accumulate


class Intervals:
    """Closed intervals (start, end) that are all known beforehand."""

    def __init__(self, intervals: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(intervals)
        self._starts = [start for start, _ in ordered]
        self._furthest = list(accumulate((end for _, end in ordered), max))

    def touch(self, start: int, end: int) -> bool:
        """True when one of the intervals shares a position with start..end, both ends included."""
        index = bisect_right(self._starts, end)
        return index > 0 and self._furthest[index - 1] >= start
