"""Table `articles`: a parsed article version."""

import pyarrow as pa

from schemas.licenses import LICENSE_GROUP_CHECK
from schemas.table import Column, Table

SECTION = pa.struct([("path", pa.string()), ("title", pa.string()), ("text", pa.string())])

ARTICLES = Table(
    name="articles",
    comment="One row per parsed article version: bibliography, licence, text and counts.",
    key=("accession",),
    checks={"known_license_group": LICENSE_GROUP_CHECK},
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("pmcid", pa.string(), "PubMed Central id with prefix", required=True),
        Column("version", pa.int32(), "Version number of the article, from 1", required=True),
        Column("etag", pa.string(), "Change mark of the files this row was parsed from (documents.etag)", required=True),
        Column("pmid", pa.string(), "PubMed id (JATS article-id, else metadata)"),
        Column("doi", pa.string(), "Digital object identifier (JATS article-id, else metadata)"),
        Column("title", pa.string(), "Article title (JATS article-title, else metadata)"),
        Column("journal", pa.string(), "Journal title (JATS journal-title)"),
        Column("article_type", pa.string(), "JATS article/@article-type"),
        Column("year", pa.int32(), "Earliest publication year (JATS pub-date)"),
        Column("license_code", pa.string(), "Licence code of the metadata (CC BY, CC0, ..., TDM)"),
        Column("license_group", pa.string(), "commercial, noncommercial or other, from license_code", required=True),
        Column("is_open_access", pa.bool_(), "Metadata: is_pmc_openaccess", required=True),
        Column("is_retracted", pa.bool_(), "Metadata or the XML says that the article is retracted", required=True),
        Column("is_manuscript", pa.bool_(), "Metadata: is_manuscript, an author manuscript", required=True),
        Column("citation", pa.string(), "Citation text of the metadata, else journal and year"),
        Column("abstract", pa.string(), "Main abstract as plain text (JATS abstract)"),
        Column("sections", pa.list_(SECTION), "Full text by section: path of titles, own title, own text", required=True),
        Column("num_figures", pa.int32(), "Rows of this version in figures", required=True),
        Column("extractor_version", pa.string(), "Version of the extractor that made the row", required=True),
    ),
)
