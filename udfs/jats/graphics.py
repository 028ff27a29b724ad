"""Every graphic of an article in reading order, with the element that owns it and the kind that makes it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from udfs.jats.names import Element, ancestors, href_of, name_of
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
_VIDEO_EXTENSIONS = frozenset({".mp4", ".avi", ".mov", ".wmv", ".mpg", ".mpeg", ".flv", ".m4v", ".webm", ".mkv", ".mp3", ".wav"})


@dataclass(frozen=True, slots=True)
class Graphic:
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


def find_graphics(candidates: Sequence[Element]) -> list[Graphic]:
    """One entry per graphic and per figure without one, of the candidates in reading order (see Survey.graphics)."""
    found: list[Graphic] = []
    counts: dict[Element, int] = {}
    for element in candidates:
        if name_of(element.tag) == "fig":
            found.append(Graphic(None, element, _figure_kind(element)))
            continue
        graphic = _graphic(element)
        if graphic is not None and graphic.owner is not None:
            number = counts[graphic.owner] = counts.get(graphic.owner, -1) + 1
            graphic = Graphic(element, graphic.owner, graphic.kind, number)
        if graphic is not None:
            found.append(graphic)
    return [graphic for graphic in found if graphic.element is not None or graphic.owner not in counts]


def _graphic(element: Element) -> Graphic | None:
    owner = _owner(element)
    kind = _OWNERS[name_of(owner.tag)] if owner is not None else "other"
    name = name_of(element.tag)
    if name == "graphic":
        return _picture(element, owner, kind)
    if name == "inline-graphic":
        return _picture(element, owner, "equation" if kind == "equation" else "inline")
    medium = _medium(element)
    if name == "supplementary-material":
        return Graphic(element, element, "video" if medium == "video" else "supplementary") if medium else None
    if medium == "video":
        return Graphic(element, owner, "video")
    if medium == "image":
        return _picture(element, owner, kind)
    return Graphic(element, owner, "supplementary") if name == "media" and kind == "figure" else None


def _picture(element: Element, owner: Element | None, kind: str) -> Graphic:
    if kind == "inline":
        return Graphic(element, None, "inline")
    if owner is None:
        return Graphic(element, None, "graphical_abstract" if _in_graphical_abstract(element) else "other")
    return Graphic(element, owner, _figure_kind(owner) if kind == "figure" else kind)


def _owner(element: Element) -> Element | None:
    """The nearest element that can own a graphic; what stands in a caption or a cell is an inline graphic of that text."""
    return next((ancestor for name, ancestor in ancestors(element) if name in _OWNERS), None)


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


def _figure_kind(figure: Element) -> str:
    described = " ".join(filter(None, map(figure.get, ("fig-type", "specific-use", "content-type")))).lower()
    if "graphical" in described or _in_graphical_abstract(figure):
        return "graphical_abstract"
    label = next(figure.iterchildren("{*}label"), None)
    is_scheme = label is not None and (label.text or "").strip().lower().startswith("scheme")
    return "scheme" if is_scheme or "scheme" in described else "figure"


def _in_graphical_abstract(element: Element) -> bool:
    return any(name == "abstract" and "graphic" in (one.get("abstract-type") or "").lower() for name, one in ancestors(element))


def containers(graphic: Graphic) -> Iterator[Element]:
    """The elements whose id stands for the graphic: itself, its owner and what lies between, the groups around them."""
    start = graphic.element if graphic.element is not None else graphic.place
    yield start
    inside = start is not graphic.place
    for name, ancestor in ancestors(start):
        if inside or name in ("fig-group", "fig", "table-wrap-group", "alternatives"):
            yield ancestor
        elif name in ("sec", "body", "article", "p", "floats-group"):
            return
        inside = inside and ancestor is not graphic.place
