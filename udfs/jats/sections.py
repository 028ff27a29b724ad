"""Full text of an article by section, floats left out."""

from __future__ import annotations

from typing import Any

from udfs.jats.blocks import Blocks
from udfs.jats.names import NAMES, Element
from udfs.jats.scope import Scope, joined_path

_PARTS = frozenset({"body", "back", "floats-group"})
_SECTIONS = frozenset({"sec", "app", "app-group", "boxed-text", "ack", "notes", "glossary", "bio", "fn-group"})
_FLOATS = frozenset(
    {"fig", "fig-group", "table-wrap", "table-wrap-group", "graphic", "media", "chem-struct-wrap", "alternatives"}
)
_NO_TEXT = frozenset({"title", "label", "subtitle", "sec-meta", "ref-list", "caption", "object-id", "permissions", "attrib"})
_LEFT_OUT = _FLOATS | _NO_TEXT


def read_sections(article: Element, blocks: Blocks, scope: Scope, has_boxes: bool) -> list[dict[str, Any]]:
    """Sections in reading order: body, back matter without references, sub-articles; fields as in `articles.sections`."""
    rows: list[dict[str, Any]] = []
    reader = _Reader(blocks, scope, rows, has_boxes)
    for child in article:
        name = NAMES[child.tag]
        if name in _PARTS:
            reader.walk(child, None, name)
        elif name in ("sub-article", "response"):
            path = scope.title(child)
            for part in child:
                if NAMES[part.tag] in _PARTS:
                    reader.walk(part, path, name)
    return rows


class _Reader:
    def __init__(self, blocks: Blocks, scope: Scope, rows: list[dict[str, Any]], has_boxes: bool) -> None:
        self._blocks = blocks
        self._scope = scope
        self._rows = rows
        self._has_boxes = has_boxes

    def walk(self, container: Element, path: str | None, part: str) -> None:
        """Append the rows of a container: its own text first, then those of the sections in it."""
        title = self._scope.title(container) if NAMES[container.tag] not in _PARTS else None
        path = joined_path(path, title)
        read = self._blocks.read
        texts: list[str] = []
        inner: list[Element] = []
        for child in container:
            name = NAMES[child.tag]
            if name in _SECTIONS:
                inner.append(child)
            elif name not in _LEFT_OUT:
                if text := read(child).text:
                    texts.append(text)
                if self._has_boxes:
                    inner.extend(child.iter("{*}boxed-text"))
        text = "\n".join(texts)
        if text or title:
            kind = container.get("sec-type")
            self._rows.append({"path": path, "title": title, "text": text or None, "type": kind, "part": part})
        for child in inner:
            self.walk(child, path, part)
