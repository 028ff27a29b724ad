"""Articles that duplicate images connect: they must fall into one split."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.components import components


def split_groups(uses: DataFrame) -> DataFrame:
    """pmcid and split_group, the smallest PMCID of its connected component, for (pmcid, near_component) rows: who shows what.

    Only what several articles share is an edge, so that one task can hold their articles; the others stand alone.
    """
    number = F.substring("pmcid", 4, 19).cast("long")
    uses = uses.select("pmcid", number.alias("right"), "near_component").distinct()
    shared = uses.groupBy("near_component").agg(F.min("right").alias("left"), F.count("*").alias("num_articles"))
    shown = uses.join(shared.where("num_articles > 1"), "near_component").select("left", "right")
    edges = shown.where("left <> right").distinct()
    connected = components(edges).select(F.col("node").alias("right"), "component")
    group = F.concat(F.lit("PMC"), F.coalesce("component", "right")).alias("split_group")
    return uses.select("pmcid", "right").distinct().join(connected, "right", "left").select("pmcid", group)
