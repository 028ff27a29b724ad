"""Authors of an article with ORCID and affiliations."""

from __future__ import annotations

import re
from typing import Any

from udfs.jats.front import Meta
from udfs.jats.names import Element, any_namespace, name_of
from udfs.jats.text import line_text

_ORCID = re.compile(r"\d{4}-?\d{4}-?\d{4}-?\d{3}[\dX]")
_NAMES = any_namespace(("name", "string-name"))
_GROUP_NAMES = any_namespace(("collab", "on-behalf-of"))


def read_authors(meta: Meta) -> list[dict[str, Any]]:
    """Authors in order: name, surname, given names, ORCID, affiliations as text; groups under their own name."""
    groups = meta.get("contrib-group", [])
    affiliations = _affiliations([*meta.get("aff", ()), *(aff for group in groups for aff in group.iterdescendants("{*}aff"))])
    authors = []
    for group in groups:
        shared = [text for aff in group.iterfind("{*}aff") if (text := affiliation_text(aff))]
        for contrib in group.iterfind("{*}contrib"):
            if (contrib.get("contrib-type") or "author") == "author":
                authors.append(_author(contrib, affiliations, shared))
    return [author for author in authors if author["name"]]


def affiliation_text(aff: Element) -> str | None:
    """Text of an affiliation without its label."""
    return _without_label(aff)


def _affiliations(elements: list[Element]) -> dict[str, str]:
    return {aff_id: text for aff in elements if (aff_id := aff.get("id")) and (text := _without_label(aff))}


def _without_label(aff: Element) -> str | None:
    text = line_text(aff)
    first = aff[0] if len(aff) else None
    if text and first is not None and name_of(first.tag) in ("label", "sup") and not (aff.text or "").strip():
        text = text.removeprefix(line_text(first) or "").lstrip(" ,.") or None
    return text


def _author(contrib: Element, affiliations: dict[str, str], shared: list[str]) -> dict[str, Any]:
    surname, given, name = _name(contrib)
    ids = [xref.get("rid") or "" for xref in contrib.iterfind("{*}xref[@ref-type='aff']")]
    own = [affiliations[one] for rid in ids for one in rid.split() if one in affiliations]
    own += [text for aff in contrib.iterfind("{*}aff") if (text := _without_label(aff))]
    return {
        "name": name,
        "surname": surname,
        "given_names": given,
        "orcid": _orcid(contrib),
        "is_corresponding": contrib.get("corresp") == "yes" or contrib.find("{*}xref[@ref-type='corresp']") is not None,
        "affiliations": list(dict.fromkeys(own or shared)),
    }


def _name(contrib: Element) -> tuple[str | None, str | None, str | None]:
    """(surname, given names, full name); groups and anonymous authors have only the last."""
    name = next(contrib.iterdescendants(*_NAMES), None)
    if name is None:
        group = next(contrib.iterdescendants(*_GROUP_NAMES), None)
        return None, None, line_text(group) or ("Anonymous" if contrib.find("{*}anonymous") is not None else None)
    surname, given = line_text(name.find("{*}surname")), line_text(name.find("{*}given-names"))
    parts = (line_text(name.find("{*}prefix")), given, surname, line_text(name.find("{*}suffix")))
    return surname, given, " ".join(filter(None, parts)) or line_text(name)


def _orcid(contrib: Element) -> str | None:
    for element in contrib.iterfind("{*}contrib-id"):
        match = _ORCID.search(element.text or "")
        if match:
            digits = match.group().replace("-", "")
            return "-".join(digits[start : start + 4] for start in range(0, 16, 4))
    return None
