"""Rows whose parent is not there: after a finished run there are none."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.tables import Lake
from jobs.tombstones import buried_alive
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS
from schemas.duplicates import DUPLICATES
from schemas.figures import FIGURES
from schemas.images import IMAGES
from schemas.inventory import INVENTORY, PRESENT
from schemas.media import MEDIA
from schemas.mentions import MENTIONS
from schemas.originals import ORIGINALS
from schemas.pairs import PAIRS
from schemas.table import Table
from schemas.tombstones import TOMBSTONES

REFERENCES: tuple[tuple[Table, Table, tuple[str, ...]], ...] = (
    (DOCUMENTS, INVENTORY, ("accession",)),
    (ARTICLES, DOCUMENTS, ("accession", "etag")),
    (FIGURES, ARTICLES, ("accession",)),
    (MENTIONS, FIGURES, ("accession", "figure_id")),
    (MEDIA, ARTICLES, ("accession",)),
    (MEDIA, IMAGES, ("image_sha256",)),
    (IMAGES, MEDIA, ("image_sha256",)),
    (ORIGINALS, IMAGES, ("image_sha256",)),
    (DUPLICATES, IMAGES, ("image_sha256",)),
    (PAIRS, FIGURES, ("accession", "figure_id")),
    (PAIRS, MEDIA, ("accession", "media_name", "image_sha256")),
)
"""Child, parent and the columns in which each row of the child agrees with one of the parent."""
BURIED_ALIVE = "tombstones of living pairs"


def count_orphans(lake: Lake) -> dict[str, int]:
    """How many rows miss their parent, per `child without parent`, and how many tombstones are of living pairs."""
    missing = [
        _named(lake.read(child).join(_parents(lake, parent), list(columns), "left_anti"), f"{child.name} without {parent.name}")
        for child, parent, columns in REFERENCES
    ]
    missing.append(_named(buried_alive(lake.read(TOMBSTONES), lake.read(PAIRS)), BURIED_ALIVE))
    rows = reduce(DataFrame.union, missing).collect()
    return {row["reference"]: row["num_rows"] for row in rows}


def _parents(lake: Lake, parent: Table) -> DataFrame:
    rows = lake.read(parent)
    return rows.where(F.col("state") == PRESENT) if parent is INVENTORY else rows


def _named(orphans: DataFrame, reference: str) -> DataFrame:
    return orphans.agg(F.count("*").alias("num_rows")).select(F.lit(reference).alias("reference"), "num_rows")
