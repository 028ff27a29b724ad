"""Hashes by the bits that must agree, for a search by shuffle: what shares a key comes together, a hot key in shares."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from udfs.bands import Agreement
from udfs.batches.hash_pairs import ALONE, KEYED, LEFT, RIGHT

# A key that makes up more than this part of a task gets tasks of its own, so that what hashing brings together is even.
_HEAVY_PART = 0.1
_SAMPLED_OF_HEAVY = 100
# Up to so many keys of new hashes go to every executor, so that no other key is shuffled.
_MAX_SENT_KEYS = 1_000_000


def placed_by_key(hashes: DataFrame, ways: Sequence[Agreement], hashes_per_task: int) -> DataFrame:
    """Rows of KEYED: each hash once for every agreement, those that share a key in one task, of a hot key in several.

    The hashes of a key with more than `hashes_per_task` are cut into blocks, and a share of the key is one block with itself or
    two with each other. Each share of a hot key has a task of its own, and so has a key with a tenth as many hashes. Keys are
    counted in a sample. Keys without a new hash are left out, if those with one are few.
    """
    wanted = _keys_of_new(hashes, ways)
    keyed = _keyed(hashes, ways, wanted)
    num_rows = hashes.count() * len(ways) if wanted is None else keyed.count()
    heavy = _heavy_keys(hashes, ways, wanted, hashes_per_task)
    num_light_tasks = max(1, -(-int(num_rows - sum(row["num_hashes"] for row in heavy)) // hashes_per_task))
    first_tasks = list(accumulate((_num_shares(row["num_blocks"]) for row in heavy), initial=num_light_tasks))
    num_tasks = first_tasks.pop()
    own = [(row["agreement"], row["key"], row["num_blocks"], first) for row, first in zip(heavy, first_tasks, strict=True)]
    by_key = hashes.sparkSession.createDataFrame(own, "agreement int, key long, num_blocks int, first_task int")
    # At most ten heavy keys a task: few enough to go to every executor.
    placed = keyed.join(F.broadcast(by_key), ["agreement", "key"], "left")
    shared = placed.withColumn("at", F.explode(_shares(F.coalesce("num_blocks", F.lit(1))))).select("*", "at.*")
    light_task = F.pmod(F.xxhash64("agreement", "key"), F.lit(num_light_tasks)).cast("int")
    return _in_tasks(shared, num_tasks, F.coalesce(F.col("first_task") + F.col("share"), light_task)).select(*KEYED.names)


def _in_tasks(rows: DataFrame, num_tasks: int, task: Column) -> DataFrame:
    """Each row in the task of its number; by Spark before 4.1 where the number's hash says, so that tasks may come together."""
    by_number = getattr(rows, "repartitionById", None)
    return by_number(num_tasks, task) if by_number else rows.repartition(num_tasks, task)


def _keys_of_new(hashes: DataFrame, ways: Sequence[Agreement]) -> DataFrame | None:
    """agreement and key of each new hash; None where all hashes are new, or too many to leave out the keys of no new one."""
    new = hashes.where("is_new")
    num_new = new.count()
    if num_new * len(ways) > _MAX_SENT_KEYS or num_new == hashes.count():
        return None
    return _keyed(new, ways).select("agreement", "key").distinct()


def _heavy_keys(hashes: DataFrame, ways: Sequence[Agreement], wanted: DataFrame | None, hashes_per_task: int) -> list[Row]:
    """agreement, key, num_hashes (as by a sample) and num_blocks of the keys that fill a good part of a task or more."""
    heavy = _HEAVY_PART * hashes_per_task
    fraction = min(1.0, _SAMPLED_OF_HEAVY / heavy)
    sampled = _keyed(hashes.sample(fraction, seed=0), ways, wanted).groupBy("agreement", "key").count()
    counted = sampled.select("agreement", "key", (F.col("count") / fraction).alias("num_hashes"))
    blocks = F.when(F.col("num_hashes") > hashes_per_task, F.ceil(2 * F.col("num_hashes") / hashes_per_task)).otherwise(1)
    return counted.where(F.col("num_hashes") > heavy).withColumn("num_blocks", blocks.cast("int")).collect()


def _num_shares(num_blocks: int) -> int:
    return num_blocks * (num_blocks + 1) // 2


def _keyed(hashes: DataFrame, ways: Sequence[Agreement], wanted: DataFrame | None = None) -> DataFrame:
    """agreement, key, phash, is_new, looks: each hash once for every agreement, of the wanted keys alone (None: all)."""
    keys = F.array(*(F.struct(F.lit(number).alias("agreement"), _key(way).alias("key")) for number, way in enumerate(ways)))
    keyed = hashes.select("phash", "is_new", "looks", F.explode(keys).alias("way")).select("way.*", "phash", "is_new", "looks")
    return keyed if wanted is None else keyed.join(F.broadcast(wanted), ["agreement", "key"], "left_semi")


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
