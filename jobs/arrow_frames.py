"""Frames through batch kernels: mapInArrow with the result's schema taken from Arrow; how much a task takes at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from schemas.table import sql_type
from udfs.batches import BatchFunction

_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
_READ_ROWS = "spark.sql.parquet.columnarReaderBatchSize"
_NARROW_BATCH_ROWS = 65_536
_NARROW_READ_ROWS = 4_096
_SPLIT_BYTES = "spark.sql.files.maxPartitionBytes"
_MOVED_SPLIT_BYTES = 128 * 2**20
_UNITS = "kmgtp"
_SHUFFLE_TASKS = "spark.sql.shuffle.partitions"
_ROWS_PER_SHUFFLE_TASK = 1_000_000


def sql_columns(schema: pa.Schema) -> str:
    """An Arrow schema as a Spark schema string."""
    return ", ".join(f"`{field.name}` {sql_type(field.type)}" for field in schema)


def map_batches(frame: DataFrame, function: BatchFunction, result: pa.Schema) -> DataFrame:
    """The frame's rows through a batch kernel whose batches have the schema `result`."""
    return frame.mapInArrow(function, sql_columns(result))


@contextmanager
def narrow_rows(spark: SparkSession, num_rows: int = 0) -> Iterator[None]:
    """Long batches for kernels, and a shuffle task for each million of `num_rows`, for rows of some hundred bytes.

    The session's own bounds are for rows that hold images and documents, and for small archives; a shuffle is never cut
    into fewer tasks than the session says.
    """
    num_tasks = max(int(str(spark.conf.get(_SHUFFLE_TASKS))), num_rows // _ROWS_PER_SHUFFLE_TASK)
    wanted = {_BATCH_ROWS: str(_NARROW_BATCH_ROWS), _READ_ROWS: str(_NARROW_READ_ROWS), _SHUFFLE_TASKS: str(num_tasks)}
    before = {key: str(spark.conf.get(key)) for key in wanted}
    _set(spark, wanted)
    try:
        yield
    finally:
        _set(spark, before)


@contextmanager
def moved_rows(spark: SparkSession) -> Iterator[None]:
    """Tasks of at least 128 MiB of files, for rows that are copied, counted or joined by their keys and enter no kernel.

    Such a task is over before the JVM has planned, for a session whose tasks are short for the sake of kernels.
    """
    before = str(spark.conf.get(_SPLIT_BYTES))
    _set(spark, {_SPLIT_BYTES: str(max(_MOVED_SPLIT_BYTES, _num_bytes(before)))})
    try:
        yield
    finally:
        _set(spark, {_SPLIT_BYTES: before})


def _num_bytes(size: str) -> int:
    """A size as Spark writes it, 32m or 134217728b, in bytes: its units are powers of 1,024."""
    number, unit = size.strip().lower().removesuffix("b"), 0
    if number[-1:] in _UNITS:
        number, unit = number[:-1], 1 + _UNITS.index(number[-1])
    return int(number) << (10 * unit)


def _set(spark: SparkSession, values: dict[str, str]) -> None:
    for key, value in values.items():
        spark.conf.set(key, value)
