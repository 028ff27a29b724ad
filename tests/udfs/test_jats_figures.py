"""Figure rows: what has one, what it is and which words belong to it."""

from __future__ import annotations

import re
from typing import Any

import pytest

from schemas.figures import FIGURES, KINDS, PAIRED_KINDS, RIGHTS
from tests.udfs.jats_articles import article, extract, fig, figures
from udfs.jats import extract_article
from udfs.jats import rights as jats_rights
from udfs.jats.figure_ids import MAX_LENGTH

GRAPHIC = '<graphic xlink:href="g1.jpg"/>'
CAPTION = "<caption><p>Words.</p></caption>"


def row(body: str, **parts: str) -> dict[str, Any]:
    (only,) = figures(body, **parts)
    return only


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (fig("F1"), "figure"),
        (f"<p>In text {fig('F1')}</p>", "figure"),
        (f"<boxed-text>{fig('F1')}</boxed-text>", "figure"),
        (fig("F1", label="Scheme 1"), "scheme"),
        ('<fig id="F1" fig-type="scheme"><graphic xlink:href="s"/></fig>', "scheme"),
        ('<fig id="F1" fig-type="graphical-abstract"><graphic xlink:href="s"/></fig>', "graphical_abstract"),
        (f"<chem-struct-wrap>{GRAPHIC}</chem-struct-wrap>", "scheme"),
        (f"<table-wrap>{CAPTION}{GRAPHIC}</table-wrap>", "table"),
        (f"<table-wrap>{CAPTION}<alternatives>{GRAPHIC}<table/></alternatives></table-wrap>", "table"),
        (f"<table-wrap><table><tr><td>{GRAPHIC}</td></tr></table></table-wrap>", "inline"),
        (f"<boxed-text>{CAPTION}{GRAPHIC}</boxed-text>", "box"),
        (f"<boxed-text><sec>{GRAPHIC}</sec></boxed-text>", "box"),
        (f"<disp-formula>{GRAPHIC}</disp-formula>", "equation"),
        ('<p><inline-formula><inline-graphic xlink:href="e"/></inline-formula></p>', "equation"),
        ('<p><inline-graphic xlink:href="i"/></p>', "inline"),
        (f"<p>{GRAPHIC}</p>", "other"),
        ('<supplementary-material><media xlink:href="s1.tif"/></supplementary-material>', "supplementary"),
        ('<supplementary-material xlink:href="s1.png"/>', "supplementary"),
        ('<supplementary-material><media mimetype="image" xlink:href="s1"/></supplementary-material>', "supplementary"),
        ('<fig id="F1"><media mimetype="video" xlink:href="v.mp4"/></fig>', "video"),
        ('<fig id="F1"><media xlink:href="appendix.pdf"/></fig>', "supplementary"),
    ],
)
def test_a_graphic_is_typed_by_what_owns_it(body: str, kind: str) -> None:
    assert row(body)["kind"] == kind
    assert kind in KINDS


def test_a_graphic_of_a_graphical_abstract_is_typed_so() -> None:
    abstract = f'<abstract abstract-type="graphical"><p>{GRAPHIC}</p></abstract>'
    inside = f'<abstract abstract-type="graphical"><p>{fig("ga")}</p></abstract>'
    assert row("", meta=abstract)["kind"] == row("", meta=inside)["kind"] == "graphical_abstract"


def test_kinds_that_are_never_paired_are_those_without_a_picture_of_their_own() -> None:
    assert set(KINDS) - set(PAIRED_KINDS) == {"equation", "inline", "video"}


@pytest.mark.parametrize("document", ["s1.pdf", "s1.docx", "s1.csv", "s1"])
def test_supplementary_documents_are_no_figures(document: str) -> None:
    assert figures(f'<supplementary-material><media xlink:href="{document}"/></supplementary-material>') == []


def test_figures_are_found_wherever_they_stand_in_reading_order() -> None:
    sub = f"<sub-article id='sa1'><body>{fig('D')}</body></sub-article>"
    rows = figures(fig("A"), back=f"<app-group><app><title>App</title>{fig('B')}</app></app-group>", floats=fig("C"), rest=sub)
    assert [(one["xml_id"], one["position"]) for one in rows] == [("A", 0), ("B", 1), ("C", 2), ("D", 3)]
    assert [one["sub_article"] for one in rows] == [None, None, None, "sa1"]


def test_a_figure_without_a_graphic_has_a_row_without_a_reference() -> None:
    only = row(fig("F1", href=None))
    assert (only["graphic_ref"], only["caption"], only["media_names"]) == (None, "A caption.", [])


def test_a_figure_without_a_caption_does_not_take_its_neighbours() -> None:
    rows = figures(fig("F1") + f'<fig id="F2">{GRAPHIC}</fig>' + fig("F3"))
    assert [one["caption"] for one in rows] == ["A caption.", None, "A caption."]
    assert [one["label"] for one in rows] == ["Figure 1", None, "Figure 1"]


