"""The 1,159 real articles: each figure, graphic and reference has its row or its reject, each caption its letters."""

from __future__ import annotations

import csv
import io
import tarfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from jobs.bench.real_articles import ARCHIVE, read_articles
from schemas.rejects import Reason
from tests.udfs.jats_oracle import (
    Element,
    Expected,
    block_of,
    expected_rows,
    figure_xrefs,
    letters,
    local,
    paragraphs,
    read_article,
    seen_text,
    words,
    words_of,
)
from udfs.jats import Extraction, extract_article

NUM_ARTICLES = 1159
NUM_SHOWN = 10


@dataclass
class Comparison:
    """What was compared, by kind, and where the extractor's rows differ: (article, what, expected, found)."""

    counts: Counter[str] = field(default_factory=Counter)
    differences: dict[str, list[tuple[str, str, Any, Any]]] = field(default_factory=dict)

    def same(self, kind: str, article: str, what: str, expected: Any, found: Any) -> None:
        """Compare two values of a kind."""
        self.counts[kind] += 1
        if expected != found:
            self.differences.setdefault(kind, []).append((article, what, expected, found))

    def shown(self, kind: str) -> str:
        """The first differences of a kind, a line each."""
        found = self.differences.get(kind, [])
        return "\n".join([f"{len(found)} of {self.counts[kind]} differ", *(repr(one)[:500] for one in found[:NUM_SHOWN])])


@pytest.fixture(scope="module")
def compared(shared_data: Path) -> Comparison:
    comparison = Comparison()
    for name, xml in read_articles(shared_data).items():
        article, extraction = read_article(xml), extract_article(xml, accession(name))
        rows = expected_rows(article)
        count_by_xpath(comparison, article, rows)
        compare_rows(comparison, name, rows, extraction)
        if len(rows) == len(extraction.figures):
            compare_words(comparison, name, rows, extraction)
            compare_mentions(comparison, name, article, rows, extraction)
        compare_text(comparison, name, article, extraction)
    return comparison


def accession(name: str) -> str:
    pmcid = name.rpartition("__")[2].removesuffix(".xml")
    return f"{pmcid}.1" if pmcid.startswith("PMC") else "PMC1.1"


def count_by_xpath(comparison: Comparison, article: Element, rows: list[Expected]) -> None:
    """What a plain XPath counts, and how much of that the oracle expects a row for."""
    for name in ("fig", "graphic"):
        comparison.counts[f"{name} by XPath"] += len(descendants(article, f"descendant::*[local-name()='{name}']"))
    comparison.counts["xref by XPath"] += len(descendants(article, "descendant::*[local-name()='xref'][@ref-type='fig']"))
    comparison.counts["graphic rows"] += sum(one.graphic is not None and local(one.graphic) == "graphic" for one in rows)
    comparison.counts["fig rows"] += len({one.place for one in rows if local(one.place) == "fig"})


def descendants(article: Element, path: str) -> list[Element]:
    return cast(list[Element], article.xpath(path))


def compare_rows(comparison: Comparison, name: str, rows: list[Expected], extraction: Extraction) -> None:
    found = [(row["graphic_ref"], row["xml_id"]) for row in extraction.figures]
    comparison.same("rows", name, "(graphic_ref, xml_id) in order", *first_difference([one.name for one in rows], found))
    comparison.same("ids", name, "distinct figure_id", len(found), len({row["figure_id"] for row in extraction.figures}))


def first_difference(expected: list[Any], found: list[Any]) -> tuple[Any, Any]:
    """Both lists, or from the place on where they begin to differ."""
    same = next((at for at, (one, other) in enumerate(zip(expected, found, strict=False)) if one != other), None)
    if same is None:
        same = min(len(expected), len(found)) if len(expected) != len(found) else 0
    return expected[same:][:5], found[same:][:5]


def children(element: Element, name: str) -> list[Element]:
    return [one for one in element if local(one) == name]


def compare_words(comparison: Comparison, name: str, rows: list[Expected], extraction: Extraction) -> None:
    """Captions and labels: letters of all of them, words of those without formulas."""
    for expected, row in zip(rows, extraction.figures, strict=True):
        what, captions = row["figure_id"], words_of(expected, "caption")
        comparison.same("captions", name, what, letters(seen_text(*captions)), letters(row["caption"]))
        comparison.counts["captions with letters"] += bool(row["caption"])
        titles = [one for caption in captions for one in children(caption, "title")]
        comparison.same("caption titles", name, what, letters(seen_text(*titles)), letters(row["caption_title"]))
        comparison.same("labels", name, what, letters(seen_text(*words_of(expected, "label"))), letters(row["label"]))
        if captions and not has_formula(captions):
            comparison.same("caption words", name, what, words(spaced_text(captions)), words(row["caption"]))


