"""Captions split at their own panel markers, by rule."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: its label, its text and where that stands in the caption (characters, end exclusive)."""

    label: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Split:
    """Panels in order, the words before the first one, and how sure the split is (0 to 1)."""

    panels: tuple[Panel, ...]
    lead: str | None
    confidence: float | None


def split_panels(caption: str) -> Split:
    """Panels of a caption."""
    return Split((), None, None)
