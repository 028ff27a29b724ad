"""The graph of hashes that some images confirm as near, kept from run to run: which of its components are to be decided."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.components import components
from jobs.hash_looks import hash_looks
from jobs.hash_pairs import hash_pairs
from jobs.tables import CHANGE, DELETE, INSERT, Lake
from schemas.hash_pairs import HASH_PAIRS

_STAGED = "find_duplicates"
_ENDS = ("lower_phash", "upper_phash")


@dataclass(frozen=True)
class Graph:
    """decided: phash_trimmed and component of the hashes to decide. found: pairs of touched hashes. lost: see below.

    `lost` is None where `found` is the whole graph, else pairs of the table that are no more. All are staged.
    """

    decided: DataFrame
    found: DataFrame
    lost: DataFrame | None


def candidate_graph(lake: Lake, images: DataFrame, touched: DataFrame | None, settings: DuplicateSettings) -> Graph:
    """The graph of the hashes of `images`, searched anew, or (touched given) changed where touched hashes are."""
    known = lake.read(HASH_PAIRS)
    hashes = lake.stage(distinct_hashes(images, touched), f"{_STAGED}/hashes")
    searchable = hashes.where("is_usable").select("phash", "looks", F.col("is_touched").alias("is_new"))
    with hash_pairs(searchable, settings) as searched:
        found = lake.stage(searched.select(*known.columns), f"{_STAGED}/found")
    if touched is None:
        lost, pairs = None, found
    else:
        lost = lake.stage(lost_pairs(known, touched, found), f"{_STAGED}/lost")
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
    """Each phash of the images as by `hash_looks`, with is_touched."""
    hashes = hash_looks(images)
    if touched is None:
        return hashes.withColumn("is_touched", F.lit(True))
    marks = touched_hashes(touched).withColumn("is_touched", F.lit(True))
    return hashes.join(marks, "phash", "left").withColumn("is_touched", F.coalesce("is_touched", F.lit(False)))


def touched_hashes(touched: DataFrame) -> DataFrame:
    """phash of the touched images, those that are gone included."""
    return touched.select(F.col("phash_trimmed").alias("phash")).distinct()


def lost_pairs(known: DataFrame, touched: DataFrame, found: DataFrame) -> DataFrame:
    """Recorded pairs of a touched hash that were not found again: no image has it any more, or none that confirms the pair."""
    hashes = touched_hashes(touched)
    at_an_end = [known.join(hashes.withColumnRenamed("phash", end), end, "left_semi").select(*known.columns) for end in _ENDS]
    return at_an_end[0].union(at_an_end[1]).distinct().join(found, list(_ENDS), "left_anti")


def members(hashes: DataFrame, connected: DataFrame, lost: DataFrame | None) -> DataFrame:
    """phash and component of the hashes to decide: those that are not alone, or (lost given) whose component was touched.

    connected: node and component of the hashes that have pairs.
    """
    placed = hashes.join(connected.withColumnRenamed("node", "phash"), "phash", "left")
    component = F.coalesce("component", "phash").alias("component")
    if lost is None:
        return placed.where(F.col("component").isNotNull() | (F.col("num_images") > 1)).select("phash", component)
    beside = lost.select(F.explode(F.array(*_ENDS)).alias("phash")).distinct().withColumn("is_beside", F.lit(True))
    placed = placed.join(beside, "phash", "left").select("phash", component, "is_touched", "is_beside")
    again = placed.where(F.col("is_touched") | F.col("is_beside")).select("component").distinct()
    return placed.join(again, "component", "left_semi").select("phash", "component")
