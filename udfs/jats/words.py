"""The words of a figure or graphic element: label, captions, descriptions, attribution, notes, permissions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from udfs.jats.names import Element, by_name
from udfs.jats.text import line_text, plain_text

_NOTES = ("p", "statement", "fn", "fn-group", "legend", "disp-quote", "list", "table-wrap-foot", "speech", "verse-group")


class Words(NamedTuple):
    """Texts of one element's own children (JATS label, caption, alt-text, long-desc, attrib, object-id, permissions)."""

    label: str | None = None
    caption: str | None = None
    caption_title: str | None = None
    alt_text: str | None = None
    long_description: str | None = None
    attribution: str | None = None
    doi: str | None = None
    notes: str | None = None
    permissions: tuple[Element, ...] = ()


NO_WORDS = Words()
_ADDED = ("alt_text", "long_description", "attribution", "notes")
_COMMON = frozenset({"label", "caption", "graphic"})


def read_words(element: Element, with_notes: bool = False) -> Words:
    """Words of an element; notes are its text outside of all other fields, read only where asked for."""
    if not len(element):
        return NO_WORDS
    children = by_name(element)
    captions = children.get("caption", ())
    rest = children.keys() - _COMMON
    words = Words(
        label=_lines(children.get("label", ())),
        caption=_texts(captions),
        caption_title=_lines(title for caption in captions for title in caption.iterchildren("{*}title")),
    )
    return words._replace(**_rare_words(children, with_notes)) if rest else words


def _rare_words(children: Mapping[str, Sequence[Element]], with_notes: bool) -> dict[str, Any]:
    dois = [one for one in children.get("object-id", ()) if one.get("pub-id-type") == "doi"]
    notes = [child for name in _NOTES for child in children.get(name, ())] if with_notes else []
    return {
        "alt_text": _lines(children.get("alt-text", ())),
        "long_description": _texts(children.get("long-desc", ())),
        "attribution": _lines(children.get("attrib", ())),
        "doi": line_text(dois[0]) if dois else None,
        "notes": _texts(notes),
        "permissions": tuple(children.get("permissions", ())),
    }


def merge_words(shared: Words, own: Words) -> Words:
    """A graphic's own label and caption before those it shares with the others of its figure; descriptions of both."""
    if own is NO_WORDS:
        return shared
    found: dict[str, Any] = {name: value for name, value in own._asdict().items() if value}
    if own.caption:
        found["caption_title"] = own.caption_title
    for name in _ADDED:
        texts = filter(None, (getattr(shared, name), getattr(own, name)))
        found[name] = "\n".join(dict.fromkeys(texts)) or None
    found["permissions"] = (*shared.permissions, *own.permissions)
    return shared._replace(**found)


def _lines(elements: Iterable[Element]) -> str | None:
    return "\n".join(filter(None, map(line_text, elements))) or None


def _texts(elements: Iterable[Element]) -> str | None:
    return "\n".join(filter(None, map(plain_text, elements))) or None