def test_title_and_all_paragraphs_are_the_caption() -> None:
    only = row(fig("F1", caption="<title>Head.</title><p>One.</p><p>Two.</p>"))
    assert (only["caption_title"], only["caption"]) == ("Head.", "Head.\nOne.\nTwo.")


def test_several_graphics_of_a_figure_share_its_words_and_have_rows_of_their_own() -> None:
    rows = figures(fig("F1", inside='<graphic xlink:href="f1a.jpg"/>', href="f1b.jpg"))
    assert [(one["figure_id"], one["graphic_no"], one["graphic_ref"]) for one in rows] == [
        ("F1", 0, "f1a.jpg"),
        ("F1-2", 1, "f1b.jpg"),
    ]
    assert {one["caption"] for one in rows} == {"A caption."}


def test_alternatives_say_which_one_they_are() -> None:
    both = '<alternatives><graphic xlink:href="f1"/><graphic specific-use="thumbnail" xlink:href="f1_small"/></alternatives>'
    rows = figures(fig("F1", inside=both, href=None))
    assert [(one["alternative"], one["specific_use"]) for one in rows] == [(0, None), (1, "thumbnail")]
    assert row(fig("F1"))["alternative"] is None


def test_a_reference_is_the_href_whatever_attribute_stands_first() -> None:
    inside = '<graphic id="g-1" position="float" xlink:href="folder/f%201.TIF"/>'
    assert row(fig("F1", inside=inside, href=None))["graphic_ref"] == "folder/f%201.TIF"


def test_a_group_gives_its_caption_to_each_figure_and_takes_nothing_of_theirs() -> None:
    group = (
        f"<fig-group id='G'><label>Figure 2</label><caption><p>Shared.</p></caption>{fig('A', 'A')}{fig('B', 'B')}</fig-group>"
    )
    rows = figures(group)
    assert [(one["group_id"], one["group_label"], one["group_caption"], one["caption"]) for one in rows] == [
        ("G", "Figure 2", "Shared.", "A caption.")
    ] * 2


def test_a_figure_inside_a_figure_has_the_outer_one_as_its_group() -> None:
    outer = (
        f'<fig id="F1"><label>Figure 1</label><caption><p>Outer.</p></caption>{fig("F1a", "A", "<p>Inner.</p>")}{GRAPHIC}</fig>'
    )
    rows = {one["xml_id"]: one for one in figures(outer)}
    assert (rows["F1"]["caption"], rows["F1"]["graphic_ref"], rows["F1"]["group_caption"]) == ("Outer.", "g1.jpg", None)
    assert (rows["F1a"]["caption"], rows["F1a"]["group_caption"]) == ("Inner.", "Outer.")


def test_graphics_with_captions_of_their_own_keep_the_figures_as_the_groups() -> None:
    inside = '<graphic xlink:href="a"><label>A</label><caption><p>Own.</p></caption></graphic>'
    rows = figures(fig("F1", inside=inside))
    assert [(one["label"], one["caption"], one["group_label"], one["group_caption"]) for one in rows] == [
        ("A", "Own.", "Figure 1", "A caption."),
        ("Figure 1", "A caption.", None, None),
    ]


def test_descriptions_of_figure_and_graphic_are_both_kept() -> None:
    graphic = '<graphic xlink:href="g"><alt-text>Of it.</alt-text><attrib>B</attrib></graphic>'
    found = row(f'<fig id="F1"><alt-text>Of both.</alt-text><attrib>A</attrib>{graphic}</fig>')
    assert (found["alt_text"], found["attribution"]) == ("Of both.\nOf it.", "A\nB")


def test_a_graphic_with_a_label_of_its_own_keeps_the_figures_as_the_groups() -> None:
    found = row('<fig id="F1"><label>Fig. 1</label><graphic xlink:href="g"><label>A</label></graphic></fig>')
    assert (found["label"], found["group_label"], found["group_id"]) == ("A", "Fig. 1", None)


def test_descriptions_notes_and_identifiers_have_columns() -> None:
    inside = (
        '<object-id pub-id-type="doi">10.1/f1</object-id><alt-text>Alt.</alt-text><long-desc>Long.</long-desc>'
        "<p>DOI: below.</p><attrib>By A. Author</attrib>"
    )
    only = row(fig("F1", inside=inside))
    found = tuple(only[name] for name in ("doi", "alt_text", "long_description", "notes", "attribution"))
    assert found == ("10.1/f1", "Alt.", "Long.", "DOI: below.", "By A. Author")


def permissions(statement: str, licence: str = "") -> str:
    return f"<permissions><copyright-statement>{statement}</copyright-statement>{licence}</permissions>"


