"""Mentions: every place where the text refers to a figure, once per figure and place."""

from __future__ import annotations

from typing import Any

import pytest
from lxml import etree

from schemas.mentions import FOUND_BY, MENTIONS, PLACES
from schemas.rejects import Reason
from tests.udfs.jats_articles import article, extract, fig, mentions, xref
from udfs.jats import Limits, blocks, extract_article
from udfs.jats.parse import parse_article

FIGURES = "".join(fig(f"F{number}", f"Figure {number}", f"<p>Caption {number}.</p>") for number in range(1, 6))


def in_text(paragraph: str, figures: str = FIGURES) -> list[dict[str, Any]]:
    return mentions(f"<sec><title>Results</title><p>{paragraph}</p>{figures}</sec>")


def words(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["figure_id"], row["paragraph"][row["start"] : row["end"]]) for row in rows]


@pytest.mark.parametrize(
    ("paragraph", "expected"),
    [
        (f"See {xref('F1', 'Fig. 1')}.", [("F1", "Fig. 1")]),
        (f"See ({xref('F1', 'Fig. <bold>1</bold>')} and {xref('F2', '2')})", [("F1", "Fig. 1"), ("F2", "2")]),
        (f"<bold>{xref('F1', 'Fig. 1')}</bold> <italic>and {xref('F2', '2')}</italic>", [("F1", "Fig. 1"), ("F2", "2")]),
        (f"text<sup>{xref('F1', '1')}</sup>", [("F1", "¹")]),
        (f"Figs {xref('F1 F2', '1, 2')}", [("F1", "1, 2"), ("F2", "1, 2")]),
        (f"a {xref('F1', ' Fig. 1 ')} b", [("F1", "Fig. 1")]),
        (f"{xref('F1', 'Fig. 1')} again {xref('F1', 'Fig. 1')}", [("F1", "Fig. 1"), ("F1", "Fig. 1")]),
        (f"empty {xref('F1', '')} one", [("F1", "")]),
        ('<xref ref-type="other" rid="F1">Fig. 1</xref>', [("F1", "Fig. 1")]),
        ('<xref rid="F1">Fig. 1</xref>', [("F1", "Fig. 1")]),
        ('<xref ref-type="bibr" rid="F1">1</xref>', []),
    ],
)
def test_offsets_slice_to_the_words_of_the_reference(paragraph: str, expected: list[tuple[str, str]]) -> None:
    assert words(in_text(paragraph)) == expected


@pytest.mark.parametrize(
    ("paragraph", "reached"),
    [
        (f"{xref('F2', 'Figs 2')}-{xref('F4', '4')}", ["F2", "F3", "F4"]),
        (f"{xref('F2', 'Figure 2')} to {xref('F4', 'Figure 4')}", ["F2", "F3", "F4"]),
        (f"{xref('F1', 'Figures 1')}–{xref('F5', '5')}", ["F1", "F2", "F3", "F4", "F5"]),
        (f"{xref('F2', 'Figs 2–4')}", ["F2", "F3", "F4"]),
        (f"{xref('F2 F4', 'Figs 2 through 4')}", ["F2", "F3", "F4"]),
        (f"{xref('F1', 'Fig. 1')} and {xref('F3', '3')}", ["F1", "F3"]),
        (f"{xref('F1', 'Fig. 1')}, {xref('F3', '3')}", ["F1", "F3"]),
    ],
)
def test_a_range_reaches_each_figure_between_its_ends(paragraph: str, reached: list[str]) -> None:
    assert sorted({row["figure_id"] for row in in_text(paragraph)}) == reached


def test_a_figure_within_a_range_is_marked_as_such_over_the_whole_range() -> None:
    (third,) = [row for row in in_text(f"see {xref('F2', 'Figs 2')}–{xref('F4', '4')}.") if row["figure_id"] == "F3"]
    assert (third["found_by"], third["paragraph"][third["start"] : third["end"]]) == ("range", "Figs 2–4")


