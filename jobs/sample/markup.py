"""XML elements built in one expression."""

from __future__ import annotations

from lxml import etree

Node = etree._Element
Part = Node | str | dict[str, str]


def element(tag: str, *parts: Part) -> Node:
    """An element with parts in order: texts and elements as content, mappings as attributes."""
    node = etree.Element(tag)
    for part in parts:
        if isinstance(part, dict):
            for name, value in part.items():
                node.set(name, value)
        elif isinstance(part, str):
            _append_text(node, part)
        else:
            node.append(part)
    return node


def _append_text(node: Node, words: str) -> None:
    if len(node):
        node[-1].tail = (node[-1].tail or "") + words
    else:
        node.text = (node.text or "") + words
