"""Bibliography of an article from its front matter: ids, titles, journal, abstracts, keywords, funding, links."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from schemas.rejects import Reason, Rejected
from udfs.jats.names import NAMES, XML_LANG, Element, by_name, first_child, href_of
from udfs.jats.text import line_text, plain_text

Meta = dict[str, list[Element]]

_MAIN_ABSTRACTS = frozenset({"", "normal", "main"})
_SIDE_ABSTRACTS = (
    "graphical teaser toc precis short key-points highlights author-highlights web-summary editor editors-summary lay-abstract"
    " lay-summary plain-language-summary summary-toc"
)
_GENERIC_TITLES = frozenset(
    {"abstract", "summary", "résumé", "resumen", "resumo", "zusammenfassung", "graphical abstract", "highlights"}
)


_KEYWORDS = frozenset({"kwd", "compound-kwd", "nested-kwd", "unstructured-kwd-group"})


def article_meta(article: Element) -> tuple[Meta, Meta]:
    """Children of article-meta and of journal-meta by name; Rejected no_front where there is no article-meta."""
    front = first_child(article, "front")
    parts = by_name(front if front is not None else ())
    if "article-meta" not in parts:
        raise Rejected(Reason.NO_FRONT, "article without front/article-meta")
    return by_name(parts["article-meta"][0]), by_name(parts["journal-meta"][0] if "journal-meta" in parts else ())


def read_ids(meta: Meta) -> dict[str, str | None]:
    """pmid, doi and xml_pmcid (with prefix) of an article."""
    ids: dict[str, str] = {}
    for element in meta.get("article-id", ()):
        text = line_text(element)
        if text:
            ids.setdefault((element.get("pub-id-type") or "").lower(), text)
    pmcid = next((ids[kind] for kind in ("pmc", "pmcid", "pmcaid") if kind in ids), None)
    digits = pmcid.upper().removeprefix("PMC").partition(".")[0] if pmcid else ""
    return {"pmid": ids.get("pmid"), "doi": clean_doi(ids.get("doi")), "xml_pmcid": f"PMC{digits}" if digits.isdigit() else None}


def clean_doi(doi: str | None) -> str | None:
    """A DOI without resolver address or `doi:` before it; None where nothing is left."""
    start = (doi or "").find("10.")
    return (doi or "")[start:].strip() if start >= 0 else None


def read_titles(meta: Meta) -> dict[str, Any]:
    """title (with subtitle), translated titles with their languages."""
    group = next(iter(meta.get("title-group", ())), None)
    if group is None:
        return {"title": None, "subtitle": None, "trans_titles": []}
    parts = by_name(group)
    translated = group.iterdescendants("{*}trans-title") if len(parts) > 1 else ()
    return {
        "title": next(map(line_text, parts.get("article-title", ())), None),
        "subtitle": next(map(line_text, parts.get("subtitle", ())), None),
        "trans_titles": [{"language": _language(one, group), "text": text} for one in translated if (text := line_text(one))],
    }


def read_journal(journal: Meta) -> dict[str, Any]:
    """journal, publisher and issn (electronic before print)."""
    groups = [child for group in journal.get("journal-title-group", ()) for child in group]
    titles = [*journal.get("journal-title", ()), *groups]
    issns = {
        (one.get("publication-format") or one.get("pub-type") or ""): line_text(one) for one in reversed(journal.get("issn", ()))
    }
    publisher = first_child(next(iter(journal.get("publisher", ())), None), "publisher-name")
    return {
        "journal": next((text for one in titles if NAMES[one.tag] == "journal-title" and (text := line_text(one))), None),
        "publisher": line_text(publisher),
        "issn": next(
            filter(None, (issns.get(kind) for kind in ("epub", "electronic", "ppub", "print"))),
            next(filter(None, issns.values()), None),
        ),
    }


def read_abstracts(meta: Meta) -> dict[str, Any]:
    """abstract (flat text of the main one) and abstracts: every one with its type, language and sections."""
    abstracts = [_abstract(one) for one in (*meta.get("abstract", ()), *meta.get("trans-abstract", ()))]
    abstracts = [one for one in abstracts if one["text"]]
    own = [one for one in abstracts if not one["is_translation"]]
    main = [one for one in own if (one["type"] or "").lower() in _MAIN_ABSTRACTS]
    rest = [one for one in own if (one["type"] or "").lower() not in _SIDE_ABSTRACTS.split()]
    return {"abstract": next((one["text"] for one in (*main, *rest)), None), "abstracts": abstracts}


def _abstract(element: Element) -> dict[str, Any]:
    heading = line_text(first_child(element, "title"))
    sections = []
    for child in element:
        name = NAMES[child.tag]
        if name == "sec":
            texts = [plain_text(one, keep_floats=False) for one in child if NAMES[one.tag] not in ("title", "label")]
            sections.append({"title": line_text(first_child(child, "title")), "text": "\n".join(filter(None, texts)) or None})
        elif name not in ("title", "label", "fig", "graphic", "object-id"):
            sections.append({"title": None, "text": plain_text(child, keep_floats=False)})
    if heading and heading.strip(" .:").lower() not in _GENERIC_TITLES:
        sections.insert(0, {"title": heading, "text": None})
    sections = [section for section in sections if section["title"] or section["text"]]
    return {
        "type": element.get("abstract-type"),
        "language": _language(element),
        "is_translation": NAMES[element.tag] == "trans-abstract",
        "sections": sections,
        "text": "\n".join(text for section in sections for text in section.values() if text) or None,
    }


def read_keywords(meta: Meta) -> dict[str, Any]:
    """keywords by group, subjects, MeSH terms."""
    groups = [_keyword_group(one) for one in meta.get("kwd-group", ())]
    subjects = [
        text
        for one in meta.get("article-categories", ())
        for subject in one.iterdescendants("{*}subject")
        if (text := line_text(subject))
    ]
    vocabularies = (f"{one.get('kwd-group-type')} {one.get('vocab')}".lower() for one in meta.get("kwd-group", ()))
    mesh = [word for group, name in zip(groups, vocabularies, strict=True) if "mesh" in name for word in group["keywords"]]
    return {
        "keywords": [group for group in groups if group["keywords"]],
        "subjects": list(dict.fromkeys(subjects)),
        "mesh_terms": mesh,
    }


def _keyword_group(element: Element) -> dict[str, Any]:
    words = [text for one in element if NAMES[one.tag] in _KEYWORDS and (text := _keyword(one))]
    return {
        "type": element.get("kwd-group-type"),
        "language": _language(element),
        "title": line_text(first_child(element, "title")),
        "keywords": words,
    }


def _keyword(element: Element) -> str | None:
    """Text of a keyword; the parts of a compound or nested one are parted by spaces."""
    if NAMES[element.tag] in ("compound-kwd", "nested-kwd"):
        return " ".join(filter(None, map(line_text, element))) or None
    return line_text(element)


def read_permissions(meta: Meta) -> list[Element]:
    """Elements that hold an article's copyright and licence: permissions, or in the NLM DTD 2.x article-meta itself."""
    direct = [one.getparent() for name in ("license", "copyright-statement", "copyright-holder") for one in meta.get(name, ())]
    return [*meta.get("permissions", ()), *(one for one in direct[:1] if one is not None)]


def read_related(elements: Iterable[Element]) -> list[dict[str, Any]]:
    """Links to other articles, each once: retractions, corrections, companions (JATS related-article)."""
    links = (
        {"type": one.get("related-article-type"), "id_type": one.get("ext-link-type"), "id": href_of(one) or line_text(one)}
        for one in elements
    )
    return list({tuple(link.values()): link for link in links}.values())


def _language(element: Element, within: Element | None = None) -> str | None:
    """Language code of an element, else of what holds it up to a given element."""
    language = element.get(XML_LANG)
    parent = element.getparent()
    if language is None and within is not None and parent is not None and parent is not within:
        return _language(parent, within)
    return language
