"""Table `articles`: a parsed article version."""

import pyarrow as pa

from schemas.licenses import LICENSE_GROUP_CHECK
from schemas.table import Column, Table

_TEXT = pa.string()
_TEXTS = pa.list_(_TEXT)

SECTION = pa.struct([(name, _TEXT) for name in ("path", "title", "text", "type", "part")])
TRANSLATION = pa.struct([("language", _TEXT), ("text", _TEXT)])
ABSTRACT = pa.struct(
    [
        ("type", _TEXT),
        ("language", _TEXT),
        ("is_translation", pa.bool_()),
        ("sections", pa.list_(pa.struct([("title", _TEXT), ("text", _TEXT)]))),
        ("text", _TEXT),
    ]
)
AUTHOR = pa.struct(
    [
        ("name", _TEXT),
        ("surname", _TEXT),
        ("given_names", _TEXT),
        ("orcid", _TEXT),
        ("is_corresponding", pa.bool_()),
        ("affiliations", _TEXTS),
    ]
)
DATE = pa.struct(
    [
        ("event", _TEXT),
        ("kind", _TEXT),
        ("date", _TEXT),
        ("precision", _TEXT),
        ("year", pa.int32()),
        ("month", pa.int32()),
        ("day", pa.int32()),
        ("season", _TEXT),
    ]
)
KEYWORDS = pa.struct([("type", _TEXT), ("language", _TEXT), ("title", _TEXT), ("keywords", _TEXTS)])
AWARD = pa.struct([("source", _TEXT), ("source_id", _TEXT), ("award_ids", _TEXTS)])
REFERENCE = pa.struct([(name, _TEXT) for name in ("ref_id", "pmid", "doi", "pmcid")])
RELATED = pa.struct([("type", _TEXT), ("id_type", _TEXT), ("id", _TEXT)])
DISAGREEMENT = pa.struct([("field", _TEXT), ("xml", _TEXT), ("metadata", _TEXT)])

DATE_PRECISIONS = ("day", "month", "season", "year")

