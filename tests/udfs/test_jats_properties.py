"""Properties that hold for any JATS: offsets, purity, indifference to attribute order and to white space between blocks."""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from html import escape

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from schemas.articles import ARTICLES
from schemas.figures import FIGURES
from schemas.mentions import MENTIONS
from schemas.rejects import Rejected
from tests.udfs.jats_articles import ACCESSION, article, xref
from udfs.jats import Extraction, extract_article
from udfs.jats.panels import split_panels
from udfs.jats.sentences import sentence_span

NUM_FIGURES = 3
FIGURE_IDS = [f"F{number}" for number in range(1, NUM_FIGURES + 1)]

words = st.text(alphabet="ab Zé\u0301β一 \n\t\u00a0\u2009\u200b.,()–<&", min_size=0, max_size=12).map(escape)
labels = st.sampled_from(["Fig. 1", "2", " 3A ", "Figs 1–3", "B", "▸", ""])
wrappers = st.sampled_from(["italic", "bold", "sup", "sub", "named-content", "sc", "ext-link"])


def joined(parts: list[str]) -> str:
    return "".join(parts)


def wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda tag, content: f"<{tag}>{content}</{tag}>", wrappers, inner)


references = st.builds(xref, st.sampled_from([*FIGURE_IDS, "F1 F2", "nowhere"]), st.builds(lambda a, b: a + b, words, labels))
citations = st.builds(lambda content: f'<xref ref-type="bibr" rid="b1">{content}</xref>', words)
inline = st.recursive(
    words | references | citations, lambda inner: st.lists(wrapped(inner) | inner, max_size=3).map(joined), max_leaves=6
)
paragraphs = st.lists(inline, min_size=1, max_size=3).map(lambda parts: f"<p>{joined(parts)}</p>")
lists = st.lists(paragraphs, min_size=1, max_size=2).map(
    lambda items: f"<list>{''.join(f'<list-item>{one}</list-item>' for one in items)}</list>"
)
blocks = st.lists(paragraphs | lists, min_size=1, max_size=2).map(joined)
sections = st.builds(lambda title, content: f'<sec sec-type="s" id="x"><title>{title}</title>{content}</sec>', inline, blocks)


def figure(number: int, caption: str) -> str:
    graphic = f'<graphic id="g{number}" position="float" xlink:href="f{number}.jpg"/>'
    return f'<fig position="float" id="F{number}"><label>Figure {number}</label><caption>{caption}</caption>{graphic}</fig>'


@st.composite
def articles(draw: st.DrawFn) -> bytes:
    """An article of sections, and figures in between."""
    parts = [draw(sections) for _ in range(draw(st.integers(1, 2)))]
    parts += [figure(number, draw(blocks)) for number in range(1, NUM_FIGURES + 1)]
    return article(joined(draw(st.permutations(parts))))


def letters(text: str) -> str:
    return "".join(character for character in unicodedata.normalize("NFKD", text) if character.isalnum())


@settings(max_examples=150, deadline=None)
@given(articles())
def test_offsets_of_mentions_slice_to_the_words_of_their_references(xml: bytes) -> None:
    extraction = extract_article(xml, ACCESSION)
    wanted: dict[str, list[str]] = {}
    for reference in etree.fromstring(xml).iter("xref"):
        if reference.get("ref-type") == "fig":
            for rid in reference.get("rid", "").split():
                wanted.setdefault(rid, []).append(letters("".join(map(str, reference.itertext()))))
    for figure_id in FIGURE_IDS:
        rows = [row for row in extraction.mentions if row["figure_id"] == figure_id and row["found_by"] == "xref"]
        found = [letters(row["paragraph"][row["start"] : row["end"]]) for row in rows]
        assert sorted(found) == sorted(wanted.get(figure_id, []))
    assert len(extraction.partial_rejects) == len(wanted.get("nowhere", []))


