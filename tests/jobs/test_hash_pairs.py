"""Pairs that all executors find together: what is sent to them, and how a hot key is shared out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pyspark import SparkFiles
from pyspark.sql import Column, DataFrame, GroupedData, SparkSession
from pyspark.sql import functions as F

from conf.settings import DuplicateSettings
from jobs.hash_keys import placed_by_key
from jobs.hash_pairs import hash_pairs, sent_files
from tests.jobs.rows import collected
from udfs.bands import ALL_BITS, Agreement, agreements
from udfs.batches.hash_pairs import HashFiles

pytestmark = pytest.mark.spark
WAYS = agreements(ALL_BITS, 6, 8)
COLUMNS = "phash long, looks binary, is_new boolean"


def pairs(hashes: DataFrame, settings: DuplicateSettings) -> list[tuple[int, int, int]]:
    with hash_pairs(hashes, settings) as found:
        return collected(found, "lower_phash", "upper_phash", "hamming_distance")


def test_what_was_sent_stays_without_content_for_executors_that_come_later(spark: SparkSession) -> None:
    hashes = spark.createDataFrame([(1, bytes(32), True), (3, bytes(32), True), (-1, bytes(32), False)], COLUMNS)
    assert pairs(hashes, DuplicateSettings()) == [(1, 3, 1)]
    names = {url.rpartition("/")[2] for url in spark.sparkContext.listFiles}
    for field in HashFiles._fields:
        sent = [sent_files() / name for name in names if name.startswith(f"{field}-")]
        assert sent
        sent += [Path(SparkFiles.get(path.name)) for path in sent]
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


@pytest.mark.parametrize("is_by_number", [True, False], ids=["by_number", "by_hash"])
def test_by_shuffle_the_same_pairs_are_found_as_with_files(
    crowd: DataFrame, is_by_number: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a Spark that cannot place rows by the number of their task."""
    if not is_by_number:
        for known in (known for known in type(crowd).__mro__ if "repartitionById" in vars(known)):
            monkeypatch.delattr(known, "repartitionById")
    by_files = pairs(crowd, DuplicateSettings())
    assert len(by_files) > 1000
    assert pairs(crowd, DuplicateSettings(max_broadcast_bytes=1, hashes_per_task=1500)) == by_files


def test_of_few_new_hashes_the_keys_alone_are_shuffled(crowd: DataFrame) -> None:
    few = crowd.withColumn("is_new", F.col("phash") % 97 == 0).persist()
    placed = placed_by_key(few, WAYS, 1500)
    assert placed.groupBy("agreement", masked()).agg(F.max("is_new").alias("has_new")).where("NOT has_new").isEmpty()
    assert 1000 < placed.select("agreement", "phash").distinct().count() < crowd.count() * len(WAYS)
    by_files = pairs(few, DuplicateSettings())
    assert len(by_files) > 10
    assert pairs(few, DuplicateSettings(max_broadcast_bytes=1, hashes_per_task=1500)) == by_files


@pytest.mark.parametrize(("max_bytes", "is_shuffled"), [(3 * 16 + 4 * 32, False), (3 * 16 + 4 * 32 - 1, True)])
def test_hashes_and_looks_of_more_bytes_than_allowed_are_shuffled(
    spark: SparkSession, max_bytes: int, is_shuffled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    per_task: list[int] = []

    def watched(hashes: DataFrame, ways: Sequence[Agreement], hashes_per_task: int) -> DataFrame:
        per_task.append(hashes_per_task)
        return placed_by_key(hashes, ways, hashes_per_task)

    monkeypatch.setattr("jobs.hash_pairs.placed_by_key", watched)
    hashes = spark.createDataFrame([(1, bytes(32), True), (3, bytes(64), True), (-1, bytes(32), False)], COLUMNS)
    settings = DuplicateSettings(max_broadcast_bytes=max_bytes, hashes_per_task=1000)
    assert pairs(hashes, settings) == [(1, 3, 1)]
    assert per_task == ([1000 * 3 * 48 // (3 * 16 + 4 * 32)] if is_shuffled else [])


def test_no_share_of_a_hot_key_is_larger_than_a_task(crowd: DataFrame) -> None:
    new = crowd.withColumn("is_new", F.lit(True))
    assert largest_share(placed_by_key(new, WAYS, 10**6)) >= 2000
    shared = placed_by_key(new, WAYS, 400)
    assert 300 < largest_share(shared) < 520  # blocks are of about equal size only
    assert shared.select("agreement", "phash").distinct().count() == crowd.count() * len(WAYS)
    assert 1200 < largest_share(placed_by_key(new, WAYS, 1500)) < 1500  # two thirds of the hashes were counted


def test_a_share_is_in_one_task_and_no_task_holds_much_more_than_others(crowd: DataFrame) -> None:
    shared = placed_by_key(crowd.withColumn("is_new", F.lit(True)), WAYS, 400)
    assert shares(shared).agg(F.count_distinct("task").alias("num")).where("num > 1").isEmpty()
    sizes = [row["count"] for row in shared.groupBy(F.spark_partition_id()).count().collect()]
    assert 300 < max(sizes) < 600


def largest_share(placed: DataFrame) -> int:
    """How many hashes come together, at most: those of one share of one key."""
    return int(shares(placed).agg(F.count("*").alias("num")).agg(F.max("num")).collect()[0][0])


def shares(placed: DataFrame) -> GroupedData:
    return placed.withColumn("task", F.spark_partition_id()).groupBy("agreement", "share", masked())


def masked() -> Column:
    """The key of a row of KEYED."""
    mask = F.element_at(F.array(*(F.lit(np.uint64(way.equal).view(np.int64).item()) for way in WAYS)), F.col("agreement") + 1)
    return F.col("phash").bitwiseAND(mask)
