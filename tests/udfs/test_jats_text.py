"""Caption and paragraph text as a reader sees it."""

from __future__ import annotations

import unicodedata

import pytest

from tests.udfs.jats_articles import caption_of, extract


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<p>Role of <italic>BRCA1</italic> in cancer <sup>2</sup></p>", "Role of BRCA1 in cancer 2"),
        ("<p>un<bold>brok</bold>en</p>", "unbroken"),
        ("<p><bold>(A)</bold> one, <italic>two</italic>.</p>", "(A) one, two."),
        ("<p>a\n   line\n\tbroken</p>", "a line broken"),
        ("<p>thin\u2009space\u00a0and\u202fmore</p>", "thin space and more"),
        ("<p>soft\u00adhy\u200bphen\ufeff</p>", "softhyphen"),
        ("<p>cafe\u0301</p>", "caf\u00e9"),
        ("<p>one <!-- not seen -->two<?page 3?></p>", "one two"),
        ("<p><![CDATA[a < b]]></p>", "a < b"),
        ("<p>see <ext-link>http://x.org</ext-link></p>", "see http://x.org"),
        ("<p><named-content>deep <bold><italic>er</italic> and</bold> out</named-content></p>", "deep er and out"),
    ],
)
def test_order_is_kept_and_no_space_is_lost_or_invented(inside: str, text: str) -> None:
    assert caption_of(inside) == text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<title>Title.</title><p>One.</p><p>Two.</p>", "Title.\nOne.\nTwo."),
        ("<title>Title</title>\n  <p>One</p>\n", "Title\nOne"),
        ("<p>One<break/>two</p>", "One\ntwo"),
        (
            "<p>Of:<list><list-item><label>1.</label><p>a</p></list-item><list-item><p>b</p></list-item></list></p>",
            "Of:\n1. a\nb",
        ),
        ("<p>Outer <p>inner</p> end</p>", "Outer\ninner\nend"),
        ("<p/>", None),
        ("<p>  </p>", None),
    ],
)
def test_blocks_stand_on_lines_of_their_own(inside: str, text: str | None) -> None:
    assert caption_of(inside) == text


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("10<sup>5</sup> cells", "10⁵ cells"),
        ("CO<sub>2</sub>", "CO₂"),
        ("p53<sup>−/−</sup>", "p53⁻/⁻"),
        ("Ca<sup>2+</sup>", "Ca²⁺"),
        ("text<sup>1,2</sup>", "text¹,²"),
        ("<sup>3</sup>H-thymidine", "³H-thymidine"),
        ("5<sup>th</sup>", "5ᵗʰ"),
        ("K<sub>d</sub>", "Kd"),
        ("x<sup><italic>n</italic></sup>", "xⁿ"),
        ("cells <sup>Foxp3</sup> end", "cells Foxp3 end"),
        ("Gene<sup>QXQ</sup>", "GeneQXQ"),
        ("a<sup/>b", "ab"),
    ],
)
def test_raised_and_lowered_characters_are_unicode_where_it_has_them(inside: str, text: str) -> None:
    assert caption_of(f"<p>{inside}</p>") == text


MATHML = "<mml:math><mml:msup><mml:mi>x</mml:mi><mml:mn>2</mml:mn></mml:msup><mml:mo>+</mml:mo><mml:mn>1</mml:mn></mml:math>"
TEX = r"<tex-math>\documentclass{minimal}\usepackage{amsmath}\begin{document}$$x^{2}+1$$\end{document}</tex-math>"


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (f"<inline-formula><alternatives>{TEX}{MATHML}<inline-graphic/></alternatives></inline-formula>", "x²+1"),
        (f"<inline-formula><alternatives><inline-graphic/>{MATHML}{TEX}</alternatives></inline-formula>", "x²+1"),
        (f"<inline-formula>{TEX}{MATHML}</inline-formula>", "x²+1"),
        (f"<inline-formula><alternatives>{TEX}<inline-graphic/></alternatives></inline-formula>", "x^{2}+1"),
        (
            '<inline-formula><inline-graphic xlink:href="e1"><alt-text>x squared</alt-text></inline-graphic></inline-formula>',
            "x squared",
        ),
        ("<inline-formula><italic>x</italic> = 1</inline-formula>", "x = 1"),
    ],
)
def test_a_formula_is_rendered_once(formula: str, text: str) -> None:
    assert caption_of(f"<p>is {formula} here</p>") == f"is {text} here"


