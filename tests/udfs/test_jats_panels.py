"""Captions split at their own panel markers."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.udfs.jats_articles import fig, figures
from udfs.jats.panels import Split, split_panels


def parts(split: Split) -> list[tuple[str, str]]:
    return [(panel.label, panel.text) for panel in split.panels]


@pytest.mark.parametrize(
    ("caption", "lead", "panels"),
    [
        ("Lead. (A) One. (B) Two.", "Lead.", [("A", "One."), ("B", "Two.")]),
        ("Lead.\n(a) One; (b) two; (c) three.", "Lead.", [("a", "One"), ("b", "two"), ("c", "three.")]),
        ("Lead. A) One. B) Two.", "Lead.", [("A", "One."), ("B", "Two.")]),
        ("Lead. A. One. B. Two.", "Lead.", [("A", "One."), ("B", "Two.")]),
        ("Lead. A: one. B: two.", "Lead.", [("A", "one."), ("B", "two.")]),
        ("Lead. A, One thing. B, Another thing.", "Lead.", [("A", "One thing."), ("B", "Another thing.")]),
        ("Lead. a One. b Two.", "Lead.", [("a", "One."), ("b", "Two.")]),
        ("a, b Mice. c–e Rats.", None, [("a,b", "Mice."), ("c,d,e", "Rats.")]),
        ("Lead. (A, B) One. (C-E) Two.", "Lead.", [("A,B", "One."), ("C,D,E", "Two.")]),
        ("(A and C) One. (B & D) Two.", None, [("A,C", "One."), ("B,D", "Two.")]),
        ("Tree for (A) mice and (B) rats.", "Tree for", [("A", "mice"), ("B", "rats.")]),
        ("Lead. Mice (A), rats (B) and cats (C).", "Lead.", [("A", "Mice"), ("B", "rats"), ("C", "cats")]),
        ("Rainfall in 2003 (a) and 2004 (b).", None, [("a", "Rainfall in 2003"), ("b", "2004")]),
        ("Lead. (i) One. (ii) Two. (iii) Three.", "Lead.", [("i", "One."), ("ii", "Two."), ("iii", "Three.")]),
        ("Lead. (I) One. (II-III) Two.", "Lead.", [("I", "One."), ("II,III", "Two.")]),
        ("Lead. i) One. ii) Two.", "Lead.", [("i", "One."), ("ii", "Two.")]),
        ("Lead. Left: one. Right: two.", "Lead.", [("left", "one."), ("right", "two.")]),
        ("Mice (left) and rats (right).", None, [("left", "Mice"), ("right", "rats")]),
        ("Lead. Panel A shows one. Panel B shows two.", "Lead.", [("A", "shows one."), ("B", "shows two.")]),
        ("Lead. (a)–(c) One. (d) Two.", "Lead.", [("a,b,c", "One."), ("d", "Two.")]),
    ],
)
def test_a_caption_is_split_at_its_own_markers(caption: str, lead: str | None, panels: list[tuple[str, str]]) -> None:
    split = split_panels(caption)
    assert (split.lead, parts(split)) == (lead, panels)
    assert 0 < split.confidence < 1


@pytest.mark.parametrize(
    ("caption", "panels"),
    [
        ("(A) One, as in (B). (B) Two, unlike (A).", [("A", "One, as in (B)."), ("B", "Two, unlike (A).")]),
        (
            "(A, B) Growth in nude (A) and normal (B) mice. (C) More.",
            [("A,B", "Growth in nude (A) and normal (B) mice."), ("C", "More.")],
        ),
        (
            "(A–D) Stains of nuclei (A), actin (B), tubulin (C) and all (D).",
            [("A", "Stains of nuclei"), ("B", "actin"), ("C", "tubulin"), ("D", "all")],
        ),
    ],
)
def test_references_back_and_overviews_are_no_markers(caption: str, panels: list[tuple[str, str]]) -> None:
    assert [(label, text.removeprefix("(A–D) ")) for label, text in parts(split_panels(caption))] == panels


@pytest.mark.parametrize(
    "caption",
    [
        "A photograph of a mouse.",
        "Chlorophyll a and chlorophyll b contents. Bars are means.",
        "Values of wheat (W) and barley (B).",
        "Weights (g) at 5 h (n = 3).",
        "The left ventricle.",
    ],
)
def test_a_caption_without_markers_has_no_panels_and_says_so_surely(caption: str) -> None:
    split = split_panels(caption)
    assert (split.panels, split.confidence) == ((), 1.0)


def test_markers_that_make_no_sequence_are_told_as_doubt() -> None:
    assert split_panels("(A) Only one is marked. More words.") == Split((), "(A) Only one is marked.", 0.5)


def test_without_panels_the_first_sentence_is_the_lead() -> None:
    assert split_panels("Mice in Fig. 2. They ran.").lead == "Mice in Fig. 2."


def test_what_stands_on_a_line_after_the_last_panel_is_no_part_of_it() -> None:
    split = split_panels("Lead.\n(A) One. (B) Two.\nWT, wild type.")
    assert parts(split) == [("A", "One."), ("B", "Two.")]


def test_offsets_slice_to_the_texts_and_panels_do_not_overlap() -> None:
    caption = "Lead. (A, B) One (see (C)). (C) Two; (D–F) three."
    panels = split_panels(caption).panels
    assert [caption[panel.start : panel.end] for panel in panels] == [panel.text for panel in panels]
    assert all(before.end <= after.start for before, after in pairwise(panels))


def test_surer_styles_have_more_confidence() -> None:
    leading = split_panels("Lead. (A) One. (B) Two.").confidence
    inline = split_panels("Of (A) one and (B) two.").confidence
    bare = split_panels("Lead. a One. b Two.").confidence
    sides = split_panels("Mice (left) and rats (right).").confidence
    assert leading > max(bare, inline)
    assert min(bare, inline) > sides


def test_a_figure_row_carries_panels_lead_and_confidence() -> None:
    (row,) = figures(fig("F1", caption="<title>Lead.</title><p><bold>(A)</bold> One. <bold>(B)</bold> CO<sub>2</sub>.</p>"))
    assert row["caption_lead"] == "Lead."
    assert [(panel["label"], panel["text"]) for panel in row["panels"]] == [("A", "One."), ("B", "CO₂.")]
    assert [row["caption"][panel["start"] : panel["end"]] for panel in row["panels"]] == ["One.", "CO₂."]
    assert row["split_confidence"] == 0.95


def test_a_figure_without_a_caption_has_no_split() -> None:
    (row,) = figures('<fig id="F1"><graphic xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="f"/></fig>')
    assert (row["panels"], row["caption_lead"], row["split_confidence"]) == ([], None, None)
