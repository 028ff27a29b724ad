"""Texts of the blocks of one article, each rendered once however many tables need it."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from udfs.jats.names import NAMES, Element, Lineage
from udfs.jats.text import Text, block_text, raw_text

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
    """Block texts by element, with the spans of the wanted cross-references."""

    def __init__(self, wanted: Container[Element]) -> None:
        self._wanted = wanted
        self._texts: dict[Element, Text] = {}

    def read(self, block: Element) -> Text:
        """Text of a block with the spans of the figure cross-references in it."""
        text = self._texts.get(block)
        if text is None:
            text = self._texts[block] = block_text(block, self._wanted)
        return text

    def naming(self, blocks: Iterable[Element], words: tuple[str, str]) -> Iterator[tuple[Element, Text]]:
        """Each block that holds one of two words that start alike, with its text; most of the others are not rendered."""
        one, other = words
        initial = one[0]  # of one character, and a rare one, the search is many times faster
        known = self._texts.get
        for block in blocks:
            text = known(block)
            raw = text.text if text is not None else raw_text(block)
            if initial in raw and (one in raw or other in raw):
                yield block, self.read(block)


def block_of(element: Element, lineage: Lineage) -> Element:
    """The innermost paragraph, title or cell around an element; its parent where there is none."""
    for name, ancestor in lineage[element]:
        if name in _BLOCKS:
            return ancestor
    parent = element.getparent()
    return element if parent is None else parent


def place_of(block: Element, lineage: Lineage) -> tuple[str, Element]:
    """(kind of place, the element that makes it so) of a block."""
    if NAMES[block.tag] in ("td", "th"):
        return "table_cell", block
    for name, ancestor in lineage[block]:
        if name in _PLACES:
            return _PLACES[name], ancestor
        if name in ("body", "back"):
            break
    return "title" if NAMES[block.tag].endswith("title") else "paragraph", block
