"""One walk over an article that finds every element the other readers start from."""

from __future__ import annotations

from dataclasses import dataclass, field

from lxml import etree

from udfs.jats.names import NAMES, Element, any_namespace
from udfs.jats.text import RENDERED

_GRAPHICS = frozenset({"fig", "graphic", "inline-graphic", "media", "supplementary-material", "inline-supplementary-material"})
_RELATED = "related-article"
_REFERENCES = frozenset({"ref", "pub-id", "ext-link"})
_NEVER_FIGURES = frozenset({"bibr", "aff", "fn", "table-fn", "corresp", "author-notes", "contrib"})
_SCRIPTS = frozenset({"sup", "sub", "break"})
_SUB_ARTICLES = frozenset({"sub-article", "response"})
_SOUGHT = any_namespace(sorted({*_GRAPHICS, *_REFERENCES, *_SUB_ARTICLES, *RENDERED, "xref", "table-wrap", "p", _RELATED}))
_BLOCKS = frozenset({"p", "title", "caption", "sec", "abstract", "td", "th", "body", "back", "ref", "article-meta", "article"})
_LISTS = frozenset(
    {"list-item", "list", "fn", "def", "disp-quote", "ack", "app", "boxed-text", "notes", "license", "trans-abstract"}
)
_HOLDERS = (_BLOCKS | _LISTS) - {"p", "title"}


@dataclass(slots=True)
class Survey:
    """Elements in reading order: what may be a graphic or figure, cross-references, paragraphs, cited works, links; and the rest.

    Paragraphs and cross-references carry their places in one reading order, cross-references also whether they are typed as
    figures; those of bibliography, affiliations and notes are left out.
    `mixed` holds the elements, up to their paragraph, whose text is more than the text nodes in them.
    """

    graphics: list[Element] = field(default_factory=list)
    xrefs: dict[Element, tuple[int, bool]] = field(default_factory=dict)
    paragraphs: dict[Element, int] = field(default_factory=dict)
    references: list[Element] = field(default_factory=list)
    related: list[Element] = field(default_factory=list)
    mixed: set[Element] = field(default_factory=set)
    num_tables: int = 0
    has_boxes: bool = False
    has_sub_articles: bool = False

    def note(self, name: str, element: Element) -> None:
        """Take in an element that is neither paragraph nor reference."""
        if name in _GRAPHICS:
            self.graphics.append(element)
        elif name == "table-wrap":
            self.num_tables += 1
        elif name == "boxed-text":
            self.has_boxes = True
        elif name in _SUB_ARTICLES:
            self.has_sub_articles = True


def survey(article: Element) -> Survey:
    """What an article holds, in one walk (JATS fig, graphic, media, xref, ref, pub-id, table-wrap, sup, sub and so on)."""
    found = Survey()
    names, xrefs, paragraphs, mixed = NAMES, found.xrefs, found.paragraphs, found.mixed
    holder: Element | None = None
    for order, element in enumerate(article.iter(*_SOUGHT, etree.Entity)):
        name = names[element.tag]
        if name == "xref":
            kind = element.get("ref-type")
            if kind not in _NEVER_FIGURES:
                xrefs[element] = (order, kind == "fig")
        elif name == "p":
            paragraphs[element] = order
            parent = element.getparent()
            if parent is not holder and parent is not None and names[parent.tag] not in _HOLDERS:
                mark_mixed(element, mixed)
            else:
                holder = parent
        elif name in _REFERENCES:
            if not found.has_sub_articles:
                found.references.append(element)
        elif name == _RELATED:
            if not found.has_sub_articles:
                found.related.append(element)
        else:
            if element.getparent() not in mixed:
                mark_mixed(element, mixed)
            if name not in _SCRIPTS:
                found.note(name, element)
    return found


def mark_mixed(element: Element, mixed: set[Element]) -> None:
    """Add the ancestors of an element up to its paragraph: their text must be rendered."""
    parent = element.getparent()
    while parent is not None and parent not in mixed:
        mixed.add(parent)
        if NAMES[parent.tag] in _BLOCKS:
            return
        parent = parent.getparent()
