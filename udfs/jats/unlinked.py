"""Figures that a paragraph names by word and number where no cross-reference marks it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from udfs.jats.intervals import Intervals
from udfs.jats.text import Text

FIGURE_WORDS = ("Fig", "FIG")

_DASH = r"[-‐‑‒–—−]"
_NUMBER = r"S?\d{1,3}(?:[a-z](?![a-z])|[A-Z](?![A-Za-z]))?"
_NAMED = re.compile(
    rf"F(?:ig(?:ure)?s?|IG(?:URE)?S?)\b\.?\s?(?P<numbers>S?\d{{1,3}}(?:\s?[—–-]\s?figure supplement \d+)?"
    rf"(?![\d.]*\d)(?:[A-Za-z](?![a-z]))?(?:\s?(?:,|&|and|{_DASH}|to)\s?{_NUMBER}(?!\w))*)"
)
_BEFORE = re.compile(
    r"(?:suppl\w*\.?|additional|extended[\s-]data|appendix|source\s+data(?:\s+for)?|previous(?:ly)?|former|original|old|their|online|web)\s*$",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"\s?{_DASH}+\s?(?:source|figure)|\s+(?:of|in|from|by)\s+(?:ref|\[|\(?[A-Z][\w’'-]+\s+(?:et\s+al|and\s+[A-Z]|\())|\s+(?:source|suppl)",
    re.IGNORECASE,
)
_EACH = re.compile(rf"(?P<first>S?\d+)[A-Za-z]?\s?(?:{_DASH}|to)\s?(?P<last>S?\d+)|S?\d+(?:\s?[—–-]\s?figure supplement \d+)?")
_LOOK_BACK = 24


def find_unlinked(text: Text) -> Iterator[tuple[int, int, list[str]]]:
    """(start, end, figure numbers) of each place that names figures outside of the cross-references; others' figures left out."""
    words = text.text
    spans: Intervals | None = None
    for match in _NAMED.finditer(words):
        start, end = match.span()
        spans = spans or Intervals((span.start, span.end - 1) for span in text.spans)
        if words[start - 1 : start].isalnum() or spans.touch(start, end - 1):
            continue
        if _BEFORE.search(words, max(0, start - _LOOK_BACK), start) or _AFTER.match(words, end):
            continue
        yield start, end, _numbers(match.group("numbers"))


def _numbers(written: str) -> list[str]:
    """Numbers of a list such as `2A, 3` or `S2–S4`, ranges filled."""
    found: list[str] = []
    for match in _EACH.finditer(written):
        first, last = match.group("first"), match.group("last")
        if first is None:
            found.append(match.group())
            continue
        prefix, low, high = first.rstrip("0123456789"), int(first.lstrip("S")), int(last.lstrip("S"))
        found += [f"{prefix}{number}" for number in range(low, high + 1)] if low < high < low + 100 else [first, last]
    return list(dict.fromkeys(found))
