"""Table `figures`: a graphic in an article with its label, caption and place."""

import pyarrow as pa

from schemas.table import Column, Table

KINDS = ("figure", "scheme", "table", "box", "graphical_abstract", "supplementary", "equation", "inline", "other")
PAIRED_KINDS = ("figure", "scheme", "table", "box", "graphical_abstract", "supplementary", "other")

FIGURES = Table(
    name="figures",
    comment="One row per graphic of an article version; a figure without a graphic has one row with graphic_ref NULL.",
    key=("accession", "figure_id"),
    checks={
        "known_kind": f"kind IN ({', '.join(repr(kind) for kind in KINDS)})",
        "figure_id_form": "figure_id RLIKE '^[A-Za-z0-9_-]+$'",
    },
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("figure_id", pa.string(), "Unique within the version and stable: from the XML id, else from kind and position", required=True),
        Column("xml_id", pa.string(), "id attribute of the figure element (JATS fig/@id)"),
        Column("kind", pa.string(), f"One of {', '.join(KINDS)}", required=True),
        Column("label", pa.string(), "JATS label (Figure 1)"),
        Column("caption_title", pa.string(), "JATS caption/title as plain text"),
        Column("caption", pa.string(), "Whole caption as a reader sees it: title and all paragraphs (JATS caption)"),
        Column("group_caption", pa.string(), "Caption of the enclosing fig-group"),
        Column("alt_text", pa.string(), "JATS alt-text"),
        Column("attribution", pa.string(), "JATS attrib: who made or owns the figure"),
        Column("rights", pa.string(), "article: the article's licence; own_license: one of its own; third_party: others' permission", required=True),
        Column("section_path", pa.string(), "Titles of the enclosing sections, outermost first, joined by ' > '"),
        Column("position", pa.int32(), "Order among the article's graphics, from 0", required=True),
        Column("graphic_ref", pa.string(), "File reference as written (JATS graphic/@xlink:href)"),
        Column("media_names", pa.list_(pa.string()), "Media objects of the version that graphic_ref matches, by name; several for thumbnails", required=True),
    ),
)
