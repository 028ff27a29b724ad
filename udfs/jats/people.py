"""Authors of an article with ORCID and affiliations."""

from __future__ import annotations

import re
from typing import Any

from udfs.jats.cleaning import clean_text
from udfs.jats.front import Meta
from udfs.jats.names import NAMES, Element, by_name
from udfs.jats.text import line_text

_PARTS = frozenset({"institution", "institution-wrap", "addr-line", "city", "state", "postal-code", "country", "named-content"})
_ORCID = re.compile(r"\d{4}-?\d{4}-?\d{4}-?\d{3}[\dX]")


def read_authors(meta: Meta) -> list[dict[str, Any]]:
    """Authors in order: name, surname, given names, ORCID, affiliations as text; groups under their own name."""
    groups = meta.get("contrib-group", [])
    affiliations = _affiliations([*meta.get("aff", ()), *(aff for group in groups for aff in group.iterdescendants("{*}aff"))])
    authors = []
    for group in groups:
        children = by_name(group)
        shared = [text for aff in children.get("aff", ()) if (text := affiliation_text(aff))]
        for contrib in children.get("contrib", ()):
            if (contrib.get("contrib-type") or "author") == "author":
                authors.append(_author(contrib, affiliations, shared))
    return [author for author in authors if author["name"]]


def affiliation_text(aff: Element) -> str | None:
    """Text of an affiliation without the label that links it to its authors; parts that nothing parts are parted by commas."""
    if not len(aff):
        return line_text(aff)
    pieces = [aff.text or ""]
    is_after_part = False
    for child in aff:
        name = NAMES[child.tag]
        is_label = name == "label" or (name == "sup" and not "".join(pieces).strip())
        text = "" if is_label else _part_text(child, name)
        if is_after_part and name in _PARTS and text and "".join(pieces).strip():
            pieces[-1] = ", "
        tail = child.tail or ""
        pieces += (text, tail)
        is_after_part = name in _PARTS and not tail.strip()
    return clean_text("".join(pieces)).strip(" ,.") or None


def _part_text(element: Element, name: str) -> str:
    """Text of a part of an affiliation, without the identifier of an institution."""
    if name != "institution-wrap":
        return line_text(element) or ""
    named = (line_text(one) for one in element if NAMES[one.tag] != "institution-id")
    return " ".join(filter(None, named))


def _affiliations(elements: list[Element]) -> dict[str, str]:
    return {aff_id: text for aff in elements if (aff_id := aff.get("id")) and (text := affiliation_text(aff))}


def _author(contrib: Element, affiliations: dict[str, str], shared: list[str]) -> dict[str, Any]:
    parts = by_name(contrib)
    surname, given, name = _name(parts)
    own: list[str] = []
    is_corresponding = contrib.get("corresp") == "yes"
    for xref in parts.get("xref", ()):
        kind = xref.get("ref-type")
        if kind == "aff":
            own += [affiliations[one] for one in (xref.get("rid") or "").split() if one in affiliations]
        elif kind == "corresp":
            is_corresponding = True
    if "aff" in parts:
        own += filter(None, map(affiliation_text, parts["aff"]))
    return {
        "name": name,
        "surname": surname,
        "given_names": given,
        "orcid": _orcid(parts),
        "is_corresponding": is_corresponding,
        "affiliations": list(dict.fromkeys(own or shared)),
    }


def _name(parts: Meta) -> tuple[str | None, str | None, str | None]:
    """(surname, given names, full name); groups and anonymous authors have only the last."""
    for wrapper in ("name-alternatives", "collab-alternatives"):
        if wrapper in parts:
            parts = by_name(parts[wrapper][0]) | parts
    name = _first(parts, "name", "string-name")
    if name is None:
        group = _first(parts, "collab", "on-behalf-of")
        return None, None, _group_name(group) or ("Anonymous" if "anonymous" in parts else None)
    words = {NAMES[part.tag]: line_text(part) for part in name}
    full = " ".join(filter(None, map(words.get, ("prefix", "given-names", "surname", "suffix"))))
    return words.get("surname"), words.get("given-names"), full or line_text(name)


def _first(parts: Meta, kind: str, other: str) -> Element | None:
    """The first element of a kind, else of the other one."""
    found = parts.get(kind) or parts.get(other)
    return found[0] if found else None


def _group_name(group: Element | None) -> str | None:
    """Name of a group of authors without the list of its members."""
    if group is None:
        return None
    if not len(group):
        return line_text(group)
    named = [one for one in group if NAMES[one.tag] in ("institution", "named-content", "institution-wrap")]
    has_members = any(NAMES[one.tag] == "contrib-group" for one in group)
    if not has_members:
        return line_text(group)
    return " ".join((group.text or "").split()) or (line_text(named[0]) if named else None)


def _orcid(parts: Meta) -> str | None:
    for element in parts.get("contrib-id", ()):
        match = _ORCID.search(element.text or "")
        if match:
            digits = match.group().replace("-", "")
            return "-".join(digits[start : start + 4] for start in range(0, 16, 4))
    return None