def mathml(inside: str) -> str | None:
    return caption_of(
        f"<p><inline-formula><mml:math>{inside}</mml:math></inline-formula></p>".replace("<m", "<mml:m")
        .replace("</m", "</mml:m")
        .replace("mml:mml:", "mml:")
    )


@pytest.mark.parametrize(
    ("inside", "text"),
    [
        ("<mfrac><mi>a</mi><mi>b</mi></mfrac>", "a/b"),
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac>", "(a+b)/2"),
        ("<msub><mi>x</mi><mi>i</mi></msub>", "xᵢ"),
        ("<msubsup><mi>δ</mi><mi>g</mi><mn>2</mn></msubsup>", "δ_g²"),
        ("<msup><mn>10</mn><mrow><mo>−</mo><mn>3</mn></mrow></msup>", "10⁻³"),
        ("<msqrt><mn>2</mn></msqrt>", "√2"),
        ("<mover><mi>x</mi><mo>¯</mo></mover>", unicodedata.normalize("NFC", "x\u0304")),
        ("<mfenced><mi>a</mi><mi>b</mi></mfenced>", "(a,b)"),
        ("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>", "∑ᵢ₌₁ⁿ"),
        ("<mtext>Volume</mtext><mo>\n</mo><mtext>of loaf</mtext>", "Volume of loaf"),
        ("<semantics><mi>x</mi><annotation>x in TeX</annotation></semantics>", "x"),
        ("<mi>f</mi><mo>\u2061</mo><mi>x</mi>", "fx"),
    ],
)
def test_mathml_reads_as_a_line(inside: str, text: str) -> None:
    assert mathml(inside) == text


def section_text(body: str) -> str:
    text: str = extract(f"<sec><title>S</title>{body}</sec>").article["sections"][0]["text"]
    return text


@pytest.mark.parametrize(
    "float_",
    [
        '<fig id="F1"><label>Figure 1</label><caption><p>Caption</p></caption></fig>',
        "<table-wrap><caption><p>Caption</p></caption><table><tr><td>cell</td></tr></table></table-wrap>",
        "<supplementary-material><label>S1</label></supplementary-material>",
        '<graphic xlink:href="g"><alt-text>words</alt-text></graphic>',
    ],
)
def test_floats_are_no_part_of_the_paragraph_they_stand_in(float_: str) -> None:
    assert section_text(f"<p>Before {float_} after.</p>") == "Before after."


def test_a_box_in_a_paragraph_is_a_section_of_its_own() -> None:
    sections = extract("<sec><title>S</title><p>Before <boxed-text><p>inside</p></boxed-text> after.</p></sec>").article[
        "sections"
    ]
    assert [row["text"] for row in sections] == ["Before after.", "inside"]


def test_a_caption_keeps_the_words_of_what_is_nested_in_it() -> None:
    nested = "<supplementary-material><label>Source data 1.</label><caption><p>Values.</p></caption></supplementary-material>"
    assert caption_of(f"<p>Shown. {nested}</p>") == "Shown.\nSource data 1. Values."


def test_a_table_without_a_float_around_it_reads_row_by_row() -> None:
    rows = "<tr><td>SEM</td><td>microscopy</td></tr><tr><td>FEG</td><td>gun</td></tr>"
    assert section_text(f"<p><array><tbody>{rows}</tbody></array></p>") == "SEM microscopy\nFEG gun"
