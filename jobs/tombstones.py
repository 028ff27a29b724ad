"""Tombstones: why and when a pair left the archive."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.stage import RunContext
from jobs.tables import Lake
from schemas.inventory import INVENTORY, REMOVED
from schemas.pairs import PAIRS
from schemas.tombstones import TOMBSTONES


def bury(lake: Lake, context: RunContext, pairs: DataFrame, articles: DataFrame) -> None:
    """Write a tombstone for each pair that the new `pairs` lack, and drop those of pairs that came back.

    articles: with `is_retracted` where any version is. To be called before `pairs` is written: a run that is killed between
    the two finds the same pairs missing again.
    """
    gone = lake.read(PAIRS).join(pairs.select("pair_id"), "pair_id", "left_anti")
    old = lake.read(TOMBSTONES)
    if gone.isEmpty() and old.isEmpty():
        return
    dead = tombstones_of(gone, articles, lake.read(INVENTORY), context)
    kept = old.join(pairs.select("pair_id"), "pair_id", "left_anti").join(dead.select("pair_id"), "pair_id", "left_anti")
    buried_before = old.select("pair_id", F.col("removed_at").alias("buried"), F.col("reason").alias("why"))
    dead = dead.join(buried_before, "pair_id", "left").withColumn(
        "removed_at", F.when(F.col("why") == F.col("reason"), F.col("buried")).otherwise(F.col("removed_at"))
    )
    lake.sync(TOMBSTONES, kept.unionByName(dead.select(*TOMBSTONES.column_names)), old)


def tombstones_of(gone: DataFrame, articles: DataFrame, inventory: DataFrame, context: RunContext) -> DataFrame:
    """Tombstones of pairs, with the first reason that holds: removed, retracted, superseded, relicensed, changed."""
    now = articles.select(
        "accession", "pmcid", F.col("is_retracted").alias("retracted_now"), F.col("license_in_force").alias("license_now")
    )
    listed = inventory.select("accession", F.col("state").alias("listed_as"))
    newest = articles.groupBy("pmcid").agg(F.max("version").alias("newest"))
    joined = gone.join(now, "accession", "left").join(listed, "accession", "left").join(newest, "pmcid", "left")
    version = F.substring_index("accession", ".", -1).cast("int")
    reason = (
        F.when(F.coalesce(F.col("listed_as") == REMOVED, F.lit(True)), "removed")
        .when(F.col("retracted_now"), "retracted")
        .when(~F.col("license_now").eqNullSafe(F.col("article_license_code")) | F.col("pmcid").isNull(), "relicensed")
        .when(version < F.col("newest"), "superseded")
        .otherwise("changed")
    )
    columns = ("pair_id", "accession", "figure_id", "image_sha256")
    return joined.select(*columns, reason.alias("reason"), F.lit(context.started).alias("removed_at"))
