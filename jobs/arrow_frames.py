"""Frames through batch kernels: mapInArrow with the result's schema taken from Arrow."""

from __future__ import annotations

import pyarrow as pa
from pyspark.sql import DataFrame

from schemas.table import sql_type
from udfs.batches import BatchFunction


def sql_columns(schema: pa.Schema) -> str:
    """An Arrow schema as a Spark schema string."""
    return ", ".join(f"`{field.name}` {sql_type(field.type)}" for field in schema)


def map_batches(frame: DataFrame, function: BatchFunction, result: pa.Schema) -> DataFrame:
    """The frame's rows through a batch kernel whose batches have the schema `result`."""
    return frame.mapInArrow(function, sql_columns(result))
