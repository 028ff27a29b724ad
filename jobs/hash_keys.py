"""Hashes by the bits that must agree, for a search by shuffle: what shares a key comes together, a hot key in shares."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from udfs.bands import Agreement
from udfs.batches.hash_pairs import ALONE, KEYED, LEFT, RIGHT

_SAMPLED_OF_HOT = 1000


def placed_by_key(hashes: DataFrame, num_hashes: int, ways: Sequence[Agreement], hashes_per_task: int) -> DataFrame:
    """Rows of KEYED: each hash once for every agreement, those that share a key in one task, of a hot key in several.

    The hashes of a key with more than `hashes_per_task` are cut into blocks, and a share of the key is one block with itself or
    two with each other. Keys are counted in a sample, which meets a key of that size some _SAMPLED_OF_HOT times.
    """
    fraction = min(1.0, _SAMPLED_OF_HOT / hashes_per_task)
    sampled = _keyed(hashes.sample(fraction, seed=0), ways).groupBy("agreement", "key").count()
    counted = sampled.select("agreement", "key", (F.col("count") / fraction).alias("num_hashes"))
    num_blocks = F.ceil(2 * F.col("num_hashes") / hashes_per_task).cast("int").alias("num_blocks")
    # At most one in so many of all keyed rows: few enough to go to every executor.
    hot = counted.where(F.col("num_hashes") > hashes_per_task).select("agreement", "key", num_blocks).collect()
    num_rows = num_hashes * len(ways) + sum(row["num_blocks"] ** 2 * hashes_per_task // 2 for row in hot)
    by_key = hashes.sparkSession.createDataFrame(hot, "agreement int, key long, num_blocks int")
    keyed = _keyed(hashes, ways).join(F.broadcast(by_key), ["agreement", "key"], "left")
    shared = keyed.withColumn("at", F.explode(_shares(F.coalesce("num_blocks", F.lit(1))))).select("*", "at.*")
    return shared.repartition(-(-num_rows // hashes_per_task), "agreement", "key", "share").select(*KEYED.names)


def _keyed(hashes: DataFrame, ways: Sequence[Agreement]) -> DataFrame:
    keys = F.array(*(F.struct(F.lit(number).alias("agreement"), _key(way).alias("key")) for number, way in enumerate(ways)))
    return hashes.select("phash", "is_new", "looks", F.explode(keys).alias("way")).select("way.*", "phash", "is_new", "looks")


def _key(way: Agreement) -> Column:
    return F.col("phash").bitwiseAND(F.lit(int(np.uint64(way.equal).view(np.int64))))


def _shares(num_blocks: Column) -> Column:
    """The shares of a key that a hash takes part in: its block with each block, and on which side it stands there."""
    block = F.pmod(F.xxhash64("phash"), num_blocks).cast("int")

    def share(other: Column) -> Column:
        low, high = F.least(block, other), F.greatest(block, other)
        number = (high * (high + 1) / 2 + low).cast("int")
        side = F.when(other == block, ALONE).when(block == low, LEFT).otherwise(RIGHT)
        return F.struct(number.alias("share"), side.alias("side"))

    return F.transform(F.sequence(F.lit(0), num_blocks - 1), share)