LICENCE = '<license xlink:href="https://creativecommons.org/licenses/by-nc/4.0/"><license-p>CC BY-NC.</license-p></license>'


@pytest.mark.parametrize(
    ("inside", "caption", "rights", "permission", "spdx"),
    [
        ("", "<p>Plain.</p>", "article", None, None),
        (permissions("© A. Other", LICENCE), "<p>x</p>", "own_license", "© A. Other CC BY-NC.", "CC-BY-NC-4.0"),
        (
            permissions("Reproduced with permission from Elsevier."),
            "<p>x</p>",
            "third_party",
            "Reproduced with permission from Elsevier.",
            None,
        ),
        ("", "<p>A map. Reprinted with permission from [3].</p>", "third_party", "Reprinted with permission from [3].", None),
        ("<attrib>Photo courtesy of NASA.</attrib>", "<p>x</p>", "third_party", "Photo courtesy of NASA.", None),
        ("", "<p>Cells permeabilised without permission slips.</p>", "article", None, None),
        (permissions("© 2018 The Authors"), "<p>x</p>", "article", "© 2018 The Authors", None),
    ],
)
def test_rights_come_from_permissions_or_from_the_words(
    inside: str, caption: str, rights: str, permission: str | None, spdx: str | None
) -> None:
    only = row(fig("F1", caption=caption, inside=inside))
    assert (only["rights"], only["permission"], only["license_spdx"]) == (rights, permission, spdx)


def test_rights_of_the_extractor_are_those_of_the_table() -> None:
    assert jats_rights.RIGHTS == RIGHTS


@pytest.mark.parametrize(
    ("xml_ids", "expected"),
    [
        (["F1", "F2"], ["F1", "F2"]),
        (["fig.1", "fig_1", "fig-1"], ["fig-1", "fig_1", "fig-1-2"]),
        (["F1", "f1"], ["F1", "f1-2"]),
        (["F1", "F1", "F1-2"], ["F1", "F1-3", "F1-2"]),
        (["图一", ""], ["figure-1", "figure-2"]),
        (["figure-1", ""], ["figure-1", "figure-2"]),
    ],
)
def test_figure_ids_are_safe_distinct_and_keep_the_xmls_own(xml_ids: list[str], expected: list[str]) -> None:
    assert [one["figure_id"] for one in figures("".join(map(fig, xml_ids)))] == expected


def test_overlong_ids_are_cut_and_stay_apart() -> None:
    ids = [one["figure_id"] for one in figures(fig("x" * 500) + fig("x" * 501))]
    assert len(set(ids)) == 2
    assert max(map(len, ids)) <= MAX_LENGTH
    assert all(re.fullmatch(r"[A-Za-z0-9_-]+", one) for one in ids)


@pytest.mark.parametrize(
    ("label", "number"),
    [
        ("Figure 1", "1"),
        ("Fig. 12.", "12"),
        ("FIGURE 3", "3"),
        ("Figure S2", "S2"),
        ("Supplementary Fig. 4", "4"),
        ("Figure 2—figure supplement 1.", "2—figure supplement 1"),
        ("Scheme 2", "2"),
        ("Figure IV", "IV"),
        ("Figure 2.1", "2.1"),
        ("Abb. 3", "3"),
        ("Рис. 5", "5"),
        ("图1", "1"),
        ("Fig. 10 |", "10"),
        ("(2)", "2"),
        ("Figure 1. Continued", "1"),
        ("Fig. 3 (cont.)", "3"),
        ("Graphical abstract", None),
    ],
)
def test_the_number_is_read_from_the_label(label: str, number: str | None) -> None:
    assert row(fig("F1", label=label))["number"] == number


def test_section_paths_run_from_the_outermost_title() -> None:
    body = f"<sec><title>Results</title><sec><title>Part <italic>two</italic></title>{fig('F1')}</sec></sec>"
    assert row(body)["section_path"] == "Results > Part two"
    assert row("", floats=fig("F1"))["section_path"] is None


def test_media_of_the_metadata_are_matched() -> None:
    urls = [
        f"s3://pmc-oa-opendata/{place}?md5={'0' * 32}"
        for place in ("PMC1.1/f1.jpg", "PMC1.1/f1.gif", "PMC2.1/f1.png", "PMC1.1/../f1.tif")
    ]
    rows = extract(fig("F1", href="f1"), {"media_urls": urls}).figures
    assert rows[0]["media_names"] == ["f1.jpg", "f1.gif"]


def test_rows_have_exactly_the_columns_of_the_table() -> None:
    rows = extract_article(article(fig("F1") + f"<p>{GRAPHIC}</p>"), "PMC1.1").figures
    assert all(list(FIGURES.column_names) and set(one) == set(FIGURES.column_names) for one in rows)
    assert FIGURES.batch(rows).num_rows == 2