@pytest.mark.parametrize(
    ("mention", "panels"),
    [
        (xref("F2", "Fig. 2B") + ",C", ["B", "C"]),
        (xref("F2", "Fig. 2") + "A–C", ["A", "B", "C"]),
        (xref("F2", "Fig. 2") + " (a and c)", ["a", "c"]),
        (xref("F2", "Fig. 2A and B"), ["A", "B"]),
        (xref("F2", "Fig. 2(a)"), ["a"]),
        (xref("F2", "Fig. 2 i-iv"), []),
        (xref("F2", "Figure 2") + ", panels A, B and C show", ["A", "B", "C"]),
        (xref("F2", "Fig. 2A") + ", p &lt; 0.05", ["A"]),
        (xref("F2", "Fig. 2") + " (n = 5)", []),
        (xref("F2", "Figure 2") + " A total", []),
        (xref("F2", "Fig. 2") + " and S3", []),
        (xref("F2 F3", "Figs 2A, 3B"), ["A"]),
    ],
)
def test_panel_letters_are_read_from_the_mention_and_what_follows(mention: str, panels: list[str]) -> None:
    assert in_text(f"See {mention}")[0]["panels"] == panels


@pytest.mark.parametrize(
    ("mention", "panels"),
    [
        (f"{xref('F2', 'Figs 2A')}–{xref('F4', '4B')}", {"F2": ["A"], "F3": [], "F4": ["B"]}),
        (xref("F2", "Figs 2A–4B"), {"F2": ["A"], "F3": [], "F4": ["B"]}),
        (xref("F2 F3", "Figs 2 and 3B") + ",C", {"F2": [], "F3": ["B", "C"]}),
    ],
)
def test_panels_belong_to_the_figure_whose_number_they_follow(mention: str, panels: dict[str, list[str]]) -> None:
    assert {one["figure_id"]: one["panels"] for one in in_text(f"See {mention}.")} == panels


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (f"<p>{xref('F1', '1')}</p>", "paragraph"),
        (f"<sec><title>On {xref('F1', '1')}</title><p>x</p></sec>", "title"),
        (f"<list><list-item><p>{xref('F1', '1')}</p></list-item></list>", "list_item"),
        (f"<table-wrap><table><tr><td>{xref('F1', '1')}</td></tr></table></table-wrap>", "table_cell"),
        (f"<table-wrap><table><tr><td><p>{xref('F1', '1')}</p></td></tr></table></table-wrap>", "table_cell"),
        (f"<table-wrap><caption><p>As {xref('F1', '1')}</p></caption></table-wrap>", "caption"),
        (f"<p>x<fn><p>{xref('F1', '1')}</p></fn></p>", "footnote"),
        (f"<boxed-text><sec><p>{xref('F1', '1')}</p></sec></boxed-text>", "box"),
    ],
)
def test_the_kind_of_place_is_told(body: str, place: str) -> None:
    assert [row["place"] for row in mentions(body + FIGURES)] == [place]
    assert place in PLACES


def test_a_mention_in_the_figures_own_caption_is_told_from_one_in_anothers() -> None:
    rows = mentions(fig("F1", caption=f"<p>See {xref('F1', 'Fig. 1')} and {xref('F2', 'Fig. 2')}</p>") + fig("F2", "Figure 2"))
    assert [(row["figure_id"], row["place"]) for row in rows] == [("F1", "own_caption"), ("F2", "caption")]


def test_a_mention_in_the_abstract_is_told() -> None:
    meta = f"<abstract><sec><title>Aim</title><p>In {xref('F1', 'Fig. 1')}</p></sec></abstract>"
    assert [(row["place"], row["section_path"]) for row in mentions(FIGURES, meta=meta)] == [("abstract", "Abstract > Aim")]


def test_the_paragraph_is_its_own_text_and_the_sentence_is_the_mentions() -> None:
    float_ = fig("F9", "Figure 9")
    paragraph = f"First one. Shown et al. in {xref('F1', 'Fig. 1')} at 0.05. {float_}Last."
    (row,) = [one for one in in_text(paragraph) if one["figure_id"] == "F1"]
    assert row["paragraph"] == "First one. Shown et al. in Fig. 1 at 0.05. Last."
    assert row["sentence"] == "Shown et al. in Fig. 1 at 0.05."
    assert row["section_path"] == "Results"


def test_mentions_are_numbered_by_figure_in_reading_order() -> None:
    body = (
        f"<p>{xref('F1', 'a')} Figure 2 {xref('F1', 'b')}</p><sec><title>{xref('F1', 'c')}</title><p>{xref('F2', 'd')}</p></sec>"
    )
    rows = mentions(body + FIGURES)
    assert [(row["figure_id"], row["mention_no"]) for row in rows] == [("F1", 0), ("F2", 0), ("F1", 1), ("F1", 2), ("F2", 1)]


