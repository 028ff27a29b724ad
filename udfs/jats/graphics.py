"""Every graphic of an article in reading order, with the element that owns it and the kind that makes it."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from typing import NamedTuple

from udfs.jats.names import NAMES, Element, Lineage, first_child, href_of
from udfs.media_match import RASTER_EXTENSIONS

_OWNERS = {
    "fig": "figure",
    "table-wrap": "table",
    "chem-struct-wrap": "scheme",
    "chem-struct": "scheme",
    "boxed-text": "box",
    "supplementary-material": "supplementary",
    "disp-formula": "equation",
    "inline-formula": "equation",
    "caption": "inline",
    "td": "inline",
    "th": "inline",
    "license": "inline",
    "license-p": "inline",
    "permissions": "inline",
}
_GROUPS = frozenset({"fig-group", "fig", "table-wrap-group", "alternatives"})
_TEXT = frozenset({"sec", "body", "article", "p", "floats-group"})
_VIDEO_EXTENSIONS = frozenset({".mp4", ".avi", ".mov", ".wmv", ".mpg", ".mpeg", ".flv", ".m4v", ".webm", ".mkv", ".mp3", ".wav"})


class Graphic(NamedTuple):
    """A graphic (None: a figure without one), its owner (None: it stands alone) and its number within the owner, from 0."""

    element: Element | None
    owner: Element | None
    kind: str
    number: int = 0

    @property
    def place(self) -> Element:
        """The element that stands in the text."""
        place = self.owner if self.owner is not None else self.element
        if place is None:
            raise ValueError("a graphic has an element, an owner or both")
        return place


def find_graphics(candidates: Sequence[Element], lineage: Lineage) -> list[Graphic]:
    """One entry per graphic and per figure without one, of the candidates in reading order (see Survey.graphics)."""
    found: list[Graphic] = []
    counts: dict[Element, int] = {}
    for element in candidates:
        if NAMES[element.tag] == "fig":
            found.append(Graphic(None, element, "figure"))
            continue
        graphic = _graphic(element, lineage)
        if graphic is not None and graphic.owner is not None:
            number = counts[graphic.owner] = counts.get(graphic.owner, -1) + 1
            graphic = graphic._replace(number=number) if number else graphic
        if graphic is not None:
            found.append(graphic)
    kept = [graphic for graphic in found if graphic.element is not None or graphic.owner not in counts]
    return [
        graphic._replace(kind=_figure_kind(graphic.place, lineage)) if graphic.kind == "figure" else graphic for graphic in kept
    ]


def _graphic(element: Element, lineage: Lineage) -> Graphic | None:
    owner, kind = _owner(element, lineage)
    name = NAMES[element.tag]
    if name == "graphic":
        return _picture(element, owner, kind, lineage)
    if name == "inline-graphic":
        return _picture(element, owner, kind if kind == "equation" else "inline", lineage)
    medium = _medium(element)
    if name == "supplementary-material":
        return Graphic(element, element, "video" if medium == "video" else "supplementary") if medium else None
    if medium == "video":
        return Graphic(element, owner, "video")
    if medium == "image":
        return _picture(element, owner, kind, lineage)
    return Graphic(element, owner, "supplementary") if name == "media" and kind == "figure" else None


def _owner(element: Element, lineage: Lineage) -> tuple[Element | None, str]:
    """The innermost element around another that owns graphics, and the kind that it makes them."""
    for name, ancestor in lineage[element]:
        if name in _OWNERS:
            return ancestor, _OWNERS[name]
    return None, "other"


def _picture(element: Element, owner: Element | None, kind: str, lineage: Lineage) -> Graphic:
    """A picture and what owns it; one in a caption or a cell is an inline graphic of that text and stands alone."""
    if kind == "inline":
        return Graphic(element, None, "inline")
    if owner is None and _in_graphical_abstract(element, lineage):
        return Graphic(element, None, "graphical_abstract")
    return Graphic(element, owner, kind)


def _medium(element: Element) -> str | None:
    """image or video, by media type or else extension; None for documents and data, and where there is no reference."""
    href = href_of(element)
    if href is None:
        return None
    extension = posixpath.splitext(href.lower())[1]
    mimetype = (element.get("mimetype") or element.get("mime-type") or "").lower()
    if extension in RASTER_EXTENSIONS or (mimetype.startswith("image") and extension in ("", ".eps", ".svg")):
        return "image"
    if extension in _VIDEO_EXTENSIONS or mimetype.startswith("video"):
        return "video"
    return None


def _figure_kind(figure: Element, lineage: Lineage) -> str:
    described = " ".join(filter(None, map(figure.get, ("fig-type", "specific-use", "content-type")))).lower()
    if "graphical" in described or _in_graphical_abstract(figure, lineage):
        return "graphical_abstract"
    label = first_child(figure, "label")
    is_scheme = label is not None and (label.text or "").strip().lower().startswith("scheme")
    return "scheme" if is_scheme or "scheme" in described else "figure"


def _in_graphical_abstract(element: Element, lineage: Lineage) -> bool:
    abstract = next((one for name, one in lineage[element] if name == "abstract"), None)
    kind = (abstract.get("abstract-type") or "").lower() if abstract is not None else ""
    return "graphic" in kind or kind == "toc"


def xml_ids(graphic: Graphic, lineage: Lineage) -> frozenset[str]:
    """The ids that stand for a graphic: its own, its owner's and those of what lies between, of the groups around them."""
    place = graphic.place
    start = graphic.element if graphic.element is not None else place
    ids = [start.get("id")]
    inside = start is not place
    for name, ancestor in lineage[start]:
        if inside or name in _GROUPS:
            ids.append(ancestor.get("id"))
        elif name in _TEXT:
            break
        inside = inside and ancestor is not place
    return frozenset(filter(None, ids))
