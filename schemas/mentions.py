"""Table `mentions`: a place where the text refers to a figure."""

import pyarrow as pa

from schemas.table import Column, Table

MENTIONS = Table(
    name="mentions",
    comment="One row per figure and place in the text that refers to it.",
    key=("accession", "figure_id", "mention_no"),
    checks={"offsets_in_order": "0 <= `start` AND `start` <= `end` AND `end` <= length(paragraph)"},
    columns=(
        Column("accession", pa.string(), "Article version, PMCID.version", required=True),
        Column("figure_id", pa.string(), "The figure referred to (figures.figure_id)", required=True),
        Column("mention_no", pa.int32(), "Number of the mention of this figure, from 0 in reading order", required=True),
        Column("section_path", pa.string(), "Titles of the enclosing sections, outermost first, joined by ' > '"),
        Column("paragraph", pa.string(), "Text of the enclosing paragraph, floats left out (JATS p)", required=True),
        Column("start", pa.int32(), "Where the mention starts in paragraph (characters, from 0)", required=True),
        Column("end", pa.int32(), "Where the mention ends in paragraph (characters, exclusive)", required=True),
        Column("panels", pa.list_(pa.string()), "Panel letters referred to, as written (Fig. 2B,C: B, C)", required=True),
    ),
)