def test_every_graphic_of_a_figure_gets_its_mentions() -> None:
    rows = in_text(xref("F1", "Fig. 1"), fig("F1", inside='<graphic xlink:href="second.jpg"/>'))
    assert [(row["figure_id"], row["mention_no"]) for row in rows] == [("F1", 0), ("F1-2", 0)]


def test_a_reference_to_a_group_reaches_its_figures() -> None:
    group = f'<fig-group id="G">{fig("A")}{fig("B")}</fig-group>'
    assert [row["figure_id"] for row in in_text(xref("G", "Fig. 1"), group)] == ["A", "B"]


def test_a_reference_to_a_table_or_box_with_a_graphic_is_a_mention() -> None:
    table = '<table-wrap id="T1"><graphic xlink:href="t1"/></table-wrap>'
    assert [row["figure_id"] for row in in_text('<xref ref-type="table" rid="T1">Table 1</xref>', table)] == ["T1"]


def test_ids_that_stand_twice_mean_the_figure_of_the_same_sub_article() -> None:
    letter = f'<sub-article id="s1"><body><p>{xref("F1", "Fig. 1")}</p>{fig("F1")}</body></sub-article>'
    rows = mentions(f"<p>{xref('F1', 'Fig. 1')}</p>{fig('F1')}", rest=letter)
    assert [(row["figure_id"], row["mention_no"]) for row in rows] == [("F1", 0), ("F1-2", 0)]


@pytest.mark.parametrize("target", [xref("F9", "Fig. 9"), xref("", "Fig."), '<xref ref-type="fig">Fig. 1</xref>'])
def test_a_reference_that_leads_to_no_figure_is_a_reject(target: str) -> None:
    extraction = extract(f"<p>See {target}</p>{FIGURES}")
    assert [row["found_by"] for row in extraction.mentions if row["found_by"] == "xref"] == []
    assert [reason for _, reason, _ in extraction.partial_rejects] == [Reason.DANGLING_REFERENCE]


@pytest.mark.parametrize(
    ("sentence", "figures"),
    [
        ("As Figure 2 shows.", ["F2"]),
        ("(Figs. 2A, 3 and 5)", ["F2", "F3", "F5"]),
        ("see FIG. 1", ["F1"]),
        ("Figures 2–4 tell", ["F2", "F3", "F4"]),
        ("Supplementary Figure 2", []),
        ("Figure 2 of Smith et al.", []),
        ("Figure 7", []),
        ("Figure 2.5 mm", []),
        ("Configure 2", []),
        (f"Fig. 2 {xref('F2', '▸')}c", ["F2"]),
    ],
)
def test_figures_named_without_a_reference_are_mentions_too(sentence: str, figures: list[str]) -> None:
    rows = in_text(sentence)
    assert [row["figure_id"] for row in rows] == figures
    assert {row["found_by"] for row in rows} <= {"text", "xref"}


def test_rows_have_exactly_the_columns_of_the_table() -> None:
    rows = extract_article(article(f"<p>{xref('F1', 'Fig. 1')} Figure 2</p>{FIGURES}"), "PMC1.1").mentions
    assert len(rows) == 2
    assert all(set(row) == set(MENTIONS.column_names) for row in rows)
    assert MENTIONS.batch(rows).num_rows == 2
    assert {row["found_by"] for row in rows} <= set(FOUND_BY)
    assert set(blocks.PLACES) == set(PLACES)


def test_reading_leaves_the_tree_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    xml = article(f"<p>{xref('F1', 'Fig. 1')} {fig('F8')}</p>{FIGURES}")
    parsed = parse_article(xml, "PMC1", Limits())
    before = etree.tostring(parsed.article)
    monkeypatch.setattr("udfs.jats.extract.parse_article", lambda *_: parsed)
    assert len(extract_article(xml, "PMC1.1").mentions) == 1
    assert etree.tostring(parsed.article) == before


def test_the_sentence_of_a_mention_is_found_however_far_it_began() -> None:
    long = "Growth " + "and more growth " * 100
    text = f'First. {long}(<xref ref-type="fig" rid="F2">Fig. 2</xref>) rose. Last.'
    assert in_text(text)[0]["sentence"] == f"{long}(Fig. 2) rose."
