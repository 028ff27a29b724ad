"""One JATS article to the rows of `articles`, `figures` and `mentions`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from schemas.licenses import forbids_derivatives, license_group
from schemas.rejects import Reason
from udfs.jats.blocks import Blocks
from udfs.jats.dates import read_dates
from udfs.jats.figures import FigureReader
from udfs.jats.front import (
    Meta,
    article_meta,
    read_abstracts,
    read_ids,
    read_journal,
    read_keywords,
    read_permissions,
    read_related,
    read_titles,
)
from udfs.jats.funding import read_funding
from udfs.jats.graphics import find_graphics
from udfs.jats.licences import cc_url, license_code, license_url, spdx_code, strictest_code
from udfs.jats.mentions import MentionReader, wanted_xrefs
from udfs.jats.metadata import flag, media_names, merge, text_of
from udfs.jats.names import XML_LANG, Element
from udfs.jats.parse import Limits, parse_article
from udfs.jats.people import read_authors
from udfs.jats.references import read_references
from udfs.jats.rights import ArticleRights
from udfs.jats.row_size import check_text_size, num_text_chars
from udfs.jats.sections import read_sections
from udfs.jats.survey import Survey, survey
from udfs.jats.targets import Targets
from udfs.jats.text import line_text
from udfs.media_match import MediaIndex
from udfs.object_keys import parse_accession

EXTRACTOR_VERSION = "1.3.0"

PartReject = tuple[str, Reason, str]


@dataclass(frozen=True)
class Extraction:
    """Rows of one article, columns as in the tables (articles.etag is left to the caller), and what was refused of it.

    partial_rejects holds (key below the accession, reason, detail) of the damaged parts, num_chars the size of the text in
    the rows of figures and mentions.
    """

    article: dict[str, Any]
    figures: list[dict[str, Any]]
    mentions: list[dict[str, Any]]
    partial_rejects: list[PartReject]
    num_chars: int


def extract_article(
    xml: bytes,
    accession: str,
    metadata: Mapping[str, Any] | None = None,
    limits: Limits = Limits(),  # noqa: B008  frozen
) -> Extraction:
    """Rows of the article in the bytes; a pure function of its arguments.

    Rejected: bad_key, not_xml, not_an_article, too_large, too_deep, no_front.
    """
    version = parse_accession(accession)
    parsed = parse_article(xml, version.pmcid, limits)
    meta, journal = article_meta(parsed.article)
    known = metadata or {}
    found = survey(parsed.article)
    bibliography = _bibliography(parsed.article, meta, journal)
    bibliography["related_articles"] = read_related(found.related)
    code = strictest_code(text_of(known.get("license_code")), bibliography["license_spdx"])
    has_inner = found.num_permissions > len(meta.get("permissions", ()))
    rights = ArticleRights(read_permissions(meta), code, has_inner)
    figures = FigureReader(accession, MediaIndex(media_names(known, accession)), rights)
    content = _read_content(parsed.article, found, figures)
    num_chars = num_text_chars(content.figures, content.mentions)
    check_text_size(num_chars, limits.max_row_chars)
    row = {
        "accession": accession,
        "pmcid": version.pmcid,
        "version": version.version,
        **bibliography,
        "references": read_references(found.references),
        "sections": content.sections,
        "num_figures": len(content.figures),
        "num_mentions": len(content.mentions),
        "num_tables": found.num_tables,
        "is_damaged": parsed.damage is not None,
        "extractor_version": EXTRACTOR_VERSION,
    }
    row["num_references"] = len(row["references"])
    _apply_metadata(row, known)
    damage = [("xml", Reason.DAMAGED, parsed.damage)] if parsed.damage else []
    return Extraction(row, content.figures, content.mentions, damage + content.rejects, num_chars)


@dataclass(frozen=True)
class _Content:
    figures: list[dict[str, Any]]
    mentions: list[dict[str, Any]]
    sections: list[dict[str, Any]]
    rejects: list[PartReject]


def _read_content(article: Element, found: Survey, reader: FigureReader) -> _Content:
    """Figures first, since the cross-references to them are marked in the text that sections and mentions share."""
    scope = reader.scope
    figures = reader.read(find_graphics(found.graphics, scope.lineage), found.has_sub_articles)
    targets = Targets(figures, scope)
    xrefs = wanted_xrefs(found.xrefs, targets)
    blocks = Blocks(xrefs)
    sections = read_sections(article, blocks, scope, found.has_boxes)
    mentions = MentionReader(targets, blocks, scope)
    mentions.read_xrefs(xrefs, found.paragraphs)
    mentions.read_words(found.paragraphs)
    return _Content([figure.row for figure in figures], mentions.rows(), sections, mentions.rejects)


def _bibliography(article: Element, meta: Meta, journal: Meta) -> dict[str, Any]:
    return {
        **read_ids(meta),
        **read_titles(meta),
        **read_journal(journal),
        **read_dates(meta),
        **read_abstracts(meta),
        **read_keywords(meta),
        **read_funding(meta),
        **_numbers(meta),
        **_license(meta),
        "article_type": article.get("article-type"),
        "language": article.get(XML_LANG),
        "authors": read_authors(meta),
    }


def _numbers(meta: Meta) -> dict[str, Any]:
    return {name: line_text(meta[tag][0]) if tag in meta else None for name, tag in _NUMBERS.items()}


_NUMBERS = {"volume": "volume", "issue": "issue", "first_page": "fpage", "last_page": "lpage", "elocation_id": "elocation-id"}


def _license(meta: Meta) -> dict[str, Any]:
    row: dict[str, Any] = dict.fromkeys(("license_url", "license_spdx", "license_type", "license_statement", "copyright"))
    for permissions in read_permissions(meta):
        for element in permissions.iterfind("{*}license"):
            url, statement = license_url(element), line_text(element)
            row["license_url"] = row["license_url"] or url
            row["license_spdx"] = row["license_spdx"] or spdx_code(url, statement)
            row["license_type"] = row["license_type"] or element.get("license-type")
            row["license_statement"] = row["license_statement"] or statement
        row["copyright"] = row["copyright"] or line_text(permissions.find("{*}copyright-statement"))
    if row["license_statement"] is None and row["license_url"] is None and row["copyright"]:
        row["license_url"], row["license_spdx"] = cc_url(row["copyright"]), spdx_code(None, row["copyright"])
    return row


def _apply_metadata(row: dict[str, Any], metadata: Mapping[str, Any]) -> None:
    row["license_code"] = text_of(metadata.get("license_code"))
    row["disagreements"] = merge(row, metadata)
    row["license_in_force"] = strictest_code(row["license_code"], row["license_spdx"])
    row["license_group"] = license_group(row["license_in_force"])
    row["is_no_derivatives"] = any(map(forbids_derivatives, (row["license_code"], license_code(row["license_spdx"]))))
    row["is_open_access"] = flag(metadata, "is_pmc_openaccess")
    row["is_manuscript"] = flag(metadata, "is_manuscript")
    row["is_retracted"] = flag(metadata, "is_retracted") or _says_retracted(row)
    row["citation"] = (
        text_of(metadata.get("citation")) or " ".join(str(part) for part in (row["journal"], row["year"]) if part) or None
    )


def _says_retracted(row: dict[str, Any]) -> bool:
    """True for an article whose XML says that it was retracted; the notice of a retraction is itself none."""
    links = {one["type"] for one in row["related_articles"]}
    return (
        row["article_type"] == "retracted-article"
        or "retraction-forward" in links
        or (row["title"] or "").startswith("RETRACTED")
    )
