"""Table `figures`: a graphic in an article with its label, caption and place."""

import pyarrow as pa

from schemas.table import Column, Table

KINDS = ("figure", "scheme", "table", "box", "graphical_abstract", "supplementary", "equation", "inline", "video", "other")
PAIRED_KINDS = ("figure", "scheme", "table", "box", "graphical_abstract", "supplementary", "other")
RIGHTS = ("article", "own_license", "third_party")

PANEL = pa.struct([("label", pa.string()), ("text", pa.string()), ("start", pa.int32()), ("end", pa.int32())])

FIGURES = Table(
    name="figures",
    comment="One row per graphic of an article version; a figure without a graphic has one row with graphic_ref NULL.",
    key=("accession", "figure_id"),
    checks={
        "known_kind": f"kind IN ({', '.join(repr(kind) for kind in KINDS)})",
        "known_rights": f"rights IN ({', '.join(repr(rights) for rights in RIGHTS)})",
        "figure_id_form": "figure_id RLIKE '^[A-Za-z0-9_-]+$'",
    },
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column(
            "figure_id",
            pa.string(),
            "Unique within the version and stable: from the XML id, else from kind and position",
            required=True,
        ),
        Column("xml_id", pa.string(), "id attribute of the figure element (JATS fig/@id)"),
        Column("kind", pa.string(), f"One of {', '.join(KINDS)}", required=True),
        Column("label", pa.string(), "JATS label (Figure 1)"),
        Column("number", pa.string(), "Number in the label without its word: 1, S2, 2—figure supplement 1"),
        Column("caption_title", pa.string(), "JATS caption/title as plain text"),
        Column("caption", pa.string(), "Whole caption as a reader sees it: title and all paragraphs, a line each (JATS caption)"),
        Column("caption_lead", pa.string(), "Caption before its first panel: what holds for all panels"),
        Column(
            "panels",
            pa.list_(PANEL),
            "Caption by panel: label, text, offsets in caption (characters, end exclusive)",
            required=True,
        ),
        Column("split_confidence", pa.float32(), "How sure the split into panels is, 0 to 1; NULL where there is no caption"),
        Column("group_id", pa.string(), "id of the enclosing figure group (JATS fig-group/@id, or fig around a fig)"),
        Column("group_label", pa.string(), "Label of the enclosing fig-group"),
        Column("group_caption", pa.string(), "Caption of the enclosing fig-group"),
        Column("alt_text", pa.string(), "JATS alt-text"),
        Column("long_description", pa.string(), "JATS long-desc"),
        Column(
            "notes", pa.string(), "Text of the figure element outside of its caption (JATS fig/p, statement, table-wrap-foot)"
        ),
        Column("doi", pa.string(), "DOI of the figure itself (JATS object-id)"),
        Column("attribution", pa.string(), "JATS attrib: who made or owns the figure"),
        Column(
            "rights",
            pa.string(),
            "article: the article's licence; own_license: one of its own; third_party: others' copyright or permission",
            required=True,
        ),
        Column(
            "permission",
            pa.string(),
            "Statement the rights rest on (JATS permissions of or around it, else a sentence of caption, attrib or note)",
        ),
        Column("license_url", pa.string(), "Address of the figure's own licence (JATS permissions/license)"),
        Column("license_spdx", pa.string(), "SPDX-like code of the figure's own licence: CC-BY-4.0"),
        Column("license_code", pa.string(), "Code of the figure's own licence as the metadata writes it: CC BY-NC"),
        Column("section_path", pa.string(), "Titles of the enclosing sections, outermost first, joined by ' > '"),
        Column("sub_article", pa.string(), "id, else type, of the sub-article that holds the figure; NULL in the article itself"),
        Column("position", pa.int32(), "Order among the article's graphics, from 0", required=True),
        Column("graphic_no", pa.int32(), "Order among the graphics of the same figure, from 0", required=True),
        Column(
            "alternative",
            pa.int32(),
            "Order among alternatives of the same picture, from 0; NULL where there are none (JATS alternatives)",
        ),
        Column("specific_use", pa.string(), "What the graphic is for (JATS graphic/@specific-use: thumbnail, print)"),
        Column("content_type", pa.string(), "JATS graphic/@content-type"),
        Column("mime_type", pa.string(), "JATS graphic/@mimetype and @mime-subtype"),
        Column("graphic_ref", pa.string(), "File reference as written (JATS graphic/@xlink:href)"),
        Column(
            "media_names",
            pa.list_(pa.string()),
            "Media objects of the version that graphic_ref matches, by name; several for thumbnails",
            required=True,
        ),
    ),
)
