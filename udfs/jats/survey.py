"""One walk over an article that finds every element the other readers start from."""

from __future__ import annotations

from dataclasses import dataclass, field

from udfs.jats.names import NAMES, Element, any_namespace

_GRAPHICS = ("graphic", "fig", "media", "supplementary-material", "inline-graphic", "inline-supplementary-material")
_REFERENCES = ("pub-id", "ref", "ext-link")
_SUB_ARTICLES = frozenset({"sub-article", "response"})
_NEVER_FIGURES = frozenset({"bibr", "aff", "fn", "table-fn", "corresp", "author-notes", "contrib"})
# Each element is compared with the names in their order, so the commonest stand first.
_SOUGHT = any_namespace(
    ("xref", "p", *_REFERENCES, *_GRAPHICS, "table-wrap", "boxed-text", "permissions", "related-article", *sorted(_SUB_ARTICLES))
)


@dataclass(slots=True)
class Survey:
    """Elements in reading order: what may be a graphic or figure, cross-references, paragraphs, cited works, links; and the rest.

    Paragraphs and cross-references carry their places in one reading order, cross-references also whether they are typed as
    figures; those of bibliography, affiliations and notes are left out.
    """

    graphics: list[Element] = field(default_factory=list)
    xrefs: dict[Element, tuple[int, bool]] = field(default_factory=dict)
    paragraphs: dict[Element, int] = field(default_factory=dict)
    references: list[Element] = field(default_factory=list)
    related: list[Element] = field(default_factory=list)
    num_tables: int = 0
    num_permissions: int = 0
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
        elif name == "permissions":
            self.num_permissions += 1
        elif name in _SUB_ARTICLES:
            self.has_sub_articles = True
        elif not self.has_sub_articles:
            self.related.append(element)


def survey(article: Element) -> Survey:
    """What an article holds, in one walk (JATS fig, graphic, xref, p, ref, table-wrap, related-article and so on)."""
    found = Survey()
    names, xrefs, paragraphs, references = NAMES, found.xrefs, found.paragraphs, found.references
    for order, element in enumerate(article.iter(*_SOUGHT)):
        name = names[element.tag]
        if name == "xref":
            kind = element.get("ref-type")
            if kind not in _NEVER_FIGURES:
                xrefs[element] = (order, kind == "fig")
        elif name == "p":
            paragraphs[element] = order
        elif name in _REFERENCES:
            if not found.has_sub_articles:
                references.append(element)
        else:
            found.note(name, element)
    return found
