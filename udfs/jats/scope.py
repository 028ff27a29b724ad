"""Where an element stands: the titles of its sections, and the sub-article it belongs to."""

from __future__ import annotations

from udfs.jats.names import Element, ancestors, name_of
from udfs.jats.text import line_text

SEPARATOR = " > "
_TITLED = frozenset(
    {"sec", "app", "boxed-text", "ack", "notes", "glossary", "abstract", "trans-abstract", "sub-article", "response", "app-group"}
)
_DEFAULTS = {"abstract": "Abstract", "trans-abstract": "Abstract", "ack": "Acknowledgements"}


class Scope:
    """Section paths of elements, each titled ancestor read once."""

    def __init__(self) -> None:
        self._titles: dict[Element, str | None] = {}

    def path(self, element: Element) -> str | None:
        """Titles of the enclosing sections, outermost first; None outside of titled sections (floats-group)."""
        titles = [self.title(ancestor) for name, ancestor in ancestors(element) if name in _TITLED]
        return SEPARATOR.join(title for title in reversed(titles) if title) or None

    def title(self, section: Element) -> str | None:
        """Title of a section-like element (sec/title, boxed-text/caption/title, front-stub//article-title)."""
        if section not in self._titles:
            self._titles[section] = _title(section)
        return self._titles[section]


def sub_article(element: Element) -> Element | None:
    """The sub-article or response around an element; None in the article itself."""
    return next((ancestor for name, ancestor in ancestors(element) if name in ("sub-article", "response")), None)


def _title(section: Element) -> str | None:
    kind = name_of(section.tag)
    paths = {
        "boxed-text": "{*}caption/{*}title",
        "sub-article": "{*}front-stub//{*}article-title",
        "response": "{*}front-stub//{*}article-title",
    }
    title = line_text(section.find(paths.get(kind, "{*}title")))
    return title or line_text(section.find("{*}title")) or _DEFAULTS.get(kind)
