"""One walk over an article that finds every element the other readers start from."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from udfs.jats.names import Element, any_namespace, name_of
from udfs.jats.text import RENDERED

_GRAPHICS = frozenset({"fig", "graphic", "inline-graphic", "media", "supplementary-material", "inline-supplementary-material"})
_REFERENCES = frozenset({"ref", "pub-id", "ext-link"})
_SUB_ARTICLES = frozenset({"sub-article", "response"})
_WRITTEN = frozenset({"p", "title"})
_SOUGHT = any_namespace(sorted({*_GRAPHICS, *_REFERENCES, *_SUB_ARTICLES, *RENDERED, *_WRITTEN, "xref", "table-wrap"}))
_BLOCKS = frozenset({"p", "title", "caption", "sec", "abstract", "td", "th", "body", "back", "ref", "article-meta", "article"})
_LISTS = frozenset(
    {"list-item", "list", "fn", "def", "disp-quote", "ack", "app", "boxed-text", "notes", "license", "trans-abstract"}
)
_HOLDERS = (_BLOCKS | _LISTS) - _WRITTEN


@dataclass(slots=True)
class Survey:
    """Elements in reading order: what may be a graphic or a figure, cross-references, paragraphs, cited works; and the rest.

    Cross-references and paragraphs carry their places in one reading order.
    `mixed` holds the elements, up to their paragraph, whose text is more than the text nodes in them.
    """

    graphics: list[Element] = field(default_factory=list)
    xrefs: dict[Element, int] = field(default_factory=dict)
    paragraphs: dict[Element, int] = field(default_factory=dict)
    references: list[Element] = field(default_factory=list)
    mixed: set[Element] = field(default_factory=set)
    num_tables: int = 0
    has_boxes: bool = False
    has_sub_articles: bool = False


def survey(article: Element) -> Survey:
    """What an article holds, in one walk (JATS fig, graphic, media, xref, ref, pub-id, table-wrap, sup, sub and so on)."""
    found = Survey()
    for order, element in enumerate(article.iter(*_SOUGHT, etree.Entity)):
        name = name_of(element.tag)
        if name == "xref":
            found.xrefs[element] = order
        elif name in _WRITTEN:
            parent = element.getparent()
            if name == "p":
                found.paragraphs[element] = order
            if parent is None or name_of(parent.tag) not in _HOLDERS:
                mark_mixed(element, found.mixed)
        elif name in _REFERENCES:
            if not found.has_sub_articles:
                found.references.append(element)
        else:
            mark_mixed(element, found.mixed)
            if name in _GRAPHICS:
                found.graphics.append(element)
            elif name == "table-wrap":
                found.num_tables += 1
            elif name == "boxed-text":
                found.has_boxes = True
            elif name in _SUB_ARTICLES:
                found.has_sub_articles = True
    return found


def mark_mixed(element: Element, mixed: set[Element]) -> None:
    """Add the ancestors of an element up to its paragraph: their text must be rendered."""
    parent = element.getparent()
    while parent is not None and parent not in mixed:
        mixed.add(parent)
        if name_of(parent.tag) in _BLOCKS:
            return
        parent = parent.getparent()