def has_formula(elements: list[Element]) -> bool:
    return any(
        local(one) in ("math", "tex-math", "inline-formula", "disp-formula") for element in elements for one in element.iter()
    )


def spaced_text(elements: Iterable[Element]) -> str:
    """Text with a space at the edges of each block and none invented elsewhere."""
    parts: list[str] = []
    for element in elements:
        edge = " " if local(element) in ("p", "title", "list", "list-item", "caption", "label", "object-id", "break") else ""
        hidden = local(element) in ("alt-text", "long-desc", "graphic", "inline-graphic")
        parts += [edge, "" if hidden else (element.text or "") + spaced_text(element), edge, element.tail or ""]
    return "".join(parts)


def compare_mentions(comparison: Comparison, name: str, article: Element, rows: list[Expected], extraction: Extraction) -> None:
    """(figure, words, paragraph) of every cross-reference against the mentions; what leads nowhere against the rejects."""
    position = {row["figure_id"]: row["position"] for row in extraction.figures}
    told = [row for row in extraction.mentions if row["found_by"] == "xref"]
    found = Counter(
        (position[one["figure_id"]], letters(one["paragraph"][one["start"] : one["end"]]), letters(one["paragraph"]))
        for one in told
    )
    expected: Counter[tuple[int, str, str]] = Counter()
    nowhere = []
    texts: dict[Element, str] = {}
    for xref, named in figure_xrefs(article, rows):
        block = block_of(xref)
        if block not in texts:
            texts[block] = letters(seen_text(block, without_floats=True))
        expected.update((one, letters(seen_text(xref)), texts[block]) for one in named)
        comparison.counts["xref accounted"] += xref.get("ref-type") == "fig"
        nowhere += [] if named else [xref.get("rid")]
    comparison.same("lost mentions", name, "(position, words, paragraph)", [], list((expected - found).elements())[:3])
    comparison.same("invented mentions", name, "(position, words, paragraph)", [], list((found - expected).elements())[:3])
    dangling = [detail for _, reason, detail in extraction.partial_rejects if reason is Reason.DANGLING_REFERENCE]
    comparison.same("dangling", name, "rids", [f"xref with rid {rid!r} leads to no figure" for rid in nowhere], dangling)
    comparison.counts["mentions"] += expected.total()


def compare_text(comparison: Comparison, name: str, article: Element, extraction: Extraction) -> None:
    """Letters of each paragraph of the running text within those of the sections."""
    told = letters("".join(f"{one['title'] or ''}{one['text'] or ''}" for one in extraction.article["sections"]))
    for paragraph in paragraphs(article):
        if any(local(one) in ("mroot", "tex-math") for one in paragraph.iter()):
            comparison.counts["paragraphs whose formulas read in another order"] += 1
            continue
        expected = letters(seen_text(paragraph, without_floats=True))
        comparison.same("paragraphs", name, expected[:60], True, expected in told)


KINDS = ("rows", "ids", "captions", "caption titles", "labels", "caption words", "lost mentions", "invented mentions", "dangling")


@pytest.mark.parametrize("kind", [*KINDS, "paragraphs"])
def test_rows_hold_what_the_articles_hold(compared: Comparison, kind: str) -> None:
    assert compared.counts[kind] >= NUM_ARTICLES
    if compared.differences.get(kind):
        pytest.fail(compared.shown(kind))


def test_few_paragraphs_are_left_out_of_the_comparison(compared: Comparison) -> None:
    assert compared.counts["paragraphs whose formulas read in another order"] < compared.counts["paragraphs"] / 100


def test_every_figure_graphic_and_reference_that_xpath_counts_is_accounted_for(compared: Comparison, shared_data: Path) -> None:
    counts = compared.counts
    assert counts["rows"] == NUM_ARTICLES
    assert counts["graphic by XPath"] == counts["graphic rows"]
    assert counts["xref by XPath"] == counts["xref accounted"]
    assert counts["fig by XPath"] == counts["fig rows"] == sum(int(one["figs"]) for one in index(shared_data))


def index(shared_data: Path) -> list[dict[str, str]]:
    """The sample's own list of its articles with their counts."""
    with tarfile.open(shared_data / ARCHIVE) as archive:
        member = next(one for one in archive if one.name.endswith("index.csv"))
        file = archive.extractfile(member)
        return list(csv.DictReader(io.StringIO(file.read().decode()))) if file else []