@settings(max_examples=100, deadline=None)
@given(articles())
def test_no_span_begins_or_ends_with_white_space_and_each_lies_in_its_sentence(xml: bytes) -> None:
    for row in extract_article(xml, ACCESSION).mentions:
        found = row["paragraph"][row["start"] : row["end"]]
        assert found == found.strip()
        assert 0 <= row["start"] <= row["end"] <= len(row["paragraph"])
        assert found in row["sentence"]


@settings(max_examples=60, deadline=None)
@given(articles(), articles())
def test_extraction_is_a_function_of_the_bytes(xml: bytes, other: bytes) -> None:
    first = extract_article(xml, ACCESSION)
    extract_article(other, ACCESSION)
    assert extract_article(bytes(bytearray(xml)), ACCESSION) == first


def rewritten(xml: bytes) -> bytes:
    """The same article with its attributes the other way round and white space between its blocks."""
    root = etree.fromstring(xml)
    for element in root.iter():
        attributes = list(element.attrib.items())
        element.attrib.clear()
        element.attrib.update(reversed(attributes))
        if element.tag in {"body", "sec", "list", "list-item", "caption", "fig", "article", "front", "back"}:
            element.text = "\n    "
            for child in element:
                child.tail = " \n\t "
    return etree.tostring(root)


@settings(max_examples=100, deadline=None)
@given(articles())
def test_order_of_attributes_and_white_space_between_blocks_do_not_matter(xml: bytes) -> None:
    assert extract_article(rewritten(xml), ACCESSION) == extract_article(xml, ACCESSION)


@settings(max_examples=100, deadline=None)
@given(articles())
def test_no_letter_of_text_or_caption_is_lost_or_invented(xml: bytes) -> None:
    extraction = extract_article(xml, ACCESSION)
    body = etree.fromstring(xml).find("body")
    assert body is not None
    told = "".join((section["title"] or "") + (section["text"] or "") for section in extraction.article["sections"])
    assert letters(told) == letters("".join(body.xpath(".//text()[not(ancestor::fig)]")))
    captions = {row["xml_id"]: letters(row["caption"] or "") for row in extraction.figures}
    assert captions == {one.get("id"): letters("".join(one.xpath("caption//text()"))) for one in body.iter("fig")}


@settings(max_examples=60, deadline=None)
@given(articles())
def test_rows_fit_their_tables(xml: bytes) -> None:
    extraction: Extraction = extract_article(xml, ACCESSION)
    assert ARTICLES.batch([{**extraction.article, "etag": "e"}]).num_rows == 1
    assert FIGURES.batch(extraction.figures).num_rows == NUM_FIGURES
    assert MENTIONS.batch(extraction.mentions).num_rows == extraction.article["num_mentions"]
    keys = [(row["figure_id"], row["mention_no"]) for row in extraction.mentions]
    assert len(set(keys)) == len(keys)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | st.binary(max_size=60).map(lambda junk: article("<p>x</p>")[:150] + junk))
def test_any_bytes_give_rows_or_a_reason(data: bytes) -> None:
    with suppress(Rejected):
        assert extract_article(data, ACCESSION).article["accession"] == ACCESSION


markers = st.sampled_from(
    ["(A)", "(B)", "(a, b)", "(A–C)", "A.", "b)", " B ", "(i)", "(ii)", "Left:", "(right)", "panel B", "\n", ". ", "; "]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(markers | st.text(alphabet="abcDE ,.()–", max_size=8), max_size=14).map(joined))
def test_panels_are_ordered_slices_of_the_caption(caption: str) -> None:
    split = split_panels(caption)
    end = 0
    for panel in split.panels:
        assert panel.text == caption[panel.start : panel.end]
        assert end <= panel.start <= panel.end
        end = panel.end
    assert len(split.panels) != 1
    assert 0 < split.confidence <= 1


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="aB. \n!?)e1", min_size=1, max_size=40), st.data())
def test_a_sentence_holds_its_position_and_stays_on_its_line(text: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(text) - 1))
    start, end = sentence_span(text, position)
    assert 0 <= start <= end <= len(text)
    assert text[position] == "\n" or start <= position
    assert "\n" not in text[start:end].strip()
