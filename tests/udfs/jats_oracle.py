"""What an article holds by XPath and text nodes alone: the expectation that the extractor's rows are held against."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, cast

from lxml import etree

Element = etree._Element

_PARSER = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, remove_comments=True, remove_pis=True)
_NOT_WORDS = re.compile("[\\W_\u02c6\u02c7\u02c9-\u02cb]+")  # the last are accents that stand beside their letter
_DASHES = re.compile("[\u2010-\u2015\u2212]")  # a raised or lowered dash has one form
_HIDDEN = "self::*[local-name()='alt-text' or local-name()='long-desc' or local-name()='annotation' or local-name()='index-term']"
_TEX_BESIDE_MATHML = "self::*[local-name()='tex-math'][../*[local-name()='math']]"
_SEEN = f"descendant::text()[not(ancestor::*[{_HIDDEN} or {_TEX_BESIDE_MATHML}])]"
_IMAGES = r"\.(?:jpe?g|png|gif|tiff?|webp|bmp)$"
_VIDEOS = r"\.(?:mp[34g]|avi|mov|wmv|mpeg|flv|m4v|webm|mkv|wav)$"

_PICTURES = ("fig", "graphic", "inline-graphic", "media", "supplementary-material", "inline-supplementary-material")
_LINES = (
    "p",
    "title",
    "subtitle",
    "td",
    "th",
    "term",
    "attrib",
    "verse-line",
    "speaker",
    "article-title",
    "trans-title",
    "label",
)
_FLOATING = ("fig", "fig-group", "table-wrap", "table-wrap-group", "supplementary-material", "media", "chem-struct-wrap")


def _any(*names: str) -> str:
    return "self::*[" + " or ".join(f"local-name()='{name}'" for name in names) + "]"


_OWNER = etree.XPath(
    "ancestor::*["
    + _any(*("fig", "table-wrap", "chem-struct-wrap", "chem-struct", "boxed-text", "supplementary-material"))
    + " or "
    + _any(*("disp-formula", "inline-formula", "caption", "td", "th", "license", "license-p", "permissions"))
    + "][1]"
)
_OWN_TEXT = ("caption", "td", "th", "license", "license-p", "permissions")
_CANDIDATES = etree.XPath("descendant::*[" + _any(*_PICTURES) + "]")
_XREFS = etree.XPath("descendant::*[local-name()='xref']")
_BLOCK = etree.XPath(
    "ancestor::*["
    + _any(
        *(
            "p",
            "title",
            "subtitle",
            "td",
            "th",
            "term",
            "attrib",
            "verse-line",
            "speaker",
            "article-title",
            "trans-title",
            "label",
        )
    )
    + "][1]"
)
_TEXT = etree.XPath(_SEEN)
_FLOATS = etree.XPath(
    "descendant::*["
    + _any(
        *(
            "fig",
            "fig-group",
            "table-wrap",
            "table-wrap-group",
            "supplementary-material",
            "media",
            "chem-struct-wrap",
            "boxed-text",
        )
    )
    + "]"
)


_TYPES_OF_OTHERS = ("bibr", "aff", "fn", "table-fn", "corresp", "author-notes", "contrib")
_PARAGRAPHS = etree.XPath(
    "descendant::*[local-name()='p'][not(ancestor::*["
    + _any(*("fig", "fig-group", "table-wrap", "table-wrap-group", "supplementary-material", "media", "caption", "ref-list"))
    + " or "
    + _any(*("graphic", "chem-struct-wrap", "alternatives", "permissions", "front-stub", "sub-article", "response"))
    + "])]"
)


class Expected(NamedTuple):
    """A row that an article must give: the graphic (None: a figure without one) and the element that stands in the text."""

    graphic: Element | None
    place: Element

    @property
    def name(self) -> tuple[str | None, str | None]:
        """(graphic_ref, xml_id) of the row."""
        return (None if self.graphic is None else href(self.graphic), self.place.get("id"))


def read_article(xml: bytes) -> Element:
    """The first article element of the bytes, parsed anew."""
    root = etree.fromstring(xml, _PARSER)
    return next(iter(cast(list[Element], root.xpath("descendant-or-self::*[local-name()='article']"))))


def local(element: Element) -> str:
    return etree.QName(element).localname


def href(element: Element) -> str | None:
    return next((str(value) for key, value in element.attrib.items() if str(key).endswith("href")), "").strip() or None


def letters(text: str | None) -> str:
    """Letters and digits, whatever their form: raised, lowered, wide or composed."""
    return _NOT_WORDS.sub("", unicodedata.normalize("NFKD", text or ""))


def words(text: str | None) -> list[str]:
    """Words as white space parts them, whatever the form of their letters."""
    seen = re.sub("[\u00ad\u200b\u2060\ufeff]", "", unicodedata.normalize("NFKC", text or ""))
    return _DASHES.sub("-", seen).split()


def seen_text(*elements: Element, without_floats: bool = False) -> str:
    """Text nodes that a reader sees, one rendering of each formula."""
    hidden = {one for element in elements for one in cast(list[Element], _FLOATS(element))} if without_floats else set()
    nodes = [node for element in elements for node in cast(list[etree._ElementUnicodeResult], _TEXT(element))]
    return "".join(node for node in nodes if not hidden or not _is_within(node, hidden))


def _is_within(node: etree._ElementUnicodeResult, hidden: set[Element]) -> bool:
    parent = cast(Element, node.getparent())
    if node.is_tail:
        return any(one in hidden for one in parent.iterancestors())
    return parent in hidden or any(one in hidden for one in parent.iterancestors())


def expected_rows(article: Element) -> list[Expected]:
    """Every graphic, every picture or film given as media, every figure without any of them, in order of the document."""
    candidates = cast(list[Element], _CANDIDATES(article))
    pictured = {_owner(one) for one in candidates if local(one) != "fig" and _is_picture(one) and _stands_in_owner(one)}
    found = []
    for one in candidates:
        if local(one) == "fig":
            found += [Expected(None, one)] if one not in pictured else []
        elif _is_picture(one):
            owner = _owner(one)
            found.append(Expected(one, owner if owner is not None and _stands_in_owner(one) else one))
    return found


def _owner(element: Element) -> Element | None:
    owners = cast(list[Element], _OWNER(element))
    return owners[0] if owners and local(owners[0]) not in _OWN_TEXT else None


def _stands_in_owner(element: Element) -> bool:
    """False for an inline graphic outside of formulas, and for a supplement that is the picture itself."""
    if local(element) == "supplementary-material":
        return False
    owner = _owner(element)
    return owner is not None and (local(element) != "inline-graphic" or local(owner).endswith("-formula"))


def _is_picture(element: Element) -> bool:
    if local(element) in ("graphic", "inline-graphic"):
        return True
    owner = _owner(element)
    in_figure = owner is not None and local(owner) == "fig"
    name, kind = (href(element) or "").lower(), (element.get("mimetype") or element.get("mime-type") or "").lower()
    if local(element) == "media" and in_figure:
        return True
    is_drawing = kind.startswith("image") and bool(re.search(r"(?:^|/)[^./]+$|\.(?:eps|svg)$", name))
    return bool(name) and bool(re.search(f"{_IMAGES}|{_VIDEOS}", name) or is_drawing or kind.startswith("video"))


def figure_xrefs(article: Element, rows: list[Expected]) -> list[tuple[Element, list[int]]]:
    """Every cross-reference typed as one to a figure, or of no other type and leading to one, with the rows it names."""
    by_id: dict[str, list[int]] = {}
    for position, row in enumerate(rows):
        for xml_id in set(filter(None, (one.get("id") for one in _stand_for(row)))):
            by_id.setdefault(str(xml_id), []).append(position)
    found = []
    for xref in cast(list[Element], _XREFS(article)):
        named = sorted({position for token in (xref.get("rid") or "").split() for position in by_id.get(token, ())})
        if xref.get("ref-type") == "fig" or (named and xref.get("ref-type") not in _TYPES_OF_OTHERS):
            found.append((xref, _of_own_part(xref, named, rows)))
    return found


def _stand_for(row: Expected) -> Iterator[Element]:
    """The graphic, the figure, what lies between them, and the figures and groups around them."""
    start = row.place if row.graphic is None else row.graphic
    yield start
    yield row.place
    for one in start.iterancestors():
        if local(one) in ("fig", "fig-group", "table-wrap-group", "alternatives"):
            yield one
        elif local(one) in ("sec", "body", "p"):
            return


def _of_own_part(xref: Element, positions: list[int], rows: list[Expected]) -> list[int]:
    """Where sub-articles repeat an id, the rows of the part that the cross-reference stands in."""
    if len(positions) < 2:
        return positions
    return [one for one in positions if _part(rows[one].place) is _part(xref)] or positions


def _part(element: Element) -> Element | None:
    return next((one for one in element.iterancestors() if local(one) in ("sub-article", "response")), None)


def block_of(xref: Element) -> Element:
    """The innermost paragraph, title or cell around a cross-reference, else its parent."""
    found = cast(list[Element], _BLOCK(xref))
    return found[0] if found else cast(Element, xref.getparent())


def paragraphs(article: Element) -> Iterator[Element]:
    """Paragraphs of the running text: not of floats, captions, notes, references and front matter."""
    for part in article:
        if local(part) in ("body", "back"):
            yield from cast(list[Element], _PARAGRAPHS(part))


def words_of(row: Expected, name: str) -> list[Element]:
    """The caption or label elements of a graphic itself, else of its figure."""
    own = [] if row.graphic is None else [one for one in row.graphic if local(one) == name]
    return own or [one for one in row.place if local(one) == name]
