"""Captions split at their own panel markers, by rule."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from udfs.jats.panel_markers import TRUST, Marker, in_parentheses, roman, sides, successor, without_parentheses
from udfs.jats.sentences import first_sentence, sentence_span

_ENOUGH = 2
_INLINE = 0.4  # what a marker in mid-sentence counts, beside 1 for one that starts a sentence
_STARTS = 3  # markers tried as the first of the sequence
_BEFORE = re.compile(r"(?:[,;:(]|\band|\bor|&|/)\s*$")
_AFTER = re.compile(r"\s*(?:[,.;:)/&]|$|and\b|or\b)")
_LEADING = re.compile(r"[\s.,;:)–—-]*(?:and\b\s*)?")
_TRAILING = re.compile(r"[\s,;]*(?:\b(?:and|or|[Pp]anels?)|&)?[\s,;(]*$")
_JOINING = (",", ";", "(", "&", "and", "or", "anel", "anels")


class Panel(NamedTuple):
    """One panel: its labels joined by commas, its text and where that stands in the caption (characters, end exclusive)."""

    label: str
    text: str
    start: int
    end: int


class Split(NamedTuple):
    """Panels in order; the words before the first one, else the first sentence; how sure the split is, 0 to 1."""

    panels: tuple[Panel, ...]
    lead: str | None
    confidence: float


class _Run(NamedTuple):
    style: str
    markers: tuple[Marker, ...]
    score: float

    @property
    def is_enough(self) -> bool:
        return len(self.markers) >= _ENOUGH


def split_panels(caption: str) -> Split:
    """Panels of a caption by its own markers: (A), A), A., A:, A, or A, lists and ranges of them, i-iv, left and right.

    Markers must run on from the first label; a label seen before is a reference back. A caption without markers has no panels
    and confidence 1; one whose markers make no sequence has none and 0.5.
    """
    usual = _best_run("parentheses", in_parentheses(caption))
    if usual.is_enough:
        return _segmented(caption, usual)
    runs = [usual, *(_best_run(style, markers) for style, markers in without_parentheses(caption).items())]
    if not any(run.is_enough for run in runs):
        runs += [_best_run("roman", roman(caption)), _sides(caption)]
    best = max(runs, key=lambda run: (run.is_enough, run.score))
    if best.is_enough:
        return _segmented(caption, best)
    is_doubtful = bool(best.markers) and best.style != "bare"
    return Split((), first_sentence(caption) or None, 0.5 if is_doubtful else 1.0)


def _best_run(style: str, markers: Sequence[Marker]) -> _Run:
    """The best run of markers of a style; a first marker that names several panels may be an overview of those that follow."""
    if not markers:
        return _Run(style, (), 0.0)
    if len(markers[0].labels) == 1:
        return _scored(style, markers)
    runs = [_scored(style, markers[start:]) for start in range(min(len(markers), _STARTS))]
    return max(runs, key=lambda run: (run.is_enough, run.score))


def _scored(style: str, markers: Sequence[Marker]) -> _Run:
    run = _run(markers, style)
    return _Run(style, tuple(run), sum([1.0 if marker.is_leading else _INLINE for marker in run]))


def _run(markers: Sequence[Marker], style: str) -> list[Marker]:
    """Markers that each start with the first label not seen yet; one that starts a sentence is waited for."""
    run: list[Marker] = []
    seen: set[str] = set()
    wanted = "i" if style == "roman" else "a"
    leading = {marker.labels[0].lower(): marker.start for marker in markers if marker.is_leading}
    for marker in markers:
        first = marker.labels[0].lower()
        if first != wanted or (not marker.is_leading and leading.get(first, -1) > marker.start):
            continue
        labels = {label.lower() for label in marker.labels}
        if not seen.isdisjoint(labels):
            continue
        run.append(marker)
        seen |= labels
        while wanted in seen:
            wanted = successor(wanted, style == "roman")
    return run


def _sides(caption: str) -> _Run:
    """Markers that name sides: all in one sentence, or all at the start of one."""
    markers = sides(caption)
    if not markers:
        return _Run("side", (), 0.0)
    sentences = {sentence_span(caption, marker.start) for marker in markers}
    is_one = len(sentences) == 1 or all(marker.is_leading for marker in markers)
    return _Run("side", tuple(markers) if is_one else (), _INLINE * len(markers))


def _segmented(caption: str, run: _Run) -> Split:
    markers = run.markers
    before = sum(
        1 for marker in markers[1:] if marker.is_leading or _BEFORE.search(caption, max(0, marker.start - 6), marker.start)
    )
    after = sum(1 for marker in markers[:-1] if not marker.is_leading and _AFTER.match(caption, marker.end))
    is_suffix = after > before and not markers[0].is_leading
    panels = _panels_before(caption, markers) if is_suffix else _panels_after(caption, markers)
    share = sum(marker.is_leading for marker in markers) / len(markers)
    confidence = TRUST[run.style] * (0.8 if is_suffix else 0.7 + 0.3 * share)
    if not all(panel.text for panel in panels):
        confidence *= 0.7
    lead = caption[: panels[0].start if is_suffix else markers[0].start].strip()
    return Split(panels, lead or None, round(confidence, 2))


def _panels_after(caption: str, markers: Sequence[Marker]) -> tuple[Panel, ...]:
    """Each marker stands before its text, which ends where the next one starts; the last one's at the end of its line."""
    last = caption.find("\n", markers[-1].end + 1)
    ends = [*(marker.start for marker in markers[1:]), last if last >= 0 else len(caption)]
    return tuple(_panel(caption, marker, marker.end, end) for marker, end in zip(markers, ends, strict=True))


def _panels_before(caption: str, markers: Sequence[Marker]) -> tuple[Panel, ...]:
    """Each marker stands after its text, which starts after the marker before it or with the sentence."""
    panels = []
    start = 0
    for marker in markers:
        start = max(start, sentence_span(caption, marker.start)[0])
        panels.append(_panel(caption, marker, start, marker.start))
        start = marker.end
    return tuple(panels)


def _panel(caption: str, marker: Marker, start: int, end: int) -> Panel:
    leading = _LEADING.match(caption, start, end)
    start = leading.end() if leading else start
    end = _trimmed_end(caption, start, end)
    return Panel(",".join(marker.labels), caption[start:end], start, end)


def _trimmed_end(caption: str, start: int, end: int) -> int:
    """Where the text of a panel ends without the joining words and marks after it; most ends with white space at most."""
    tail = max(start, end - 16)
    text = caption[tail:end].rstrip()
    if not text.endswith(_JOINING):
        return max(tail + len(text), start)
    trailing = _TRAILING.search(caption, tail, end)
    return max(trailing.start() if trailing else end, start)
