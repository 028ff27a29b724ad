"""Kernels over narrow rows get long batches, and the session's own bound comes back."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from jobs.arrow_frames import map_batches, moved_rows, narrow_rows

pytestmark = pytest.mark.spark
_SIZE = pa.schema([pa.field("num_rows", pa.int64())])


def sizes(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield pa.RecordBatch.from_arrays([pa.array([batch.num_rows for batch in batches], pa.int64())], schema=_SIZE)


def longest(spark: SparkSession) -> int:
    return max(row["num_rows"] for row in map_batches(spark.range(0, 5_000, 1, 1), sizes, _SIZE).collect())


def test_batches_of_narrow_rows_are_long_and_others_stay_short(spark: SparkSession) -> None:
    bound = int(str(spark.conf.get("spark.sql.execution.arrow.maxRecordsPerBatch")))
    read = int(str(spark.conf.get("spark.sql.parquet.columnarReaderBatchSize")))
    with narrow_rows(spark):
        assert longest(spark) == 5_000
        assert int(str(spark.conf.get("spark.sql.parquet.columnarReaderBatchSize"))) > read
    assert longest(spark) == bound


@pytest.mark.parametrize("num_rows", [0, 24_000_000])
def test_many_rows_are_shuffled_among_more_tasks(spark: SparkSession, num_rows: int) -> None:
    own = int(str(spark.conf.get("spark.sql.shuffle.partitions")))
    with narrow_rows(spark, num_rows):
        assert int(str(spark.conf.get("spark.sql.shuffle.partitions"))) == max(own, num_rows // 1_000_000)


def test_the_bounds_come_back_after_an_error(spark: SparkSession) -> None:
    keys = (
        "spark.sql.execution.arrow.maxRecordsPerBatch",
        "spark.sql.parquet.columnarReaderBatchSize",
        "spark.sql.shuffle.partitions",
    )
    before = [spark.conf.get(key) for key in keys]
    with pytest.raises(ZeroDivisionError), narrow_rows(spark, 24_000_000):
        _ = 1 // 0
    assert [spark.conf.get(key) for key in keys] == before


@pytest.mark.parametrize(
    ("session", "inside"),
    [("32m", 128 * 2**20), ("1g", 2**30), ("130MB", 130 * 2**20), ("134217729", 2**27 + 1), ("1024kb", 2**27), ("256m ", 2**28)],
)
def test_rows_that_are_only_moved_are_read_in_long_splits(spark: SparkSession, session: str, inside: int) -> None:
    key = "spark.sql.files.maxPartitionBytes"
    before = str(spark.conf.get(key))
    try:
        spark.conf.set(key, session)
        with moved_rows(spark):
            assert int(str(spark.conf.get(key))) == inside
        assert spark.conf.get(key) == session
    finally:
        spark.conf.set(key, before)
