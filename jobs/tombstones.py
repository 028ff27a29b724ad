"""Tombstones: why and when a pair left the archive."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from jobs.stage import RunContext
from jobs.tables import Lake
from schemas.articles import ARTICLES
from schemas.documents import DOCUMENTS, FILTERED
from schemas.inventory import INVENTORY, REMOVED
from schemas.pairs import PAIRS
from schemas.tombstones import TOMBSTONES

_IDENTITY = ("pair_id", "accession", "figure_id", "image_sha256")


def bury(lake: Lake, context: RunContext, pairs: DataFrame) -> None:
    """Write a tombstone for each pair that the new `pairs` lack, and drop those of pairs that came back.

    To be called before `pairs` is written: a run that is killed between the two finds the same pairs missing again.
    """
    gone = lake.read(PAIRS).join(pairs.select("pair_id"), "pair_id", "left_anti")
    old = lake.read(TOMBSTONES)
    if gone.isEmpty() and old.isEmpty():
        return
    dead = tombstones_of(gone, lake, context)
    kept = old.join(pairs.select("pair_id"), "pair_id", "left_anti").join(dead.select("pair_id"), "pair_id", "left_anti")
    buried_before = old.select("pair_id", F.col("removed_at").alias("buried"), F.col("reason").alias("why"))
    dead = dead.join(buried_before, "pair_id", "left").withColumn(
        "removed_at", F.when(F.col("why") == F.col("reason"), F.col("buried")).otherwise(F.col("removed_at"))
    )
    lake.sync(TOMBSTONES, kept.unionByName(dead.select(*TOMBSTONES.column_names)), old)


def tombstones_of(gone: DataFrame, lake: Lake, context: RunContext) -> DataFrame:
    """Tombstones of pairs, with the first reason that holds: removed, retracted, relicensed, refused, superseded, changed."""
    articles, documents = lake.read(ARTICLES), lake.read(DOCUMENTS)
    now = articles.select("accession", F.lit(True).alias("is_parsed"), F.col("license_in_force").alias("license_now"))
    listed = lake.read(INVENTORY).select("accession", F.col("state").alias("listed_as"))
    kept = documents.select("accession", (F.col("state") == FILTERED).alias("is_left_out"))
    pmcid = F.substring_index("accession", ".", 1).alias("pmcid")
    newest = articles.groupBy("pmcid").agg(F.max("version").alias("newest"))
    retracted = documents.where("is_retracted").select(pmcid).unionByName(articles.where("is_retracted").select("pmcid"))
    told = retracted.distinct().withColumn("is_retracted", F.lit(True))
    joined = gone.select(*_IDENTITY, "article_license_code", pmcid)
    for known, key in ((now, "accession"), (listed, "accession"), (kept, "accession"), (newest, "pmcid"), (told, "pmcid")):
        joined = joined.join(known, key, "left")
    version = F.substring_index("accession", ".", -1).cast("int")
    reason = (
        F.when(F.coalesce(F.col("listed_as") == REMOVED, F.lit(True)), "removed")
        .when(F.col("is_retracted"), "retracted")
        .when(F.col("is_left_out"), "relicensed")
        .when(F.col("is_parsed").isNull(), "refused")
        .when(~F.col("license_now").eqNullSafe(F.col("article_license_code")), "relicensed")
        .when(version < F.col("newest"), "superseded")
        .otherwise("changed")
    )
    return joined.select(*_IDENTITY, reason.alias("reason"), F.lit(context.started).alias("removed_at"))
