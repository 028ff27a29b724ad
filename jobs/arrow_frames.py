"""Frames through batch kernels: mapInArrow with the result's schema taken from Arrow."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from schemas.table import sql_type
from udfs.batches import BatchFunction

_BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
_NARROW_BATCH_ROWS = 65_536


def sql_columns(schema: pa.Schema) -> str:
    """An Arrow schema as a Spark schema string."""
    return ", ".join(f"`{field.name}` {sql_type(field.type)}" for field in schema)


def map_batches(frame: DataFrame, function: BatchFunction, result: pa.Schema) -> DataFrame:
    """The frame's rows through a batch kernel whose batches have the schema `result`."""
    return frame.mapInArrow(function, sql_columns(result))


@contextmanager
def narrow_rows(spark: SparkSession) -> Iterator[None]:
    """Kernels that run inside get long batches: their rows are of some hundred bytes, and a batch has its own costs.

    The session's own bound is for rows that hold images and documents.
    """
    before = str(spark.conf.get(_BATCH_ROWS))
    spark.conf.set(_BATCH_ROWS, str(_NARROW_BATCH_ROWS))
    try:
        yield
    finally:
        spark.conf.set(_BATCH_ROWS, before)