ARTICLES = Table(
    name="articles",
    comment="One row per parsed article version: bibliography, licence, text and counts.",
    key=("accession",),
    checks={
        "known_license_group": LICENSE_GROUP_CHECK,
        "known_date_precision": f"date_precision IS NULL OR date_precision IN ({', '.join(map(repr, DATE_PRECISIONS))})",
    },
    columns=(
        Column("accession", _TEXT, "Article version, PMCID.version", required=True),
        Column("pmcid", _TEXT, "PubMed Central id with prefix", required=True),
        Column("version", pa.int32(), "Version number of the article, from 1", required=True),
        Column("etag", _TEXT, "Change mark of the files this row was parsed from (documents.etag)", required=True),
        Column("pmid", _TEXT, "PubMed id (JATS article-id, else metadata)"),
        Column("doi", _TEXT, "Digital object identifier (JATS article-id, else metadata)"),
        Column(
            "xml_pmcid", _TEXT, "PubMed Central id that the XML itself carries, with prefix (JATS article-id pmc, pmcid, pmcaid)"
        ),
        Column("title", _TEXT, "Article title (JATS article-title, else metadata)"),
        Column("subtitle", _TEXT, "JATS title-group/subtitle"),
        Column("trans_titles", pa.list_(TRANSLATION), "Translated titles with their languages (JATS trans-title)", required=True),
        Column("journal", _TEXT, "Journal title (JATS journal-title)"),
        Column("publisher", _TEXT, "JATS publisher-name"),
        Column("issn", _TEXT, "ISSN of the journal, electronic before print (JATS issn)"),
        Column("volume", _TEXT, "JATS article-meta/volume"),
        Column("issue", _TEXT, "JATS article-meta/issue"),
        Column("first_page", _TEXT, "JATS article-meta/fpage"),
        Column("last_page", _TEXT, "JATS article-meta/lpage"),
        Column("elocation_id", _TEXT, "Article number instead of pages (JATS article-meta/elocation-id)"),
        Column("article_type", _TEXT, "JATS article/@article-type"),
        Column("language", _TEXT, "Language code of the article (JATS article/@xml:lang)"),
        Column("year", pa.int32(), "Earliest publication year (JATS pub-date)"),
        Column(
            "publication_date",
            _TEXT,
            "Earliest publication date, ISO 8601 cut at its precision: 2018, 2018-05 or 2018-05-17 (JATS pub-date)",
        ),
        Column("date_precision", _TEXT, f"Precision of publication_date: {', '.join(DATE_PRECISIONS)}"),
        Column(
            "dates",
            pa.list_(DATE),
            "Every date with its event (publication, history), kind and parts (JATS pub-date, history/date)",
            required=True,
        ),
        Column(
            "authors",
            pa.list_(AUTHOR),
            "Authors in order with ORCID and affiliations (JATS contrib, aff); groups by name",
            required=True,
        ),
        Column("keywords", pa.list_(KEYWORDS), "Keywords by group with its type and language (JATS kwd-group)", required=True),
        Column("subjects", _TEXTS, "Subject headings of the journal (JATS article-categories//subject)", required=True),
        Column("mesh_terms", _TEXTS, "Keywords of groups typed MeSH (JATS kwd-group)", required=True),
        Column("license_code", _TEXT, "Licence code of the metadata (CC BY, CC0, ..., TDM)"),
        Column(
            "license_in_force",
            _TEXT,
            "The stricter of license_code and the XML's licence, which its figures carry; license_code where the XML names none",
        ),
        Column("license_group", _TEXT, "commercial, noncommercial or other, from license_in_force", required=True),
        Column("is_no_derivatives", pa.bool_(), "Metadata or XML name a No-Derivatives licence", required=True),
        Column("license_url", _TEXT, "Address of the licence in the XML (JATS license/@xlink:href, ali:license_ref)"),
        Column("license_spdx", _TEXT, "SPDX-like code with version read from the XML's licence: CC-BY-4.0, CC0-1.0"),
        Column("license_type", _TEXT, "JATS license/@license-type"),
        Column("license_statement", _TEXT, "Text of the licence (JATS license-p)"),
        Column("copyright", _TEXT, "JATS copyright-statement"),
        Column("is_open_access", pa.bool_(), "Metadata: is_pmc_openaccess", required=True),
        Column("is_retracted", pa.bool_(), "Metadata or the XML says that the article is retracted", required=True),
        Column("is_manuscript", pa.bool_(), "Metadata: is_manuscript, an author manuscript", required=True),
        Column("citation", _TEXT, "Citation text of the metadata, else journal and year"),
        Column("abstract", _TEXT, "Main abstract as plain text (JATS abstract)"),
        Column(
            "abstracts",
            pa.list_(ABSTRACT),
            "Every abstract with type, language and sections (JATS abstract, trans-abstract)",
            required=True,
        ),
        Column(
            "sections",
            pa.list_(SECTION),
            "Full text by section: path of titles, own title, own text, sec-type, part",
            required=True,
        ),
        Column("funding", pa.list_(AWARD), "Funding source, its identifier and award numbers (JATS award-group)", required=True),
        Column("funding_statement", _TEXT, "JATS funding-statement"),
        Column("references", pa.list_(REFERENCE), "Cited works in order with their ids (JATS ref//pub-id)", required=True),
        Column(
            "related_articles", pa.list_(RELATED), "Retractions, corrections, companions (JATS related-article)", required=True
        ),
        Column("num_figures", pa.int32(), "Rows of this version in figures", required=True),
        Column("num_mentions", pa.int32(), "Rows of this version in mentions", required=True),
        Column("num_tables", pa.int32(), "JATS table-wrap elements", required=True),
        Column("num_references", pa.int32(), "Entries in references", required=True),
        Column(
            "disagreements", pa.list_(DISAGREEMENT), "Fields in which XML and metadata differ, with both values", required=True
        ),
        Column(
            "is_damaged",
            pa.bool_(),
            "True when the XML was not well-formed and the parser's recovery read what it could",
            required=True,
        ),
        Column("extractor_version", _TEXT, "Version of the extractor that made the row", required=True),
    ),
)
