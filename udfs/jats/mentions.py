"""Rows of table `mentions`: every place where the text refers to a figure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from schemas.rejects import Reason
from udfs.jats.blocks import Blocks, block_of, place_of
from udfs.jats.figures import Figure
from udfs.jats.names import Element
from udfs.jats.numbering import ordinal
from udfs.jats.panel_refs import panels_referred
from udfs.jats.scope import Scope
from udfs.jats.sentences import sentence_span
from udfs.jats.targets import Targets
from udfs.jats.text import Span, Text

PartReject = tuple[str, Reason, str]

_NEVER = frozenset({"bibr", "aff", "fn", "table-fn", "corresp", "author-notes", "contrib"})
_DASH = r"[-‐‑‒–—−]"
_BETWEEN = re.compile(rf"\s*[A-Za-z]?\s*(?:{_DASH}|to|through)\s*(?:fig(?:ure)?s?\.?)?\s*", re.IGNORECASE)
_RANGE = re.compile(rf"(?P<first>[A-Z]?\d+)[a-z]?\s*(?:{_DASH}|to|through)\s*(?P<last>[A-Z]?\d+)", re.IGNORECASE)


def wanted_xrefs(xrefs: Sequence[Element], targets: Targets) -> dict[Element, int]:
    """Cross-references typed as figures or that lead to one, each with its number among all of the article, from 0."""
    wanted = {}
    for number, xref in enumerate(xrefs):
        kind = xref.get("ref-type")
        if kind == "fig" or (kind not in _NEVER and not targets.ids.isdisjoint((xref.get("rid") or "").split())):
            wanted[xref] = number
    return wanted


class MentionReader:
    """Collects the rows, and a reject for each figure cross-reference that leads to no figure."""

    def __init__(self, targets: Targets, blocks: Blocks, scope: Scope) -> None:
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[PartReject] = []
        self._targets = targets
        self._blocks = blocks
        self._scope = scope
        self._counts: dict[str, int] = {}
        self._seen: set[tuple[str, Element, int, int]] = set()

    def read(self, xref: Element, number: int) -> None:
        """Add the mentions of one cross-reference: one per figure it names or that lies in a range it ends."""
        figures = self._targets.resolve(xref)
        block = block_of(xref)
        text = self._blocks.read(block)
        index = next((index for index, span in enumerate(text.spans) if span.xref is xref), None)
        if not figures or index is None:
            why = "leads to no figure" if not figures else "stands outside of the text"
            self.rejects.append((f"xref/{number}", Reason.DANGLING_REFERENCE, f"xref with rid {xref.get('rid')!r} {why}"))
            return
        span = text.spans[index]
        for figure in figures:
            self._add(figure, block, text, (span.start, span.end), "xref")
        for figure in self._within(figures[0], text.text[span.start : span.end]):
            self._add(figure, block, text, (span.start, span.end), "range")
        if index > 0:
            before = text.spans[index - 1]
            for figure in self._between(before, span, figures, text):
                self._add(figure, block, text, (before.start, span.end), "range")

    def _within(self, figure: Figure, words: str) -> list[Figure]:
        """Figures of a range that one cross-reference spells out: Figs 2-4."""
        found: list[Figure] = []
        for match in _RANGE.finditer(words):
            first, last = ordinal(match.group("first")), ordinal(match.group("last"))
            if first and last and first[0] == last[0]:
                found += self._targets.numbered(figure, first[0], first[1], last[1])
        return found

    def _between(self, before: Span, span: Span, figures: list[Figure], text: Text) -> list[Figure]:
        """Figures between two cross-references that a dash or `to` joins."""
        if not _BETWEEN.fullmatch(text.text[before.end : span.start]):
            return []
        first = self._targets.resolve(before.xref)
        return self._targets.between(first[0], figures[-1]) if first else []

    def _add(self, figure: Figure, block: Element, text: Text, span: tuple[int, int], found_by: str) -> None:
        figure_id = figure.row["figure_id"]
        key = (figure_id, block, *span)
        if key in self._seen:
            return
        self._seen.add(key)
        number = self._counts[figure_id] = self._counts.get(figure_id, -1) + 1
        start, end = sentence_span(text.text, span[0])
        self.rows.append(
            {
                "accession": figure.row["accession"],
                "figure_id": figure_id,
                "mention_no": number,
                "section_path": self._scope.path(block),
                "place": _place(block, figure),
                "paragraph": text.text,
                "sentence": text.text[start : max(end, span[1])],
                "start": span[0],
                "end": span[1],
                "panels": panels_referred(text.text, *span),
                "found_by": found_by,
            }
        )


def _place(block: Element, figure: Figure) -> str:
    place, element = place_of(block)
    if place != "caption":
        return place
    return "own_caption" if any(one is figure.graphic.place for one in element.iterancestors()) else place
