"""Where an element stands: the titles of its sections, and the sub-article it belongs to."""

from __future__ import annotations

from udfs.jats.names import NAMES, Element, Lineage
from udfs.jats.text import line_text

SEPARATOR = " > "
_SUB_ARTICLES = ("sub-article", "response")
_TITLED = frozenset(
    {
        "sec",
        "app",
        "app-group",
        "boxed-text",
        "ack",
        "notes",
        "glossary",
        "abstract",
        "trans-abstract",
        "bio",
        "fn-group",
        *_SUB_ARTICLES,
    }
)
_DEFAULTS = {"abstract": "Abstract", "trans-abstract": "Abstract", "ack": "Acknowledgements"}


class Scope:
    """Ancestors and section paths of the elements of one article, each read once."""

    def __init__(self) -> None:
        self.lineage = Lineage()
        self._titles: dict[Element, str | None] = {}
        self._paths: dict[Element, str | None] = {}

    def path(self, element: Element) -> str | None:
        """Titles of the enclosing sections, outermost first; None outside of titled sections (floats-group)."""
        for name, ancestor in self.lineage[element]:
            if name in _TITLED:
                if ancestor not in self._paths:
                    self._paths[ancestor] = joined_path(self.path(ancestor), self.title(ancestor))
                return self._paths[ancestor]
        return None

    def sub_article(self, element: Element) -> Element | None:
        """The sub-article or response around an element; None in the article itself."""
        return next((ancestor for name, ancestor in self.lineage[element] if name in _SUB_ARTICLES), None)

    def title(self, section: Element) -> str | None:
        """Title of a section-like element (sec/title, boxed-text/caption/title, front-stub//article-title)."""
        if section not in self._titles:
            self._titles[section] = _title(section)
        return self._titles[section]


def joined_path(outer: str | None, title: str | None) -> str | None:
    """Path of a section below another one; a section without a title adds nothing."""
    return f"{outer}{SEPARATOR}{title}" if outer and title else outer or title or None


def _title(section: Element) -> str | None:
    kind = NAMES[section.tag]
    for child in section:
        name = NAMES[child.tag]
        if name == "title":
            return line_text(child)
        if name == "caption" and kind == "boxed-text":
            return line_text(child.find("{*}title"))
        if name == "front-stub":
            return line_text(next(child.iterdescendants("{*}article-title"), None))
    return _DEFAULTS.get(kind)
