"""Rows of table `figures`: each graphic with its label, captions, rights and place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from udfs.jats.figure_ids import figure_ids
from udfs.jats.graphics import Graphic, containers
from udfs.jats.names import Element, ancestors, href_of, name_of
from udfs.jats.numbering import label_number
from udfs.jats.panels import split_panels
from udfs.jats.rights import figure_rights
from udfs.jats.scope import Scope, sub_article
from udfs.jats.text import line_text, plain_text
from udfs.media_match import MediaIndex

_NOTES = frozenset(
    {"p", "statement", "fn", "fn-group", "legend", "disp-quote", "list", "table-wrap-foot", "text", "speech", "verse-group"}
)
_CAPTIONED = frozenset({"figure", "scheme", "table", "box", "graphical_abstract", "supplementary", "video", "other"})


@dataclass(frozen=True)
class Figure:
    """A row of `figures` and what the mentions need: the graphic, and the ids that stand for it in the XML."""

    row: dict[str, Any]
    graphic: Graphic
    xml_ids: frozenset[str]


@dataclass
class FigureReader:
    """Reads the rows of one article; what several graphics of a figure share is read once."""

    accession: str
    scope: Scope
    media: MediaIndex
    _owners: dict[Element, dict[str, Any]] = field(default_factory=dict)

    def read(self, graphics: Sequence[Graphic]) -> list[Figure]:
        """One figure per graphic, in order."""
        ids = figure_ids(graphics)
        return [
            self._figure(graphic, figure_id, position)
            for position, (graphic, figure_id) in enumerate(zip(graphics, ids, strict=True))
        ]

    def _figure(self, graphic: Graphic, figure_id: str, position: int) -> Figure:
        ref = href_of(graphic.element) if graphic.element is not None else None
        row = {
            "accession": self.accession,
            "figure_id": figure_id,
            "kind": graphic.kind,
            "position": position,
            "graphic_no": graphic.number,
            "graphic_ref": ref,
            "media_names": list(self.media.match(ref)),
            **_alternative(graphic.element),
            **self._shared(graphic),
        }
        row.update(_own_words(graphic, row))
        row["panels"], row["caption_lead"], row["split_confidence"] = _panels(row["caption"])
        xml_ids = frozenset(filter(None, (element.get("id") for element in containers(graphic))))
        return Figure(row, graphic, xml_ids)

    def _shared(self, graphic: Graphic) -> dict[str, Any]:
        place = graphic.place
        if place not in self._owners:
            self._owners[place] = self._read_place(place, graphic)
        return self._owners[place]

    def _read_place(self, place: Element, graphic: Graphic) -> dict[str, Any]:
        has_words = graphic.kind in _CAPTIONED
        label = line_text(place.find("{*}label")) if has_words else None
        caption = _joined(plain_text(one) for one in place.iterfind("{*}caption")) if has_words else None
        attribution = _joined(line_text(one) for one in place.iterfind(".//{*}attrib"))
        rights = figure_rights(_permissions(place), caption, attribution)
        sub = sub_article(place)
        return {
            "xml_id": place.get("id"),
            "label": label,
            "number": label_number(label),
            "caption_title": _joined(line_text(one) for one in place.iterfind("{*}caption/{*}title")),
            "caption": caption,
            "alt_text": _joined(line_text(one) for one in place.iterfind("{*}alt-text")),
            "long_description": _joined(plain_text(one) for one in place.iterfind("{*}long-desc")),
            "notes": _joined(plain_text(one, keep_floats=True) for one in place if name_of(one.tag) in _NOTES)
            if graphic.owner is not None
            else None,
            "doi": next((line_text(one) for one in place.iterfind("{*}object-id[@pub-id-type='doi']")), None),
            "attribution": attribution,
            "rights": rights.rights,
            "permission": rights.statement,
            "license_url": rights.license_url,
            "license_spdx": rights.license_spdx,
            "section_path": self.scope.path(place),
            "sub_article": sub.get("id") or sub.get("article-type") or name_of(sub.tag) if sub is not None else None,
            **_group(place),
        }


def _group(place: Element) -> dict[str, Any]:
    """Label and caption of the nearest enclosing figure group, or of the figure around a figure."""
    group = next((one for name, one in ancestors(place) if name in ("fig-group", "fig", "table-wrap-group")), None)
    if group is None:
        return {"group_id": None, "group_label": None, "group_caption": None}
    return {
        "group_id": group.get("id"),
        "group_label": line_text(group.find("{*}label")),
        "group_caption": _joined(plain_text(one) for one in group.iterfind("{*}caption")),
    }


def _own_words(graphic: Graphic, shared: dict[str, Any]) -> dict[str, Any]:
    """Label, caption and descriptions of the graphic itself, which go before its figure's; that caption becomes the group's."""
    element = graphic.element
    if element is None or element is graphic.place:
        return {}
    words: dict[str, Any] = {}
    alt_text = _joined(line_text(one) for one in element.iterfind("{*}alt-text"))
    if alt_text:
        words["alt_text"] = alt_text
    caption = _joined(plain_text(one) for one in element.iterfind("{*}caption"))
    if caption:
        words["caption"] = caption
        words["caption_title"] = _joined(line_text(one) for one in element.iterfind("{*}caption/{*}title"))
        words["group_caption"] = shared["caption"] or shared["group_caption"]
    label = line_text(element.find("{*}label"))
    if label:
        words |= {"label": label, "number": label_number(label), "group_label": shared["label"] or shared["group_label"]}
    return words


def _alternative(element: Element | None) -> dict[str, Any]:
    """Which of the alternatives a graphic is, from 0, and what it is for; NULL for a graphic that has none."""
    if element is None:
        return {"alternative": None, "specific_use": None, "content_type": None, "mime_type": None}
    parent = element.getparent()
    index = parent.index(element) if parent is not None and name_of(parent.tag) == "alternatives" else None
    mime = "/".join(filter(None, (element.get("mimetype") or element.get("mime-type"), element.get("mime-subtype"))))
    return {
        "alternative": index,
        "specific_use": element.get("specific-use"),
        "content_type": element.get("content-type"),
        "mime_type": mime or None,
    }


def _permissions(place: Element) -> list[Element]:
    return [
        *place.iterfind("{*}permissions"),
        *place.iterfind("{*}graphic/{*}permissions"),
        *place.iterfind("{*}caption//{*}permissions"),
    ]


def _panels(caption: str | None) -> tuple[list[dict[str, Any]], str | None, float | None]:
    if not caption:
        return [], None, None
    split = split_panels(caption)
    return (
        [{"label": p.label, "text": p.text, "start": p.start, "end": p.end} for p in split.panels],
        split.lead,
        split.confidence,
    )


def _joined(texts: Iterable[str | None]) -> str | None:
    return "\n".join(filter(None, texts)) or None
