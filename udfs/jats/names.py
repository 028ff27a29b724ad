"""Local names of elements, so that the extractor is blind to namespaces."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Generic, TypeAlias, TypeVar

from lxml import etree

Element: TypeAlias = etree._Element
Value = TypeVar("Value")

XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
ENTITY = "&"
_MAX_CACHED = 4096


def local_name(tag: Any) -> str:
    """Name of an lxml tag without its namespace; ENTITY for an unresolved entity reference."""
    if not isinstance(tag, str):
        return ENTITY
    return tag.rpartition("}")[2]


class ByTag(dict[Any, Value], Generic[Value]):
    """What belongs to a local name, looked up by lxml's full tag; bounded, since tags are data from outside."""

    def __init__(self, values: dict[str, Value], default: Value) -> None:
        super().__init__()
        self.names = values.keys()
        self._values = values
        self._default = default

    def __missing__(self, tag: Any) -> Value:
        """The value of the tag's local name, remembered for the next time."""
        value = self._values.get(local_name(tag), self._default)
        if len(self) < _MAX_CACHED:
            self[tag] = value
        return value


class _Locals(dict[Any, str]):
    """Local names by lxml's full tag, which is what every reader asks most often."""

    def __missing__(self, tag: Any) -> str:
        name = local_name(tag)
        if len(self) < _MAX_CACHED:
            self[tag] = name
        return name


NAMES = _Locals()


def any_namespace(names: Iterable[str]) -> tuple[str, ...]:
    """Tag patterns for lxml's iterators that match the names in every namespace and in none."""
    return tuple(f"{{*}}{name}" for name in names)


class Lineage(dict[Element, tuple[tuple[str, Element], ...]]):
    """(local name, element) of an element's ancestors, innermost first; what siblings share is read once."""

    def __missing__(self, element: Element) -> tuple[tuple[str, Element], ...]:
        """The parent before the parent's own ancestors."""
        parent = element.getparent()
        line = () if parent is None else ((NAMES[parent.tag], parent), *self[parent])
        self[element] = line
        return line


def by_name(elements: Iterable[Element]) -> dict[str, list[Element]]:
    """Elements by local name, each list in order."""
    found: dict[str, list[Element]] = {}
    for element in elements:
        name = NAMES[element.tag]
        if name in found:
            found[name].append(element)
        else:
            found[name] = [element]
    return found


def first_child(element: Element | None, *path: str) -> Element | None:
    """The first child of a name, and its first child of the next name, and so on; None where one is missing."""
    for name in path:
        for child in () if element is None else element:  # faster than lxml's search for the first few children
            if NAMES[child.tag] == name:
                element = child
                break
        else:
            return None
    return element


def all_text(element: Element) -> str:
    """All text of an element and its descendants, as it stands."""
    return "".join(map(str, element.itertext()))


def href_of(element: Element) -> str | None:
    """The reference of an element: xlink:href, else an href that lost its namespace; None where empty."""
    href = element.get(XLINK_HREF)
    if href is None:
        href = next((str(value) for key, value in element.attrib.items() if local_name(key) == "href"), None)
    return (href or "").strip() or None
