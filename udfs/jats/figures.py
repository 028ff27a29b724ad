"""Rows of table `figures`: each graphic with its label, captions, rights and place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from udfs.jats.figure_ids import figure_ids
from udfs.jats.graphics import Graphic, xml_ids
from udfs.jats.licences import license_code
from udfs.jats.names import NAMES, Element, href_of
from udfs.jats.numbering import label_number
from udfs.jats.panels import split_panels
from udfs.jats.rights import ArticleRights, Rights, figure_rights
from udfs.jats.scope import Scope
from udfs.jats.words import Words, merge_words, read_words
from udfs.media_match import MediaIndex

_GROUPS = ("fig-group", "fig", "table-wrap-group")
# A graphical abstract stands beside the article's own permissions.
_FRONTS = ("article", "article-meta")


@dataclass(frozen=True)
class Figure:
    """A row of `figures` and what the mentions need: the graphic, and the ids that stand for it in the XML."""

    row: dict[str, Any]
    graphic: Graphic
    xml_ids: frozenset[str]


class FigureReader:
    """Reads the rows of one article; what several graphics of a figure or several figures of a group share is read once."""

    def __init__(self, accession: str, media: MediaIndex, article: ArticleRights) -> None:
        self.scope = Scope()
        self._accession = accession
        self._media = media
        self._article = article
        self._has_sub_articles = False
        self._words: dict[Element, Words] = {}
        self._permissions: dict[Element, tuple[Element, ...]] = {}

    def read(self, graphics: Sequence[Graphic], has_sub_articles: bool) -> list[Figure]:
        """One figure per graphic, in order."""
        self._has_sub_articles = has_sub_articles
        named = zip(graphics, figure_ids(graphics), strict=True)
        return [self._figure(graphic, figure_id, position) for position, (graphic, figure_id) in enumerate(named)]

    def _figure(self, graphic: Graphic, figure_id: str, position: int) -> Figure:
        ref = href_of(graphic.element) if graphic.element is not None else None
        place = graphic.place
        row = {
            "accession": self._accession,
            "figure_id": figure_id,
            "xml_id": place.get("id"),
            "kind": graphic.kind,
            "section_path": self.scope.path(place),
            "sub_article": self._sub_article(place),
            "position": position,
            "graphic_no": graphic.number,
            "graphic_ref": ref,
            "media_names": list(self._media.match(ref)),
            **_alternative(graphic.element),
            **self._texts(graphic),
        }
        return Figure(row, graphic, xml_ids(graphic, self.scope.lineage))

    def _texts(self, graphic: Graphic) -> dict[str, Any]:
        place, element = graphic.place, graphic.element
        shared = self._words_of(place, graphic.owner is not None)
        words = shared if element is None or element is place else merge_words(shared, read_words(element))
        group = self._group(place, shared if (words.label, words.caption) != (shared.label, shared.caption) else None)
        rights = self._rights(graphic, words, group["group_caption"])
        return {
            "label": words.label,
            "number": label_number(words.label),
            "caption_title": words.caption_title,
            "caption": words.caption,
            "alt_text": words.alt_text,
            "long_description": words.long_description,
            "notes": words.notes,
            "doi": words.doi,
            "attribution": words.attribution,
            "rights": rights.rights,
            "permission": rights.statement,
            "license_url": rights.license_url,
            "license_spdx": rights.license_spdx,
            "license_code": license_code(rights.license_spdx),
            **group,
            **_panels(words.caption),
        }

    def _rights(self, graphic: Graphic, words: Words, group_caption: str | None) -> Rights:
        """Rights by the figure's own permissions, else those of the nearest element around it that has any."""
        permissions = words.permissions or (self._inherited(graphic.place) if self._article.has_inner_permissions else ())
        around = next((one for name, one in self.scope.lineage[graphic.place] if name in _GROUPS), None)
        group_attribution = self._words_of(around, False).attribution if around is not None else None
        texts = (words.attribution, words.caption, words.notes, group_attribution, group_caption)
        return figure_rights(permissions, texts, self._article)

    def _inherited(self, place: Element) -> tuple[Element, ...]:
        """Permissions of the nearest ancestor that has its own (JATS fig-group, boxed-text, sec, sub-article and so on)."""
        for name, ancestor in self.scope.lineage[place]:
            if name in _FRONTS:
                break
            if ancestor not in self._permissions:
                self._permissions[ancestor] = permissions_of(ancestor)
            if self._permissions[ancestor]:
                return self._permissions[ancestor]
        return ()

    def _words_of(self, element: Element, with_notes: bool) -> Words:
        if element not in self._words:
            self._words[element] = read_words(element, with_notes)
        return self._words[element]

    def _group(self, place: Element, shared: Words | None) -> dict[str, Any]:
        """The figure a graphic with a caption of its own stands in, else the group (or figure) around the figure."""
        group = next((one for name, one in self.scope.lineage[place] if name in _GROUPS), None)
        if shared is None and group is None:
            return {"group_id": None, "group_label": None, "group_caption": None}
        words = shared if shared is not None else self._words_of(group, False) if group is not None else Words()
        return {
            "group_id": group.get("id") if group is not None else None,
            "group_label": words.label,
            "group_caption": words.caption,
        }

    def _sub_article(self, place: Element) -> str | None:
        sub = self.scope.sub_article(place) if self._has_sub_articles else None
        return None if sub is None else sub.get("id") or sub.get("article-type") or NAMES[sub.tag]


def permissions_of(element: Element) -> tuple[Element, ...]:
    """Permissions that an element states for what is in it (JATS permissions, also in sec-meta, front-stub and front)."""
    own = tuple(element.iterchildren("{*}permissions"))
    return own or tuple(
        found
        for front in element.iterchildren("{*}sec-meta", "{*}front-stub", "{*}front")
        for found in front.iterdescendants("{*}permissions")
    )


def _alternative(element: Element | None) -> dict[str, Any]:
    """Which of the alternatives a graphic is, from 0, and what it is for; NULL for a graphic that has none."""
    if element is None:
        return {"alternative": None, "specific_use": None, "content_type": None, "mime_type": None}
    parent = element.getparent()
    index = parent.index(element) if parent is not None and NAMES[parent.tag] == "alternatives" else None
    mime = "/".join(filter(None, (element.get("mimetype") or element.get("mime-type"), element.get("mime-subtype"))))
    return {
        "alternative": index,
        "specific_use": element.get("specific-use"),
        "content_type": element.get("content-type"),
        "mime_type": mime or None,
    }


def _panels(caption: str | None) -> dict[str, Any]:
    if not caption:
        return {"panels": [], "caption_lead": None, "split_confidence": None}
    split = split_panels(caption)
    panels = [panel._asdict() for panel in split.panels]
    return {"panels": panels, "caption_lead": split.lead, "split_confidence": split.confidence}
