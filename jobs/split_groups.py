"""Articles that duplicate images connect: they must fall into one split."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.components import components


def split_groups(uses: DataFrame) -> DataFrame:
    """pmcid and split_group, the smallest PMCID of its connected component, for (pmcid, picture) rows: who shows what.

    Images near each other are one picture. Only pictures that several articles share are edges, so that one task can hold
    their articles; the others stand alone.
    """
    number = F.substring("pmcid", 4, 19).cast("long")
    uses = uses.select("pmcid", number.alias("right"), "picture").distinct()
    shared = uses.groupBy("picture").agg(F.min("right").alias("left"), F.count("*").alias("num_articles"))
    edges = uses.join(shared.where("num_articles > 1"), "picture").select("left", "right").where("left <> right").distinct()
    connected = components(edges).select(F.col("node").alias("right"), "component")
    group = F.concat(F.lit("PMC"), F.coalesce("component", "right")).alias("split_group")
    return uses.select("pmcid", "right").distinct().join(connected, "right", "left").select("pmcid", group)
