"""The reference list of an article: how many works it cites and by which ids."""

from __future__ import annotations

from typing import Any

from udfs.jats.front import clean_doi
from udfs.jats.names import Element, any_namespace, href_of, name_of

_SOUGHT = any_namespace(("ref", "pub-id", "article-id", "ext-link"))
_KINDS = {"pmid": "pmid", "pmcid": "pmcid", "pmc": "pmcid", "doi": "doi"}


def read_references(article: Element) -> list[dict[str, Any]]:
    """One entry per ref with its XML id, pmid, doi and pmcid, in order (JATS ref//pub-id, else a DOI link)."""
    references: list[dict[str, Any]] = []
    back = article.find("{*}back")
    if back is None:
        return references
    for element in back.iter(*_SOUGHT):
        name = name_of(element.tag)
        if name == "ref":
            references.append({"ref_id": element.get("id"), "pmid": None, "doi": None, "pmcid": None})
        elif references:
            _note_id(references[-1], element, name)
    return references


def _note_id(reference: dict[str, Any], element: Element, name: str) -> None:
    if name == "ext-link":
        if element.get("ext-link-type") == "doi" and reference["doi"] is None:
            reference["doi"] = clean_doi(href_of(element) or element.text)
        return
    kind = _KINDS.get(element.get("pub-id-type") or "")
    text = (element.text or "").strip()
    if kind and text and reference[kind] is None:
        reference[kind] = clean_doi(text) if kind == "doi" else text
