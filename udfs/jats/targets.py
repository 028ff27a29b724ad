"""Which figures the ids and the numbers of an article stand for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from udfs.jats.figures import Figure
from udfs.jats.names import Element
from udfs.jats.numbering import ordinal
from udfs.jats.scope import Scope

_MAX_RANGE = 100


class Targets:
    """Figures of one article by the ids of their elements and by their numbers."""

    def __init__(self, figures: Sequence[Figure], scope: Scope) -> None:
        self._scope = scope
        self._by_id: dict[str, list[Figure]] = {}
        self._by_ordinal: dict[tuple[str, str, int], list[Figure]] = {}
        self._by_number: dict[str, list[Figure]] = {}
        for figure in figures:
            for xml_id in figure.xml_ids:
                self._by_id.setdefault(xml_id, []).append(figure)
            number = figure.row["number"]
            if number and figure.row["kind"] == "figure":
                self._by_number.setdefault(number, []).append(figure)
            place = ordinal(number)
            if place:
                self._by_ordinal.setdefault((figure.row["kind"], *place), []).append(figure)
        self.ids = self._by_id.keys()
        self.has_numbers = bool(self._by_number)

    def resolve(self, xref: Element) -> list[Figure]:
        """Figures that a cross-reference names (its rid may hold several ids), those of its own sub-article first."""
        found: list[Figure] = []
        for xml_id in (xref.get("rid") or "").split():
            found += self._nearest(self._by_id.get(xml_id, []), xref)
        return found if len(found) < 2 else list({figure.row["figure_id"]: figure for figure in found}.values())

    def _nearest(self, figures: list[Figure], element: Element) -> list[Figure]:
        if len(figures) < 2 or len({figure.row["sub_article"] for figure in figures}) < 2:
            return figures
        here = self._scope.sub_article(element)
        return [figure for figure in figures if self._scope.sub_article(figure.graphic.place) is here] or figures

    def by_numbers(self, numbers: Iterable[str], element: Element) -> list[Figure]:
        """Figures with the numbers, as an element of the text names them: those of its own sub-article, else of the article."""
        found: list[Figure] = []
        for number in numbers:
            figures = self._by_number.get(number, [])
            near = self._nearest(figures, element)
            found += near if near is not figures else [one for one in figures if one.row["sub_article"] is None] or figures
        return found

    def between(self, first: Figure, last: Figure) -> list[Figure]:
        """Figures numbered between two, exclusive; none where the two are not of one series."""
        start, end = ordinal(first.row["number"]), ordinal(last.row["number"])
        if start is None or end is None or start[0] != end[0] or first.row["kind"] != last.row["kind"]:
            return []
        return self.numbered(first, start[0], start[1] + 1, end[1] - 1)

    def numbered(self, like: Figure, series: str, first: int, last: int) -> list[Figure]:
        """Figures of the same kind as another, of a series and with numbers from first to last."""
        kind = like.row["kind"]
        numbers = range(first, min(last, first + _MAX_RANGE) + 1)
        return [figure for number in numbers for figure in self._by_ordinal.get((kind, series, number), [])]
