"""Pairs that all executors find together: what is sent to them, and how a hot key is shared out."""

from __future__ import annotations

import numpy as np
import pytest
from pyspark.sql import DataFrame, GroupedData, SparkSession
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.hash_keys import placed_by_key
from jobs.hash_pairs import hash_pairs, sent_files
from tests.jobs.rows import collected
from udfs.bands import ALL_BITS, agreements
from udfs.batches.hash_pairs import HashFiles

pytestmark = pytest.mark.spark
WAYS = agreements(ALL_BITS, 6, 8)
COLUMNS = "phash long, looks binary, is_new boolean"


def pairs(hashes: DataFrame, settings: DuplicateSettings) -> list[tuple[int, int, int]]:
    with hash_pairs(hashes, settings) as found:
        return collected(found, "lower_phash", "upper_phash", "hamming_distance")


def test_an_executor_that_comes_after_a_search_finds_what_was_sent_for_it(spark: SparkSession) -> None:
    hashes = spark.createDataFrame([(1, bytes(32), True), (3, bytes(32), True), (-1, bytes(32), False)], COLUMNS)
    assert pairs(hashes, DuplicateSettings()) == [(1, 3, 1)]
    names = {url.rpartition("/")[2] for url in spark.sparkContext.listFiles}
    for field in HashFiles._fields:
        sent = [sent_files() / name for name in names if name.startswith(f"{field}-")]
        assert sent
        assert [path.stat().st_size for path in sent] == [0] * len(sent)


def test_hashes_whose_looks_are_all_too_many_are_found(spark: SparkSession) -> None:
    hashes = spark.createDataFrame([(1, b"", True), (3, b"", True)], COLUMNS)
    assert pairs(hashes, DuplicateSettings()) == pairs(hashes, DuplicateSettings(max_broadcast_bytes=1)) == [(1, 3, 1)]


@pytest.fixture(scope="module")
def crowd(spark: SparkSession) -> DataFrame:
    """2,000 hashes that agree in the bits of one key and 22 others, and 200 that agree in nothing; every second look differs."""
    rng = np.random.default_rng(9)
    free = [bit for bit in range(63) if not WAYS[0].equal >> bit & 1][:26]
    flips = np.left_shift(rng.integers(0, 2, (2000, 26)), free).sum(axis=1)
    values = rng.permutation(np.unique(np.append(flips, rng.integers(-(2**63), 2**63 - 1, 200)))).tolist()
    rows = [
        (value, bytes([255 * (place % 2)]) * 32, place % 5 < 3) for place, value in enumerate(rng.permutation(values).tolist())
    ]
    return spark.createDataFrame(rows, COLUMNS).persist()


def test_by_shuffle_the_same_pairs_are_found_as_with_files(crowd: DataFrame) -> None:
    by_files = pairs(crowd, DuplicateSettings())
    assert len(by_files) > 1000
    assert pairs(crowd, DuplicateSettings(max_broadcast_bytes=1, hashes_per_task=1500)) == by_files


def test_no_share_of_a_hot_key_is_larger_than_a_task(crowd: DataFrame) -> None:
    num_hashes = crowd.count()
    assert largest_share(placed_by_key(crowd, num_hashes, WAYS, 10**6)) >= 2000
    shared = placed_by_key(crowd, num_hashes, WAYS, 400)
    assert 300 < largest_share(shared) < 520  # blocks are of about equal size only
    assert shared.select("agreement", "phash").distinct().count() == num_hashes * len(WAYS)
    assert 1200 < largest_share(placed_by_key(crowd, num_hashes, WAYS, 1500)) < 1500  # two thirds of the hashes were counted


def test_a_share_is_in_one_task_and_no_task_holds_much_more_than_others(crowd: DataFrame) -> None:
    shared = placed_by_key(crowd, crowd.count(), WAYS, 400)
    assert shares(shared).agg(F.count_distinct("task").alias("num")).where("num > 1").isEmpty()
    sizes = [row["count"] for row in shared.groupBy(F.spark_partition_id()).count().collect()]
    assert 300 < max(sizes) < 520


def largest_share(placed: DataFrame) -> int:
    """How many hashes come together, at most: those of one share of one key."""
    return int(shares(placed).agg(F.count("*").alias("num")).agg(F.max("num")).collect()[0][0])


def shares(placed: DataFrame) -> GroupedData:
    mask = F.element_at(F.array(*(F.lit(np.uint64(way.equal).view(np.int64).item()) for way in WAYS)), F.col("agreement") + 1)
    return placed.withColumn("task", F.spark_partition_id()).groupBy("agreement", "share", F.col("phash").bitwiseAND(mask))
