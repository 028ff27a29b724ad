"""Rows of table `mentions`: every place where the text refers to a figure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from schemas.rejects import Reason
from udfs.jats.blocks import Blocks, block_of, place_of
from udfs.jats.figures import Figure
from udfs.jats.intervals import Intervals
from udfs.jats.names import Element
from udfs.jats.numbering import ordinal
from udfs.jats.panel_refs import panels_referred
from udfs.jats.scope import Scope
from udfs.jats.sentences import sentence_span
from udfs.jats.targets import Targets
from udfs.jats.text import Span, Text
from udfs.jats.unlinked import FIGURE_WORDS, find_unlinked

PartReject = tuple[str, Reason, str]

_DASH = r"[-‐‑‒–—−]"
_BETWEEN = re.compile(rf"\s*[A-Za-z]?\s*(?:{_DASH}|to|through)\s*(?:fig(?:ure)?s?\.?)?\s*", re.IGNORECASE)
_RANGE = re.compile(rf"(?P<first>[A-Z]?\d+)[a-z]?\s*(?:{_DASH}|to|through)\s*(?P<last>[A-Z]?\d+)", re.IGNORECASE)
_LONGEST = 1000  # characters of a mention that are searched for panels and ranges: one that is longer is no mention
_NEAR = 4  # characters between a number in the text and a cross-reference that stands beside it: Fig. 2 ▸ c


class _Mention(NamedTuple):
    order: int
    start: int
    end: int
    figure: Figure
    block: Element
    text: Text
    found_by: str


def wanted_xrefs(xrefs: Mapping[Element, tuple[int, bool]], targets: Targets) -> dict[Element, int]:
    """Cross-references typed as figures or that lead to one, with their places in reading order."""
    wanted = {}
    for xref, (order, is_figure) in xrefs.items():
        if is_figure or not targets.ids.isdisjoint((xref.get("rid") or "").split()):
            wanted[xref] = order
    return wanted


class MentionReader:
    """Collects mentions, and a reject for each figure cross-reference that leads to no figure."""

    def __init__(self, targets: Targets, blocks: Blocks, scope: Scope) -> None:
        self.rejects: list[PartReject] = []
        self._targets = targets
        self._blocks = blocks
        self._scope = scope
        self._found: dict[tuple[str, Element, int, int], _Mention] = {}
        self._linked: dict[tuple[str, Element], list[tuple[int, int]]] = {}
        self._intervals: dict[tuple[str, Element], Intervals] = {}
        self._worded: dict[tuple[str, Element], int] = {}
        self._spans: dict[Element, dict[Element, int]] = {}
        self._sentences: dict[tuple[Element, int, int], str] = {}

    def read_xrefs(self, xrefs: Mapping[Element, int], paragraphs: Mapping[Element, int]) -> None:
        """Mentions of cross-references: one per figure that is named or lies in a range that the cross-reference ends."""
        for number, (xref, order) in enumerate(xrefs.items()):
            block = block_of(xref, self._scope.lineage)
            text = self._blocks.read(block)
            figures = self._targets.resolve(xref)
            index = self._span_index(block, text, xref)
            if figures and index is not None:
                self._link(figures, index, block, text, paragraphs.get(block, order))
                continue
            why = "leads to no figure" if not figures else "stands outside of the text"
            self.rejects.append((f"xref/{number}", Reason.DANGLING_REFERENCE, f"xref with rid {xref.get('rid')!r} {why}"))

    def read_words(self, paragraphs: Mapping[Element, int]) -> None:
        """Mentions that no cross-reference marks: a figure's word and number in the text."""
        for paragraph, text in self._blocks.naming(paragraphs, FIGURE_WORDS) if self._targets.has_numbers else ():
            order = paragraphs[paragraph]
            for start, end, numbers in find_unlinked(text):
                for figure in self._targets.by_numbers(numbers, paragraph):
                    if not self._is_linked(figure, paragraph, start, end):
                        self._add(_Mention(order, start, end, figure, paragraph, text, "text"))
                        self._worded[figure.row["figure_id"], paragraph] = end

    def rows(self) -> list[dict[str, Any]]:
        """The mentions in reading order, numbered by figure."""
        counts: dict[str, int] = {}
        rows = []
        for mention in sorted(self._found.values(), key=lambda one: (one.order, one.start, one.end)):
            figure_id = mention.figure.row["figure_id"]
            number = counts[figure_id] = counts.get(figure_id, -1) + 1
            rows.append(self._row(mention, figure_id, number))
        return rows

    def _link(self, figures: list[Figure], index: int, block: Element, text: Text, order: int) -> None:
        span = text.spans[index]
        for figure in figures:
            self._add(_Mention(order, span.start, span.end, figure, block, text, "xref"))
        for figure in self._within(figures[0], text.text[span.start : min(span.end, span.start + _LONGEST)]):
            self._add(_Mention(order, span.start, span.end, figure, block, text, "range"))
        if index > 0:
            before = text.spans[index - 1]
            for figure in self._between(before, span, figures, text):
                self._add(_Mention(order, before.start, span.end, figure, block, text, "range"))

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
        if not _BETWEEN.fullmatch(text.text, before.end, span.start):
            return []
        first = self._targets.resolve(before.xref)
        return self._targets.between(first[0], figures[-1]) if first else []

    def _add(self, mention: _Mention) -> None:
        figure_id, block = mention.figure.row["figure_id"], mention.block
        key = (figure_id, block, mention.start, mention.end)
        if key not in self._found:
            self._found[key] = mention
            if mention.found_by != "text":
                self._linked.setdefault((figure_id, block), []).append((mention.start, mention.end))

    def _is_linked(self, figure: Figure, block: Element, start: int, end: int) -> bool:
        """True where a cross-reference to the figure, or words found just before, stand as near as the words do."""
        key = (figure.row["figure_id"], block)
        if key in self._linked and key not in self._intervals:
            self._intervals[key] = Intervals(self._linked[key])
        is_linked = key in self._intervals and self._intervals[key].touch(start - _NEAR, end + _NEAR)
        return is_linked or self._worded.get(key, -1 - _NEAR) >= start - _NEAR

    def _span_index(self, block: Element, text: Text, xref: Element) -> int | None:
        places = self._spans.get(block)
        if places is None:
            places = self._spans[block] = {span.xref: index for index, span in enumerate(text.spans)}
        return places.get(xref)

    def _row(self, mention: _Mention, figure_id: str, number: int) -> dict[str, Any]:
        text, figure = mention.text.text, mention.figure.row
        return {
            "accession": figure["accession"],
            "figure_id": figure_id,
            "mention_no": number,
            "section_path": self._scope.path(mention.block),
            "place": self._place(mention.block, mention.figure),
            "paragraph": text,
            "sentence": self._sentence(mention),
            "start": mention.start,
            "end": mention.end,
            "panels": panels_referred(
                text,
                mention.start,
                min(mention.end, mention.start + _LONGEST),
                figure["number"],
                is_between=mention.found_by == "range",
            ),
            "found_by": mention.found_by,
        }

    def _sentence(self, mention: _Mention) -> str:
        """The sentence of a mention; equal ones are one string, however many mentions share them."""
        text = mention.text.text
        start, end = sentence_span(text, mention.start)
        key = (mention.block, start, max(end, mention.end))
        if key not in self._sentences:
            self._sentences[key] = text[start : key[2]]
        return self._sentences[key]

    def _place(self, block: Element, figure: Figure) -> str:
        place, element = place_of(block, self._scope.lineage)
        is_own = place == "caption" and any(one is figure.graphic.place for _, one in self._scope.lineage[element])
        return "own_caption" if is_own else place
