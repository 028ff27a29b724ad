"""The extractor beside pubmed_parser on the real articles: every difference has a class, and docs/jats.md counts them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pubmed_parser
import pytest

from jobs.bench.real_articles import read_articles
from tests.conftest import ROOT
from tests.udfs.jats_differences import (
    NO_COLUMN,
    PAPER_FIELDS,
    Difference,
    failure,
    figure_differences,
    nothing_found,
    paper_differences,
    paper_failure,
)
from tests.udfs.jats_oracle import Element, read_article
from udfs.jats import Extraction, extract_article

NUM_SHOWN = 10
PAGE = ROOT / "docs" / "jats.md"


@pytest.fixture(scope="module")
def differences(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Difference]]:
    """Differences by article."""
    file = tmp_path_factory.mktemp("articles") / "article.xml"
    found = {}
    for name, xml in read_articles(shared_data).items():
        file.write_bytes(xml)
        article, extraction = read_article(xml), extract_article(xml, "PMC1.1")
        found[name] = [*figures_of(str(file), article, extraction), *paper_of(str(file), article, extraction)]
    return found


def figures_of(path: str, article: Element, extraction: Extraction) -> Iterator[Difference]:
    figures = list(article.iter("{*}fig"))
    try:
        told = pubmed_parser.parse_pubmed_caption(path) or []
    except (KeyError, UnboundLocalError, AttributeError) as error:
        yield Difference("figures", failure(figures, error), repr(error), len(figures))
        return
    if len(told) != len(figures):
        yield Difference("figures", nothing_found(article) if not told else None, len(told), len(figures))
        return
    yield from figure_differences(figures, told, extraction.figures)


def paper_of(path: str, article: Element, extraction: Extraction) -> Iterator[Difference]:
    try:
        told = pubmed_parser.parse_pubmed_xml(path)
    except KeyError as error:
        yield Difference("paper", paper_failure(article, error), repr(error), None)
        return
    assert set(told) == {*PAPER_FIELDS, *NO_COLUMN}
    yield from paper_differences(article, told, extraction.article)


def test_every_difference_has_a_class(differences: dict[str, list[Difference]]) -> None:
    unexplained = [(name, *one) for name, found in differences.items() for one in found if one.why is None]
    if unexplained:
        pytest.fail("\n".join([f"{len(unexplained)} without a class", *(repr(one)[:600] for one in unexplained[:NUM_SHOWN])]))


def test_the_page_counts_the_differences_by_class(differences: dict[str, list[Difference]]) -> None:
    counts = Counter((one.field, one.why) for found in differences.values() for one in found)
    lines = [f"| {field} | {why} | {number:,} |" for (field, why), number in sorted(counts.items(), key=str)]
    written = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if "by the reference" in line and line[0] == "|"]
    if written != lines:
        pytest.fail("\n".join(["the table of differences in docs/jats.md should be", *lines]))
