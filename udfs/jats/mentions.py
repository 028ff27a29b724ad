"""Rows of table `mentions`: every place where the text refers to a figure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from schemas.rejects import Reason
from udfs.jats.blocks import Blocks, block_of, place_of
from udfs.jats.figures import Figure
from udfs.jats.names import Element
from udfs.jats.numbering import ordinal
from udfs.jats.panel_refs import panels_referred
from udfs.jats.scope import Scope, sub_article
from udfs.jats.sentences import sentence_span
from udfs.jats.text import Span, Text

PartReject = tuple[str, Reason, str]

_NEVER = frozenset({"bibr", "aff", "fn", "table-fn", "corresp", "author-notes", "contrib"})
_BETWEEN = re.compile(r"\s*[A-Za-z]?\s*(?:[-‐‑‒–—−]|to|through)\s*(?:fig(?:ure)?s?\.?)?\s*", re.IGNORECASE)
_RANGE = re.compile(r"(?P<first>[A-Z]?\d+)[a-z]?\s*(?:[-‐‑‒–—−]|to|through)\s*(?P<last>[A-Z]?\d+)", re.IGNORECASE)


class Targets:
    """Which figures an id of the XML stands for."""

    def __init__(self, figures: Sequence[Figure]) -> None:
        self.figures = figures
        self._by_id: dict[str, list[Figure]] = {}
        self._by_ordinal: dict[tuple[str, str, int], list[Figure]] = {}
        for figure in figures:
            for xml_id in figure.xml_ids:
                self._by_id.setdefault(xml_id, []).append(figure)
            place = ordinal(figure.row["number"])
            if place:
                self._by_ordinal.setdefault((figure.row["kind"], *place), []).append(figure)

    @property
    def ids(self) -> frozenset[str]:
        """All ids that stand for a figure."""
        return frozenset(self._by_id)

    def resolve(self, xref: Element) -> list[Figure]:
        """Figures that a cross-reference names (its rid may hold several ids), those of its own sub-article first."""
        found: list[Figure] = []
        for xml_id in (xref.get("rid") or "").split():
            found += self._nearest(self._by_id.get(xml_id, []), xref)
        return list({id(figure): figure for figure in found}.values())

    def _nearest(self, figures: list[Figure], xref: Element) -> list[Figure]:
        if len({figure.row["sub_article"] for figure in figures}) < 2:
            return figures
        here = sub_article(xref)
        return [figure for figure in figures if sub_article(figure.graphic.place) is here] or figures

    def between(self, first: Figure, last: Figure) -> list[Figure]:
        """Figures numbered between two, exclusive; none where the two are not of one series."""
        start, end = ordinal(first.row["number"]), ordinal(last.row["number"])
        if start is None or end is None or start[0] != end[0] or first.row["kind"] != last.row["kind"]:
            return []
        return self.numbered(first, start[0], range(start[1] + 1, min(end[1], start[1] + 100)))

    def numbered(self, like: Figure, series: str, numbers: Iterable[int]) -> list[Figure]:
        """Figures of a kind and series with the numbers."""
        kind = like.row["kind"]
        return [figure for number in numbers for figure in self._by_ordinal.get((kind, series, number), [])]


def read_mentions(
    article: Element, targets: Targets, blocks: Blocks, scope: Scope
) -> tuple[list[dict[str, Any]], list[PartReject]]:
    """(rows, rejects): one row per figure and place; a reject for each figure cross-reference that leads to no figure."""
    reader = _Reader(targets, blocks, scope)
    ids = targets.ids
    for number, xref in enumerate(article.iter("{*}xref")):
        kind = xref.get("ref-type")
        if kind in _NEVER or (kind != "fig" and ids.isdisjoint((xref.get("rid") or "").split())):
            continue
        reader.add(number, xref)
    return reader.rows, reader.rejects


class _Reader:
    def __init__(self, targets: Targets, blocks: Blocks, scope: Scope) -> None:
        self.rows: list[dict[str, Any]] = []
        self.rejects: list[PartReject] = []
        self._targets = targets
        self._blocks = blocks
        self._scope = scope
        self._counts: dict[str, int] = {}
        self._seen: set[tuple[str, Element, int, int]] = set()

    def add(self, number: int, xref: Element) -> None:
        figures = self._targets.resolve(xref)
        block = block_of(xref)
        text = self._blocks.read(block)
        span = next((one for one in text.spans if one.xref is xref), None)
        if not figures or span is None:
            why = "leads to no figure" if not figures else "stands outside of the text"
            words = text.text[span.start : span.end] if span else ""
            self.rejects.append((f"xref/{number}", Reason.DANGLING_REFERENCE, f"xref rid={xref.get('rid')!r} {words!r} {why}"))
            return
        for figure in figures:
            self._mention(figure, block, text, (span.start, span.end), "xref")
        self._ranges(figures, block, text, span)

    def _ranges(self, figures: list[Figure], block: Element, text: Text, span: Span) -> None:
        """Mentions of the figures between the two ends of a range."""
        words = text.text[span.start : span.end]
        for match in _RANGE.finditer(words):
            first, last = ordinal(match.group("first")), ordinal(match.group("last"))
            if first and last and first[0] == last[0]:
                inside = range(first[1], min(last[1], first[1] + 100) + 1)
                for figure in self._targets.numbered(figures[0], first[0], inside):
                    self._mention(figure, block, text, (span.start, span.end), "range")
        index = text.spans.index(span)
        if index == 0:
            return
        before = text.spans[index - 1]
        if _BETWEEN.fullmatch(text.text[before.end : span.start]):
            for first_figure in self._targets.resolve(before.xref)[:1]:
                for figure in self._targets.between(first_figure, figures[-1]):
                    self._mention(figure, block, text, (before.start, span.end), "range")

    def _mention(self, figure: Figure, block: Element, text: Text, span: tuple[int, int], found_by: str) -> None:
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
                "paragraph": text.text,
                "start": span[0],
                "end": span[1],
                "panels": panels_referred(text.text, *span),
                "place": _place(block, figure),
                "sentence": text.text[start : max(end, span[1])],
                "found_by": found_by,
            }
        )


def _place(block: Element, figure: Figure) -> str:
    place, element = place_of(block)
    if place != "caption":
        return place
    inside = (one for one in element.iterancestors() if one is figure.graphic.place)
    return "own_caption" if next(inside, None) is not None else place
