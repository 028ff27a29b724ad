"""Texts of the blocks of one article, each rendered once however many tables need it."""

from __future__ import annotations

from collections.abc import Set

from udfs.jats.names import Element, ancestors, name_of
from udfs.jats.text import Text, block_text

_BLOCKS = frozenset(
    {"p", "title", "subtitle", "td", "th", "term", "attrib", "verse-line", "speaker", "article-title", "trans-title", "label"}
)
_PLACES = {
    "caption": "caption",
    "td": "table_cell",
    "th": "table_cell",
    "fn": "footnote",
    "list-item": "list_item",
    "def-item": "list_item",
    "abstract": "abstract",
    "trans-abstract": "abstract",
    "boxed-text": "box",
}
PLACES = ("paragraph", "title", "list_item", "table_cell", "caption", "own_caption", "footnote", "abstract", "box")


class Blocks:
    """Block texts by element; `targets` are the ids whose cross-references are marked."""

    def __init__(self, targets: Set[str]) -> None:
        self._targets = targets
        self._texts: dict[Element, Text] = {}

    def read(self, block: Element) -> Text:
        """Text of a block with the spans of the figure cross-references in it."""
        text = self._texts.get(block)
        if text is None:
            text = self._texts[block] = block_text(block, self._targets)
        return text


def block_of(element: Element) -> Element:
    """The innermost paragraph, title or cell around an element; its parent where there is none."""
    found = next((ancestor for name, ancestor in ancestors(element) if name in _BLOCKS), None)
    if found is not None:
        return found
    parent = element.getparent()
    return element if parent is None else parent


def place_of(block: Element) -> tuple[str, Element]:
    """(kind of place, the element that makes it so) of a block."""
    if name_of(block.tag) in ("td", "th"):
        return "table_cell", block
    for name, ancestor in ancestors(block):
        if name in _PLACES:
            return _PLACES[name], ancestor
        if name in ("body", "sec", "back"):
            break
    return "title" if name_of(block.tag).endswith("title") else "paragraph", block
