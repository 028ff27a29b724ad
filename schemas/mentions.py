"""Table `mentions`: a place where the text refers to a figure."""

import pyarrow as pa

from schemas.table import Column, Table

PLACES = ("paragraph", "title", "list_item", "table_cell", "caption", "own_caption", "footnote", "abstract", "box")
FOUND_BY = ("xref", "range", "text")

MENTIONS = Table(
    name="mentions",
    comment="One row per figure and place in the text that refers to it.",
    key=("accession", "figure_id", "mention_no"),
    checks={
        "offsets_in_order": "0 <= `start` AND `start` <= `end` AND `end` <= length(paragraph)",
        "known_place": f"place IN ({', '.join(repr(place) for place in PLACES)})",
        "known_found_by": f"found_by IN ({', '.join(repr(found_by) for found_by in FOUND_BY)})",
    },
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("figure_id", pa.string(), "The figure referred to (figures.figure_id)", required=True),
        Column("mention_no", pa.int32(), "Number of the mention of this figure, from 0 in reading order", required=True),
        Column("section_path", pa.string(), "Titles of the enclosing sections, outermost first, joined by ' > '"),
        Column("place", pa.string(), f"Kind of place: {', '.join(PLACES)}", required=True),
        Column(
            "paragraph",
            pa.string(),
            "Text of the enclosing paragraph, title or cell, floats left out (JATS p, title, td)",
            required=True,
        ),
        Column("sentence", pa.string(), "The sentence of paragraph that holds the mention", required=True),
        Column("start", pa.int32(), "Where the mention starts in paragraph (characters, from 0)", required=True),
        Column("end", pa.int32(), "Where the mention ends in paragraph (characters, exclusive)", required=True),
        Column("panels", pa.list_(pa.string()), "Panel letters referred to, ranges filled (Fig. 2A-C: A, B, C)", required=True),
        Column(
            "found_by",
            pa.string(),
            "xref: a cross-reference; range: within one (Figs 2-4); text: words that no cross-reference marks",
            required=True,
        ),
    ),
)
