"""Texts of the blocks of one article, each rendered once however many tables need it."""

from __future__ import annotations

from collections.abc import Set

from udfs.jats.names import Element, ancestors, name_of
from udfs.jats.text import Text, block_text, pure_text

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
    """Block texts by element, with the spans of the wanted cross-references; `mixed` as in Survey."""

    def __init__(self, wanted: Set[Element], mixed: Set[Element]) -> None:
        self._wanted = wanted
        self._mixed = mixed
        self._texts: dict[Element, Text] = {}

    def read(self, block: Element) -> Text:
        """Text of a block with the spans of the figure cross-references in it."""
        text = self._texts.get(block)
        if text is None:
            text = block_text(block, self._wanted) if self._is_mixed(block) else pure_text(block)
            self._texts[block] = text
        return text

    def _is_mixed(self, block: Element) -> bool:
        return block in self._mixed or name_of(block.tag) != "p"


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
        if name in ("body", "back"):
            break
    return "title" if name_of(block.tag).endswith("title") else "paragraph", block
