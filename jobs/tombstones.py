"""Tombstones: why and when a pair left the archive, or got another licence."""

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

RELICENSED = "relicensed"
_IDENTITY = ("pair_id", "accession", "figure_id", "image_sha256", "license_code")
_EVENT = ("reason", "license_code", "new_license_code")


def bury(lake: Lake, context: RunContext, pairs: DataFrame) -> None:
    """Write a tombstone for each pair that the new `pairs` lack or hold under another licence, and drop what no longer holds.

    To be called before `pairs` is written: a run that is killed between the two finds the same pairs missing again.
    """
    before, old = lake.read(PAIRS), lake.read(TOMBSTONES)
    gone = before.join(pairs.select("pair_id"), "pair_id", "left_anti")
    changed = relicensed(before, pairs, context)
    if gone.isEmpty() and changed.isEmpty() and old.isEmpty():
        return
    dead = tombstones_of(gone, lake, context).unionByName(changed)
    kept = old.join(dead.select("pair_id"), "pair_id", "left_anti")
    kept = kept.join(buried_alive(kept, pairs).select("pair_id"), "pair_id", "left_anti")
    lake.sync(TOMBSTONES, with_new_license(kept, pairs).unionByName(dated_as_before(dead, old)), old)


def relicensed(before: DataFrame, after: DataFrame, context: RunContext) -> DataFrame:
    """Tombstones of pairs that live on under another licence than before: copies of them carry the old one."""
    licensed = after.select("pair_id", F.col("license_code").alias("new_license_code"))
    both = before.select(*_IDENTITY).join(licensed, "pair_id")
    changed = both.where(~F.col("license_code").eqNullSafe(F.col("new_license_code")))
    rows = changed.withColumn("reason", F.lit(RELICENSED)).withColumn("removed_at", F.lit(context.started))
    return rows.select(*TOMBSTONES.column_names)


def buried_alive(tombstones: DataFrame, pairs: DataFrame) -> DataFrame:
    """Tombstones of living pairs, but for those that tell of a licence which is not the pair's any more."""
    living = pairs.select("pair_id", F.col("license_code").alias("license_now"))
    is_told = (F.col("reason") == RELICENSED) & ~F.col("license_code").eqNullSafe(F.col("license_now"))
    return tombstones.join(living, "pair_id").where(~is_told)


def with_new_license(tombstones: DataFrame, pairs: DataFrame) -> DataFrame:
    """The tombstones, those of living pairs with the licence that these have: a pair may have come back with it."""
    living = pairs.select("pair_id", F.col("license_code").alias("license_now"), F.lit(True).alias("is_living"))
    code = F.when(F.col("is_living"), F.col("license_now")).otherwise(F.col("new_license_code"))
    rows = tombstones.join(living, "pair_id", "left").withColumn("new_license_code", code)
    return rows.select(*TOMBSTONES.column_names)


def dated_as_before(dead: DataFrame, old: DataFrame) -> DataFrame:
    """The tombstones, those that an earlier run wrote of the same event with its time."""
    before = old.select("pair_id", F.col("removed_at").alias("buried"), F.struct(*_EVENT).alias("event"))
    is_same = F.struct(*_EVENT).eqNullSafe(F.col("event"))
    removed_at = F.when(is_same, F.col("buried")).otherwise(F.col("removed_at"))
    return dead.join(before, "pair_id", "left").withColumn("removed_at", removed_at).select(*TOMBSTONES.column_names)


def tombstones_of(gone: DataFrame, lake: Lake, context: RunContext) -> DataFrame:
    """Tombstones of pairs, with the first reason that holds: removed, retracted, relicensed, refused, superseded, changed."""
    articles, documents = lake.read(ARTICLES), lake.read(DOCUMENTS)
    now = articles.select("accession", F.lit(True).alias("is_parsed"), F.col("license_in_force").alias("license_now"))
    listed = lake.read(INVENTORY).select("accession", F.col("state").alias("listed_as"))
    kept = documents.select("accession", ((F.col("state") == FILTERED) | F.col("is_relicensed")).alias("is_left_out"))
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
        .when(F.col("is_left_out"), RELICENSED)
        .when(F.col("is_parsed").isNull(), "refused")
        .when(~F.col("license_now").eqNullSafe(F.col("article_license_code")), RELICENSED)
        .when(version < F.col("newest"), "superseded")
        .otherwise("changed")
    )
    rows = joined.withColumns(
        {"reason": reason, "removed_at": F.lit(context.started), "new_license_code": F.lit(None).cast("string")}
    )
    return rows.select(*TOMBSTONES.column_names)
