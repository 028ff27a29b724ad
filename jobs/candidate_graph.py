"""The graph of hashes near each other, kept from run to run: which of its components are to be decided."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.components import components
from jobs.hash_pairs import hash_pairs
from jobs.tables import CHANGE, DELETE, INSERT, Lake
from schemas.hash_pairs import HASH_PAIRS

_STAGED = "find_duplicates"
_ENDS = ("lower_phash", "upper_phash")


@dataclass(frozen=True)
class Graph:
    """decided: phash_trimmed and component of the hashes to decide. found: pairs new to the table. lost: pairs to leave it.

    `lost` is None where `found` is the whole graph. All are staged.
    """

    decided: DataFrame
    found: DataFrame
    lost: DataFrame | None


def candidate_graph(lake: Lake, images: DataFrame, touched: DataFrame | None, settings: DuplicateSettings) -> Graph:
    """The graph of the hashes of `images`, searched anew, or (touched given) grown by new hashes and shrunk by lost ones."""
    known = lake.read(HASH_PAIRS)
    hashes = lake.stage(distinct_hashes(images, touched), f"{_STAGED}/hashes")
    with hash_pairs(hashes.where("is_usable").select("phash", "is_new"), settings) as searched:
        found = lake.stage(searched.select(*known.columns), f"{_STAGED}/found")
    if touched is None:
        lost, pairs = None, found
    else:
        lost = lake.stage(lost_pairs(known, hashes, touched), f"{_STAGED}/lost")
        pairs = known.join(lost, list(_ENDS), "left_anti").union(found)
    edges = pairs.select(F.col("lower_phash").alias("left"), F.col("upper_phash").alias("right"))
    connected = lake.stage(components(edges), f"{_STAGED}/components")
    decided = lake.stage(members(hashes, connected, lost), f"{_STAGED}/decided")
    return Graph(decided.withColumnRenamed("phash", "phash_trimmed"), found, lost)


def save_graph(lake: Lake, graph: Graph) -> None:
    """Bring the table `hash_pairs` up to date."""
    if graph.lost is None:
        lake.sync(HASH_PAIRS, graph.found)
        return
    added = graph.found.join(lake.read(HASH_PAIRS), list(_ENDS), "left_anti").withColumn(CHANGE, F.lit(INSERT))
    lake.apply(HASH_PAIRS, added.unionByName(graph.lost.withColumn(CHANGE, F.lit(DELETE))))


def distinct_hashes(images: DataFrame, touched: DataFrame | None) -> DataFrame:
    """Each phash of the images with num_images, is_usable (some image with it has features), is_touched and is_new."""
    counted = images.groupBy(F.col("phash_trimmed").alias("phash")).agg(
        F.count("*").alias("num_images"), F.max(~F.col("is_featureless")).alias("is_usable")
    )
    if touched is None:
        return counted.withColumns({"is_touched": F.lit(True), "is_new": F.lit(True)})
    marks = touched.groupBy(F.col("phash_trimmed").alias("phash")).agg(F.max("is_new").alias("is_new"))
    return counted.join(marks, "phash", "left").select(
        *counted.columns, F.col("is_new").isNotNull().alias("is_touched"), F.coalesce("is_new", F.lit(False)).alias("is_new")
    )


def lost_pairs(pairs: DataFrame, hashes: DataFrame, touched: DataFrame) -> DataFrame:
    """Recorded pairs of a hash that no usable image has any more."""
    left = hashes.where("is_usable").select("phash")
    gone = touched.select(F.col("phash_trimmed").alias("phash")).distinct().join(left, "phash", "left_anti")
    at_an_end = [pairs.join(gone.withColumnRenamed("phash", end), end, "left_semi").select(*pairs.columns) for end in _ENDS]
    return at_an_end[0].union(at_an_end[1]).distinct()


def members(hashes: DataFrame, found: DataFrame, lost: DataFrame | None) -> DataFrame:
    """phash and component of the hashes to decide: those that are not alone, or (lost given) whose component was touched.

    found: node and component of the hashes that have pairs.
    """
    placed = hashes.join(found.withColumnRenamed("node", "phash"), "phash", "left")
    component = F.coalesce("component", "phash").alias("component")
    if lost is None:
        return placed.where(F.col("component").isNotNull() | (F.col("num_images") > 1)).select("phash", component)
    beside = lost.select(F.explode(F.array(*_ENDS)).alias("phash")).distinct().withColumn("is_beside", F.lit(True))
    placed = placed.join(beside, "phash", "left").select("phash", component, "is_touched", "is_beside")
    again = placed.where(F.col("is_touched") | F.col("is_beside")).select("component").distinct()
    return placed.join(again, "component", "left_semi").select("phash", "component")
