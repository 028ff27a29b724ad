"""The reference list of an article: how many works it cites and by which ids."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from udfs.jats.front import clean_doi
from udfs.jats.names import NAMES, Element, href_of

_KINDS = {"pmid": "pmid", "pmcid": "pmcid", "pmc": "pmcid", "doi": "doi"}


def read_references(elements: Iterable[Element]) -> list[dict[str, Any]]:
    """One entry per ref with its XML id, pmid, doi and pmcid, from an article's ref, pub-id and ext-link elements in order."""
    references: list[dict[str, Any]] = []
    entry: dict[str, Any] | None = None
    last: Element | None = None
    names = NAMES
    for element in elements:
        name = names[element.tag]
        if name == "ref":
            last = element
            entry = {"ref_id": element.get("id"), "pmid": None, "doi": None, "pmcid": None}
            references.append(entry)
        elif entry is None:
            continue
        elif name == "pub-id":
            kind = _KINDS.get(element.get("pub-id-type") or "")
            if kind and entry[kind] is None:
                entry[kind] = _id(element, kind)
        elif entry["doi"] is None and _is_doi_link(element, last):
            entry["doi"] = clean_doi(href_of(element) or element.text)
    return references


def _id(element: Element, kind: str) -> str | None:
    text = (element.text or "").strip()
    return clean_doi(text) if kind == "doi" else text or None


def _is_doi_link(element: Element, reference: Element | None) -> bool:
    return element.get("ext-link-type") == "doi" and any(one is reference for one in element.iterancestors())
