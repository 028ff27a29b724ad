"""Frames of table rows in which a test names only the columns that it is about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from jobs.tables import spark_schema
from schemas.table import Column, Table

DAY_1 = datetime(2026, 11, 1, tzinfo=UTC)
DAY_2 = datetime(2026, 11, 2, tzinfo=UTC)


def frame(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    """Rows of a table, filled up as by `row`."""
    batch = table.batch([row(table, **values) for values in rows])
    return spark.createDataFrame(pa.Table.from_batches([batch]), spark_schema(table))


def collected(rows: DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    """The rows' values of these columns (all without any), sorted."""
    found = [tuple(row) for row in rows.select(*(columns or rows.columns)).collect()]
    return sorted(found, key=repr)


def row(table: Table, **values: Any) -> dict[str, Any]:
    """One row of a table; required columns that are not given hold something plain of their type."""
    return {column.name: _plain(column) for column in table.columns if column.required} | values


def _plain(column: Column) -> Any:
    if pa.types.is_timestamp(column.type):
        return DAY_1
    for is_type, value in (
        (pa.types.is_string, "x"),
        (pa.types.is_binary, b"x"),
        (pa.types.is_boolean, False),
        (pa.types.is_floating, 1.0),
        (pa.types.is_integer, 1),
    ):
        if is_type(column.type):
            return value
    return []
